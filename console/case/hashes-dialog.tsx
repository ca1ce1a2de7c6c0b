/** Takes hashes computed at source, by the command or the extension in hotline mode; files never come here. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../parts/button.tsx";
import { readSourceHashes, type SourceFile } from "./source-hashes.ts";

export function HashesDialog({ onFiles, onClose }: { onFiles: (files: SourceFile[]) => void; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [fault, setFault] = useState<string>();
  useEffect(() => dialog.current?.showModal(), []);
  function add(): void {
    try {
      onFiles(readSourceHashes(text));
      dialog.current?.close();
    } catch (error) {
      setFault(error instanceof Error ? error.message : "This cannot be read.");
    }
  }
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="hashes-title">
      <div class="stack">
        <h2 id="hashes-title">Add hashes computed at source</h2>
        <p>Hash the file where you assess it, and paste the result. The file itself never comes here.</p>
        <p>
          <code>breakwater hash --json FILE</code>
        </p>
        <div class="field">
          <label for="source-hashes">Result, one line a file</label>
          <textarea
            id="source-hashes"
            class="input full"
            spellcheck={false}
            autocomplete="off"
            value={text}
            aria-invalid={fault ? "true" : undefined}
            aria-describedby={fault ? "source-hashes-fault" : undefined}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          {fault ? (
            <p class="fault" id="source-hashes-fault">
              {fault}
            </p>
          ) : null}
        </div>
        <p class="line-up">
          <Button look="primary" onPress={add}>
            Add hashes
          </Button>
          <Button onPress={() => dialog.current?.close()}>Go back</Button>
        </p>
      </div>
    </dialog>
  );
}
