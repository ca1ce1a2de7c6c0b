/** Asks for a reason code before something takes effect; Esc leaves everything as it was. */
import type { Word } from "@breakwater/shared/vocab/index.ts";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../parts/button.tsx";
import { Choices, optionsOf } from "../parts/choices.tsx";
import { Fault } from "../parts/fault.tsx";

type ReasonDialogProps = {
  title: string;
  explain: string;
  verb: string;
  reasons: Record<string, Word>;
  onReason: (code: string) => Promise<void>;
  onClose: () => void;
};

export function ReasonDialog({ title, explain, verb, reasons, onReason, onClose }: ReasonDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState<string>();
  const [error, setError] = useState<unknown>();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="reason-title">
      <div class="stack">
        <h2 id="reason-title">{title}</h2>
        <p>{explain}</p>
        {error ? <Fault error={error} /> : null}
        <Choices legend="Reason" name="reason" options={optionsOf(reasons)} value={reason} onChoose={setReason} />
        <p class="line-up">
          <Button
            look="primary"
            notYet={reason ? undefined : "Choose a reason first."}
            onPress={async () => {
              if (!reason) return;
              try {
                await onReason(reason);
                dialog.current?.close();
              } catch (refusal) {
                setError(refusal);
              }
            }}
          >
            {verb}
          </Button>
          <Button onPress={() => dialog.current?.close()}>Go back</Button>
        </p>
      </div>
    </dialog>
  );
}
