/** A group of answers with number keys; nothing is chosen beforehand. */

import type { Word } from "@breakwater/shared/vocab/index.ts";

/** A vocabulary as the answers of a group, in its own order. */
export function optionsOf(table: Record<string, Word>): { value: string; label: string }[] {
  return Object.entries(table).map(([value, { label }]) => ({ value, label }));
}

type ChoicesProps = {
  legend: string;
  name: string;
  hint?: string;
  options: readonly { value: string; label: string }[];
  value: string | undefined;
  row?: boolean;
  fault?: string | undefined;
  onChoose: (value: string) => void;
};

export function Choices({ legend, name, hint, options, value, row, fault, onChoose }: ChoicesProps) {
  return (
    <fieldset
      id={name}
      aria-invalid={fault ? "true" : undefined}
      aria-describedby={fault ? `${name}-fault` : undefined}
      onKeyDown={(event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || !/^[0-9]$/.test(event.key)) return;
        const option = options[event.key === "0" ? 9 : Number(event.key) - 1];
        if (!option) return;
        event.preventDefault();
        event.stopPropagation();
        onChoose(option.value);
        const input = event.currentTarget.querySelector<HTMLInputElement>(`input[value="${option.value}"]`);
        input?.focus();
      }}
    >
      <legend>{legend}</legend>
      {hint ? <p class="hint">{hint}</p> : null}
      <div class={row ? "choices row" : "choices"}>
        {options.map((option, index) => (
          <label class="choice" key={option.value}>
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={value === option.value}
              onChange={() => onChoose(option.value)}
            />
            <span>{option.label}</span>
            {index < 10 ? (
              <span aria-hidden="true">
                <kbd>{(index + 1) % 10}</kbd>
              </span>
            ) : null}
          </label>
        ))}
      </div>
      {fault ? (
        <p class="fault" id={`${name}-fault`}>
          {fault}
        </p>
      ) : null}
    </fieldset>
  );
}
