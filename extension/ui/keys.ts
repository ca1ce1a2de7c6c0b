// The keyboard of the panel: Ctrl+Enter acts, a digit answers, Escape goes one step back and discards nothing.

const TEXT_INPUTS = new Set(["text", "password", "search", "url", "email", ""]);

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && TEXT_INPUTS.has(target.type);
}

function press(element: HTMLElement | null): boolean {
  if (!element) return false;
  element.focus();
  element.click();
  return true;
}

export function onKey(event: KeyboardEvent, { singleKeys }: { singleKeys: boolean }): void {
  if (event.isComposing || event.altKey) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    if (press(document.querySelector<HTMLElement>("[data-primary]"))) event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey) return;
  // One line of text ends with Enter, as in any form.
  if (event.key === "Enter" && event.target instanceof HTMLInputElement && TEXT_INPUTS.has(event.target.type)) {
    if (press(document.querySelector<HTMLElement>("[data-primary]"))) event.preventDefault();
    return;
  }
  if (event.key === "Escape") {
    if (press(document.querySelector<HTMLElement>("[data-back]"))) event.preventDefault();
    return;
  }
  if (!singleKeys || !/^[0-9]$/.test(event.key) || isTyping(event.target)) return;
  // In a group of choices the digits are the group's; elsewhere they are the screen's own answers.
  const group = event.target instanceof Element ? event.target.closest("[data-choices]") : null;
  const chosen = group?.querySelector<HTMLElement>(`[data-choice="${event.key}"]`);
  if (press(chosen ?? (group ? null : document.querySelector<HTMLElement>(`[data-key="${event.key}"]`)))) {
    event.preventDefault();
  }
}
