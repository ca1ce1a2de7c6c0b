// The small parts of every screen: button, banner, facts, address, hash.
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { defangedParts, hashName, shortHash } from "../address.ts";
import { t } from "../i18n.ts";

type ButtonProps = {
  children: ComponentChildren;
  onClick: () => void;
  look?: "primary" | "danger" | "plain";
  small?: boolean;
  wide?: boolean;
  /** Busy: the words change, the width stays, a second press does nothing. */
  busy?: boolean;
  disabled?: boolean;
  /** Answered by Ctrl+Enter; one a screen. */
  primaryKey?: boolean;
  back?: boolean;
  described?: string;
  label?: string;
};

export function Button(props: ButtonProps): JSX.Element {
  const { children, onClick, look, small, wide, busy, disabled, primaryKey, back, described, label } = props;
  const idle = busy || disabled;
  const className = ["button", look, small && "small", wide && "wide"].filter(Boolean).join(" ");
  return (
    <button
      type="button"
      class={className}
      aria-disabled={idle ? "true" : undefined}
      aria-describedby={described}
      aria-label={label}
      data-primary={primaryKey ? "" : undefined}
      data-back={back ? "" : undefined}
      onClick={() => {
        if (!idle) onClick();
      }}
    >
      {children}
      {primaryKey && !busy && <KeyHint keys={t("app.primary_keys")} />}
    </button>
  );
}

/** For eyes only: a name like "Send now Ctrl Return" would be read out at every visit. */
export function KeyHint({ keys }: { keys: string }): JSX.Element {
  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a key hint is not focusable; its button is
  return <kbd aria-hidden="true">{keys}</kbd>;
}

/** A wide answer with a line under it and a number key. */
export function Answer(props: { title: string; hint?: string; digit: number; onClick: () => void }): JSX.Element {
  return (
    <button type="button" class="button answer wide" data-key={props.digit} onClick={props.onClick}>
      <span>
        {props.title}
        {props.hint && (
          <>
            <br />
            <small class="quiet-text">{props.hint}</small>
          </>
        )}
      </span>
      <KeyHint keys={String(props.digit)} />
    </button>
  );
}

type BannerProps = {
  tone?: "info" | "caution" | "danger" | "good";
  first?: string;
  children?: ComponentChildren;
  alert?: boolean;
};

export function Banner({ tone, first, children, alert }: BannerProps): JSX.Element {
  return (
    <div class={tone ? `banner ${tone}` : "banner"} role={alert ? "alert" : "status"}>
      {first !== undefined && (
        <p>
          <b>{first}</b>
          {typeof children === "string" ? ` ${children}` : ""}
        </p>
      )}
      {typeof children === "string" ? first === undefined && <p>{children}</p> : children}
    </div>
  );
}

export function Facts({ children }: { children: ComponentChildren }): JSX.Element {
  return <dl class="facts">{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }): JSX.Element {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** Defanged, isolated, never a link. */
export function Address({ url }: { url: string }): JSX.Element {
  const { scheme, host, rest } = defangedParts(url);
  return (
    <span class="url">
      {scheme}
      <b>{host}</b>
      <span>{rest}</span>
    </span>
  );
}

export function HashLine({ alg, value }: { alg: string; value: string }): JSX.Element {
  const { shown, spoken } = shortHash(alg, value);
  return (
    <>
      <span class="visually-hidden">{spoken}</span>
      <span class="hash" aria-hidden="true">
        {shown}
      </span>
    </>
  );
}

export function CopyButton({ value, what }: { value: string; what: string }): JSX.Element {
  const [copied, setCopied] = useState(false);
  return (
    <>
      <Button
        look="plain"
        small
        label={`${t("app.copy")} ${what}`}
        onClick={() => {
          void navigator.clipboard.writeText(value).then(() => setCopied(true));
        }}
      >
        {copied ? t("app.copied") : t("app.copy")}
      </Button>
      <span class="visually-hidden" role="status">
        {copied ? t("app.copied") : ""}
      </span>
    </>
  );
}

/** Text as it is, in a box that scrolls. */
export function Exact({ label, text }: { label: string; text: string }): JSX.Element {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must be able to get into it
    <section class="exact" tabIndex={0} aria-label={label}>
      <pre>{text}</pre>
    </section>
  );
}

export { hashName };
