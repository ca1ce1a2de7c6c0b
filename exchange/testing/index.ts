/** What tests at the door need. */
export { enrolment, type TestDevice, type TestMember, type TestPerson } from "./actors.ts";
export { expectProblem } from "./expect-problem.ts";
export { expectSoundLog } from "./expect-sound-log.ts";
export { type Forged, forgeDeltaSegment, forgeManifest, forgeSnapshotSegment, segmentOf } from "./forge.ts";
export { fileHash, itemOf, openTestHotline, type ReportWish, type TestHotline } from "./hotline.ts";
export { appendTestLeaves, forgetLeaves, testEnvelope } from "./leaves.ts";
export { type LookedUp, openTestLookup } from "./lookup.ts";
export {
  del,
  ENVELOPE,
  openTestPublisher,
  put,
  STATEMENT,
  type TestPublisher,
  type TestSet,
  testAbout,
  testHash,
} from "./publisher.ts";
export { HOUR_S, openTestRecalls, type TestRecalls } from "./recalls.ts";
export { expectRefusals, makeStrangers, type Strangers } from "./refusals.ts";
export { fillPath, type ListedRoute, listRoutes, OPEN_ROUTES } from "./routes.ts";
export { type SoundLog, verifySoundLog } from "./sound-log.ts";
export {
  Killed,
  openTestExchange,
  TEST_LOG_ORIGIN,
  TEST_ORIGIN,
  TEST_START,
  type TestExchange,
  type TestRequest,
} from "./test-exchange.ts";
