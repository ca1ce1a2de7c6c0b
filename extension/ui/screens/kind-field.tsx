// "What is it?": the one choice that every report asks. Nothing is chosen beforehand.
import { REPORT_KINDS, type ReportKind } from "@breakwater/shared/vocab/index.ts";
import type { JSX } from "preact";
import { answer, draft } from "../desk.ts";
import { labelOf, t } from "../i18n.ts";
import { Choices, faultFor } from "../parts/fields.tsx";
import { faults } from "../report-actions.ts";

// "Address only" says how, not what: the person still knows what the address leads to.
const OFFERED = (Object.keys(REPORT_KINDS) as ReportKind[]).filter((kind) => kind !== "url_only");

export function KindField(): JSX.Element {
  return (
    <Choices
      id="kind"
      label={t("form.kind")}
      hint={t("form.kind_hint")}
      options={OFFERED.map((value) => ({ value, label: labelOf("kind", value) }))}
      value={draft.value?.answers.kind}
      onChoose={(kind) => answer({ kind })}
      fault={faultFor(faults.value, "kind")}
    />
  );
}
