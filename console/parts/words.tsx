/** Hashes and addresses as words: shortened, never a link, never fetched. */
import { useState } from "preact/hooks";
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

/** `forum.example` as `forum[.]example`: cannot be clicked, and no program takes it for an address. */
export function defangHost(host: string): string {
  return host.replaceAll(".", "[.]").replaceAll(":", "[:]");
}

/** An address whose text cannot be clicked; `[removed]` stands where a session token was. */
export function Address({ url }: { url: string }) {
  const parts = /^([a-z]+):\/\/([^/?#]*)(.*)$/i.exec(url);
  if (!parts) return <span class="url">{url.replaceAll("://", "[://]").replaceAll(".", "[.]")}</span>;
  const scheme = (parts[1] ?? "").replace(/^http/i, "hxxp");
  return (
    <span class="url">
      {scheme}
      {"://"}
      <b>{defangHost(parts[2] ?? "")}</b>
      <span>{parts[3]}</span>
    </span>
  );
}

export function CopyButton({
  label,
  value,
  onCopied,
  said,
}: {
  label: string;
  value: string;
  onCopied?: () => unknown;
  said: string;
}) {
  const [copied, setCopied] = useState(false);
  return (
    <>
      <Button
        small
        onPress={async () => {
          await navigator.clipboard.writeText(value);
          await onCopied?.();
          setCopied(true);
        }}
      >
        {label}
      </Button>
      <span role="status" class="small quiet-text">
        {copied ? said : ""}
      </span>
    </>
  );
}
