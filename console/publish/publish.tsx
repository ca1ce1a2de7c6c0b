/** The diff before signing: what enters and leaves the set, what was checked, and one act that makes it public. */
import { PreviewAnswer, PublicationAnswer, ReadyAnswer } from "@breakwater/shared/wire/publication.ts";
import { useState } from "preact/hooks";
import { get, post } from "../api.ts";
import { Button } from "../parts/button.tsx";
import { Chip } from "../parts/chip.tsx";
import { Fault } from "../parts/fault.tsx";
import { Banner, Empty, Loading } from "../parts/notice.tsx";
import { useKeys } from "../shell/keyboard.ts";
import { useLoad } from "../shell/load.ts";
import { Screen } from "../shell/screen.tsx";
import { Diff } from "./diff.tsx";
import { SignDialog } from "./sign-dialog.tsx";

const CHECK_WORDS: Record<string, (count: number) => string> = {
  both_computed: () => "Both assessors computed every added hash.",
  none_rendered: () => "No hash comes from rendered pixels.",
  already_listed: (count) =>
    count > 0
      ? `${count} ${count === 1 ? "hash is" : "hashes are"} listed already and not added again.`
      : "No added hash is listed already.",
  custody: () => "The exchange keeps your release key and signs for you.",
  low_quality: (count) =>
    count > 0
      ? `${count} PDQ ${count === 1 ? "hash has" : "hashes have"} a quality that some members will not use.`
      : "No PDQ hash of low quality.",
};

type Loaded = { preview: PreviewAnswer; cases: number[] };

export function Publish({ publisher, set }: { publisher: string; set: string }) {
  const [leftOut, setLeftOut] = useState<readonly string[]>([]);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [signing, setSigning] = useState(false);
  const [said, setSaid] = useState("");
  const loaded = useLoad<Loaded | undefined>(`preview:${publisher}/${set}:${leftOut.join()}`, async () => {
    const ready = await get("/v1/hotline/ready", ReadyAnswer);
    const cases = ready.cases
      .filter((verified) => verified.entries.some((entry) => !leftOut.includes(entry.id)))
      .map((verified) => verified.case);
    if (cases.length === 0) return undefined;
    return {
      preview: await post("/v1/hotline/publications/preview", { set, cases, leave_out: leftOut }, PreviewAnswer),
      cases,
    };
  });
  const preview = loaded.value?.preview;

  function leaveOut(): void {
    if (selected.size === 0) return;
    setLeftOut([...leftOut, ...selected]);
    setSelected(new Set());
  }
  async function sign(): Promise<void> {
    if (!loaded.value) return;
    const { cases, preview: shown } = loaded.value;
    const answer = await post(
      "/v1/hotline/publications",
      { set, cases, leave_out: leftOut, expected_release: shown.release },
      PublicationAnswer,
    );
    setSaid(`Release ${answer.release} is signed. Members fetch it from now on.`);
    await loaded.reload();
  }
  useKeys({ "ctrl+Enter": () => preview && setSigning(true), l: leaveOut });

  if (!preview) {
    return (
      <Screen title="Publish">
        {said ? <Signed text={said} /> : null}
        {loaded.error ? <Fault error={loaded.error} again={loaded.reload} /> : null}
        {!loaded.error && !said ? (
          leftOut.length > 0 ? (
            <Empty fact="Everything was left out." next="The cases stay under Ready to publish.">
              <Button onPress={() => setLeftOut([])}>Put them back</Button>
            </Empty>
          ) : (
            <Loading what="the changes" />
          )
        ) : null}
      </Screen>
    );
  }
  const added = preview.changes.filter((change) => change.op === "put").length;
  const withdrawn = preview.changes.length - added;
  return (
    <Screen
      title={`Publish release ${preview.release_next}`}
      lead={
        <p class="quiet-text">
          <span class="id">
            {publisher}/{set}
          </span>
          . Nothing is public until you sign.
        </p>
      }
    >
      {said ? <Signed text={said} /> : null}
      {loaded.error ? <Fault error={loaded.error} again={loaded.reload} /> : null}
      <div class="two">
        <section class="card">
          <h2>What changes</h2>
          <p>
            <b>{added} added</b> · <b>{withdrawn} withdrawn</b> · {preview.entries_before.toLocaleString("en")} entries
            become {preview.entries_after.toLocaleString("en")}
          </p>
        </section>
        <section class="card">
          <h2>Who is affected</h2>
          <p>
            {preview.subscribers} {preview.subscribers === 1 ? "subscriber has" : "subscribers have"} fetched this set.
            Each acts by the mode it has switched on itself.
          </p>
        </section>
      </div>
      <Diff
        changes={preview.changes}
        selected={selected}
        onSelect={(id) => {
          const next = new Set(selected);
          if (!next.delete(id)) next.add(id);
          setSelected(next);
        }}
      />
      <section class="card">
        <h2>Checks</h2>
        <ul class="checks">
          {preview.checks.map((check) => (
            <li key={check.code}>
              <Chip
                shape={check.ok === true ? "tick" : check.ok === "caution" ? "triangle" : "cross"}
                tone={check.ok === true ? "good" : check.ok === "caution" ? "caution" : "danger"}
              >
                {CHECK_WORDS[check.code]?.(check.count) ?? check.code.replaceAll("_", " ")}
              </Chip>
            </li>
          ))}
        </ul>
      </section>
      <div class="actions">
        <Button look="primary" keys="Ctrl ↵" onPress={() => setSigning(true)}>
          Sign release {preview.release_next}…
        </Button>
        <Button
          keys="L"
          notYet={selected.size === 0 ? "Select entries with Space to leave them out." : undefined}
          onPress={leaveOut}
        >
          Leave out selected
        </Button>
        <span class="small quiet-text">
          Signs with{" "}
          {preview.signing.custody === "exchange" ? "the key that the exchange keeps for you" : "your own key"},{" "}
          {preview.signing.kid?.slice(0, 8) ?? "none"}….
        </span>
      </div>
      {signing ? (
        <SignDialog
          release={preview.release_next}
          set={set}
          added={added}
          withdrawn={withdrawn}
          onSign={sign}
          onClose={() => setSigning(false)}
        />
      ) : null}
    </Screen>
  );
}

function Signed({ text }: { text: string }) {
  return (
    <Banner tone="good">
      <p>
        <b>{text}</b>
      </p>
    </Banner>
  );
}
