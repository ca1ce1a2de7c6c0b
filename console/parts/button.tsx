/** Buttons: one primary a screen; one that cannot be used yet stays focusable and says why. */
import type { ComponentChildren } from "preact";

type ButtonProps = {
  look?: "primary" | "danger" | "plain";
  small?: boolean;
  keys?: string;
  busy?: string | false;
  /** Why it cannot be pressed yet, in words; shown beside the button. */
  notYet?: string | undefined;
  pressed?: boolean;
  onPress: () => unknown;
  children: ComponentChildren;
};

export function Button({ look, small, keys, busy, notYet, pressed, onPress, children }: ButtonProps) {
  const disabled = Boolean(notYet) || Boolean(busy);
  const classes = ["button", look, small ? "small" : ""].filter(Boolean).join(" ");
  return (
    <>
      <button
        type="button"
        class={classes}
        aria-disabled={disabled ? "true" : undefined}
        aria-pressed={pressed}
        onClick={() => {
          if (!disabled) onPress();
        }}
      >
        {busy || children}
        {keys && !busy ? (
          <span aria-hidden="true">
            <kbd>{keys}</kbd>
          </span>
        ) : null}
      </button>
      {notYet ? <span class="small quiet-text">{notYet}</span> : null}
    </>
  );
}
