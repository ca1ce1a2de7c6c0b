/** Hashes and addresses as words: shortened, never a link, never fetched. */
import { showAddress } from "@breakwater/shared/shown-text.ts";
import { useState } from "preact/hooks";
import { explain } from "../api.ts";
import { Button } from "./button.tsx";

const ALG_NAMES: Record<string, string> = {
  sha256: "SHA-256",
  sha1: "SHA-1",
  md5: "MD5",
  sha512: "SHA-512",
  pdq: "PDQ",
};

export function algName(alg: string): string {
  return ALG_NAMES[alg] ?? alg;
}

export function Hash({ alg, value }: { alg: string; value: string }) {
  const start = value.slice(0, 4);
  const end = value.slice(-4);
  return (
    <span class="hash">
      <span class="visually-hidden">{`${algName(alg)}, starts ${start}, ends ${end}`}</span>
      <span aria-hidden="true">{`${start} ${value.slice(4, 8)} … ${end}`}</span>
    </span>
  );
}

export function Id({ value }: { value: string }) {
  return <span class="id">{value.length > 12 ? `${value.slice(0, 4)} … ${value.slice(-2)}` : value}</span>;
}

/** An address whose text cannot be clicked, its host first to the eye; `[removed]` stands where a session token was. */
export function Address({ url }: { url: string }) {
  const parts = /^(hxxps?:\/\/)([^/?#]*)(.*)$/s.exec(showAddress(url));
  if (!parts) return <span class="url">{showAddress(url)}</span>;
  return (
    <span class="url">
      {parts[1]}
      <b>{parts[2]}</b>
      <span>{parts[3]}</span>
    </span>
  );
}

/** @param noted - must succeed first: what is not written down is not copied */
export function CopyButton({
  label,
  value,
  noted,
  said,
}: {
  label: string;
  value: string;
  noted: () => Promise<void>;
  said: string;
}) {
  const [status, setStatus] = useState("");
  const copy = async () => {
    setStatus("");
    try {
      await noted();
    } catch (error) {
      return setStatus(`Not copied: it could not be noted in the case log. ${explain(error).title}`);
    }
    await navigator.clipboard.writeText(value).then(
      () => setStatus(said),
      () => setStatus("Not copied: this browser did not allow it."),
    );
  };
  return (
    <>
      <Button small onPress={copy}>
        {label}
      </Button>
      <span role="status" class="small quiet-text">
        {status}
      </span>
    </>
  );
}
