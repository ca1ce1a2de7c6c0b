/** The decision ledger: what hits led to here, and what their publishers have taken back since. */

export { type Decision, LEDGER_KEEP_DAYS } from "./decision.ts";
export { type Ledger, openLedger } from "./ledger.ts";
export { readMarks, type TakenBack } from "./marks.ts";
export { findByHitRef, readLedger } from "./read.ts";
export { markTakenBack, type TakenBackEvent } from "./taken-back.ts";
export { type Affected, affectedBy } from "./undo.ts";
export { type WhatIf, whatIf } from "./what-if.ts";
