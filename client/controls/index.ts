/** What a hit leads to at this member: modes, pauses, the allow-list, floods, and the decision made of them. */

export { type Acted, type Acting, type ActingEvent, openActing } from "./acting.ts";
export { type AfterSync, afterSync } from "./after-sync.ts";
export { type Controls, type ControlsFile, makeControls, NO_CONTROLS, type SetMode } from "./controls.ts";
export { type Candidate, type Decided, decide, rollOutShare } from "./decide.ts";
export { readControls, updateControls } from "./file.ts";
export { type LiveControls, openControls } from "./live.ts";
export { formatTarget, parseEntryTarget, parsePublisherTarget, parseReleaseTarget, type Target } from "./target.ts";
