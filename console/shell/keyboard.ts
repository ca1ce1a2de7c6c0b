/** Single-letter keys: act only when no text field has the focus, and can be switched off. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

const OFF_FLAG = "bw-single-keys-off";

export const singleKeys = signal(localStorage.getItem(OFF_FLAG) === null);

export function setSingleKeys(on: boolean): void {
  if (on) localStorage.removeItem(OFF_FLAG);
  else localStorage.setItem(OFF_FLAG, "1");
  singleKeys.value = on;
}

function takesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["radio", "checkbox", "button"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

export type KeyTable = Record<string, () => unknown>;

/** While a question stands in front of the screen, keys are the question's: none acts on what lies behind it. */
export function isQuestionOpen(): boolean {
  return document.querySelector("dialog[open]") !== null;
}

/**
 * Binds a table of keys while the calling screen is mounted.
 *
 * @param table - `"j"`, `"Enter"`, `"ctrl+Enter"`: lower-case letters, `ctrl+` also means the command key
 */
export function useKeys(table: KeyTable): void {
  // Read when a key comes, not when an effect ran: a key pressed right after an answer must see that answer.
  const latest = useRef(table);
  latest.current = table;
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if (event.defaultPrevented || event.altKey || isQuestionOpen()) return;
      const withCtrl = event.ctrlKey || event.metaKey;
      const name = `${withCtrl ? "ctrl+" : ""}${event.key.length === 1 ? event.key.toLowerCase() : event.key}`;
      const run = latest.current[name];
      if (!run) return;
      if (!withCtrl && !belongsToScreen(event)) return;
      event.preventDefault();
      run();
    }
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

/** A letter typed into a field is text, and Enter on a control is that control's. */
function belongsToScreen(event: KeyboardEvent): boolean {
  if (event.key !== "Escape" && takesText(event.target)) return false;
  if (event.key.length === 1 && !singleKeys.value) return false;
  const onControl = event.target instanceof HTMLElement && event.target.closest("button, a, input, summary") !== null;
  return event.key !== "Enter" || !onControl;
}
