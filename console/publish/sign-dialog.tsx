/** The last question before a release is signed: counts, reach, and the verb on the button. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../parts/button.tsx";
import { Fault } from "../parts/fault.tsx";

type SignDialogProps = {
  release: number;
  set: string;
  added: number;
  withdrawn: number;
  onSign: () => Promise<void>;
  onClose: () => void;
};

export function SignDialog({ release, set, added, withdrawn, onSign, onClose }: SignDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="sign-title">
      <div class="stack">
        <h2 id="sign-title">
          Sign release {release} of {set}?
        </h2>
        <p>
          {added} added, {withdrawn} withdrawn. Subscribers fetch it from then on. A mistake is taken back by a further
          release.
        </p>
        {error ? <Fault error={error} /> : null}
        <p class="line-up">
          <Button
            look="primary"
            busy={busy ? "Signing…" : false}
            onPress={async () => {
              setBusy(true);
              try {
                await onSign();
                dialog.current?.close();
              } catch (refusal) {
                setError(refusal);
                setBusy(false);
              }
            }}
          >
            Sign release {release}
          </Button>
          <Button onPress={() => dialog.current?.close()}>Go back</Button>
        </p>
      </div>
    </dialog>
  );
}
