/** All keys of the console on one sheet. */
import { useEffect, useRef } from "preact/hooks";
import { allowedItems } from "../app.tsx";
import { Button } from "../parts/button.tsx";

const KEYS: readonly [string, string][] = [
  ["J K", "move in a list"],
  ["Enter", "open"],
  ["T", "take the chosen case"],
  ["N", "take the next case"],
  ["R", "return the case to the queue"],
  ["A", "go to the urgent banner"],
  ["1 to 9, 0", "choose in a group that has the focus"],
  ["H", "add hashes computed at source"],
  ["C", "copy the first address"],
  ["U", "could not verify…"],
  ["X", "reject…"],
  ["[ ]", "previous, next case"],
  ["Space, L", "select; leave out what is selected"],
  ["Ctrl Enter", "the primary act of the screen"],
  ["/", "filter"],
  ["Esc", "close; nothing is lost"],
];

export function KeyHelp({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="keys-title">
      <div class="stack">
        <h2 id="keys-title">All keys</h2>
        <dl class="facts">
          {KEYS.map(([key, what]) => (
            <>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </>
          ))}
          {allowedItems().map((item) => (
            <>
              <dt>
                <kbd>{`g ${item.key}`}</kbd>
              </dt>
              <dd>{item.label}</dd>
            </>
          ))}
        </dl>
        <p>
          <Button onPress={() => dialog.current?.close()}>Close</Button>
        </p>
      </div>
    </dialog>
  );
}
