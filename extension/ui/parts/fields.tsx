// What a person answers with: text, choice groups, selects, ticks; and the summary of what is missing.
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Fault } from "../../report/check.ts";
import { listCountries } from "../countries.ts";
import { t } from "../i18n.ts";
import { KeyHint } from "./parts.tsx";

type Common = { id: string; label: string; hint?: string | undefined; fault?: string | undefined; optional?: boolean };

function describedBy(
  { id, hint, fault }: Pick<Common, "id" | "hint" | "fault">,
  counter?: boolean,
): string | undefined {
  const ids = [hint && `${id}-hint`, fault && `${id}-fault`, counter && `${id}-count`].filter(Boolean);
  return ids.length > 0 ? ids.join(" ") : undefined;
}

function LabelText({ label, optional }: Pick<Common, "label" | "optional">): JSX.Element {
  return (
    <>
      {label}
      {optional && <span class="quiet-text"> {t("app.optional")}</span>}
    </>
  );
}

function FaultLine({ id, fault }: Pick<Common, "id" | "fault">): JSX.Element | null {
  return fault ? (
    <p class="fault" id={`${id}-fault`}>
      {fault}
    </p>
  ) : null;
}

type TextProps = Common & {
  value: string;
  onInput: (value: string) => void;
  max?: number;
  rows?: number;
  secret?: boolean;
  spellcheck?: boolean;
};

export function TextField(props: TextProps): JSX.Element {
  const { id, label, hint, fault, optional, value, onInput, max, rows, secret } = props;
  const shared = {
    id,
    class: "input",
    value,
    autocomplete: "off",
    spellcheck: props.spellcheck ?? false,
    "aria-invalid": fault ? ("true" as const) : undefined,
    "aria-describedby": describedBy({ id, hint, fault }, max !== undefined && rows !== undefined),
    onInput: (event: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) => onInput(event.currentTarget.value),
  };
  return (
    <div class="field">
      <label for={id}>
        <LabelText label={label} optional={optional ?? false} />
      </label>
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {rows ? (
        <textarea rows={rows} {...shared} />
      ) : secret ? (
        <input type="password" {...shared} />
      ) : (
        <input type="text" {...shared} />
      )}
      {max !== undefined && rows !== undefined && (
        <p class="hint num" id={`${id}-count`}>
          {t("app.counter", { used: value.length.toLocaleString("en"), max: max.toLocaleString("en") })}
        </p>
      )}
      <FaultLine id={id} fault={fault} />
    </div>
  );
}

export type Option<Value extends string> = { value: Value; label: string };
type ChoicesProps<Value extends string> = Common & {
  options: readonly Option<Value>[];
  value: Value | undefined;
  onChoose: (value: Value) => void;
  /** Short labels stand in two columns. */
  columns?: boolean;
  onClear?: () => void;
};

/** 1 to 9, then 0: as on the keyboard. */
export const KEYS_OF_CHOICES = "1234567890";

export function Choices<Value extends string>(props: ChoicesProps<Value>): JSX.Element {
  const { id, label, hint, fault, optional, options, value, onChoose, columns, onClear } = props;
  return (
    <fieldset id={id} data-choices="" aria-describedby={describedBy({ id, hint, fault })} tabIndex={-1}>
      <legend>
        <LabelText label={label} optional={optional ?? false} />
      </legend>
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      <div class={columns ? "choices row" : "choices"}>
        {options.map((option, i) => (
          <label class="choice" key={option.value}>
            <input
              type="radio"
              name={id}
              value={option.value}
              checked={option.value === value}
              aria-invalid={fault ? "true" : undefined}
              data-choice={KEYS_OF_CHOICES[i]}
              onChange={() => onChoose(option.value)}
            />
            <span>{option.label}</span>
            {i < KEYS_OF_CHOICES.length ? <KeyHint keys={KEYS_OF_CHOICES[i] as string} /> : <span />}
          </label>
        ))}
      </div>
      {onClear && value !== undefined && (
        <button type="button" class="button plain small" onClick={onClear}>
          {t("form.clear")}
        </button>
      )}
      <FaultLine id={id} fault={fault} />
    </fieldset>
  );
}

type SelectProps = Common & { value: string; options: readonly Option<string>[]; onChoose: (value: string) => void };

export function SelectField({ id, label, hint, fault, value, options, onChoose }: SelectProps): JSX.Element {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      <select
        id={id}
        class="input"
        value={value}
        aria-invalid={fault ? "true" : undefined}
        aria-describedby={describedBy({ id, hint, fault })}
        onChange={(event) => onChoose(event.currentTarget.value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value} selected={option.value === value}>
            {option.label}
          </option>
        ))}
      </select>
      <FaultLine id={id} fault={fault} />
    </div>
  );
}

export function CountryField(
  props: Common & { value: string | undefined; onChoose: (code: string) => void },
): JSX.Element {
  const options = [
    // An empty first entry: the wrong number, shown because nobody chose, could cost minutes.
    ...(props.value === undefined ? [{ value: "", label: t("app.choose") }] : []),
    ...listCountries().map(({ code, name }) => ({ value: code, label: name })),
  ];
  const choose = (code: string) => {
    if (code !== "") props.onChoose(code);
  };
  return <SelectField {...props} value={props.value ?? ""} options={options} onChoose={choose} />;
}

type TickProps = {
  id: string;
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  fault?: string | undefined;
};

export function Tick({ id, label, checked, onChange, fault }: TickProps): JSX.Element {
  return (
    <div class="field">
      <div class="tick">
        <input
          id={id}
          type="checkbox"
          checked={checked}
          aria-invalid={fault ? "true" : undefined}
          aria-describedby={fault ? `${id}-fault` : undefined}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
        <label for={id}>{label}</label>
      </div>
      <FaultLine id={id} fault={fault} />
    </div>
  );
}

/** Focused when it appears; each line goes to its field. */
export function FaultSummary({
  what,
  faults,
  round,
}: {
  what: string;
  faults: readonly Fault[];
  round: number;
}): JSX.Element | null {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    // Only a new attempt moves the focus; a fault that goes away while somebody types does not.
    if (round > 0) box.current?.focus();
  }, [round]);
  if (faults.length === 0) return null;
  const count = t(faults.length === 1 ? "app.fault_one" : "app.fault_many", { what, count: faults.length });
  return (
    <div class="errors" role="alert" tabIndex={-1} ref={box}>
      <p>
        <b>{count}</b>
      </p>
      <ul>
        {faults.map((fault) => (
          <li key={fault.field}>
            <a
              href={`#${fault.field}`}
              onClick={(event) => {
                event.preventDefault();
                goTo(fault.field);
              }}
            >
              {t(fault.word, fault.args)}
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** A choice group is entered at its chosen or first answer. */
function goTo(field: string): void {
  const target = document.getElementById(field);
  const inside = target?.querySelector<HTMLElement>("input:checked") ?? target?.querySelector<HTMLElement>("input");
  (inside ?? target)?.focus();
}

export function faultFor(faults: readonly Fault[], field: string): string | undefined {
  const fault = faults.find((each) => each.field === field);
  return fault && t(fault.word, fault.args);
}
