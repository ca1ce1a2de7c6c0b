/** Public face of members: who is calling, organisations and people, and the routes for both. */
import { Hono } from "hono";
import type { Env } from "../platform/deps.ts";
import type { JobHandlers } from "../platform/jobs.ts";
import { deviceRoutes } from "./device-routes.ts";
import { inviteRoutes } from "./invite-routes.ts";
import { operatorRoutes } from "./operator-routes.ts";
import { sessionRoutes } from "./session-routes.ts";

export type { Caller, DeviceCaller, KeyCaller, PersonCaller } from "../platform/caller.ts";
export { actorOf } from "../platform/caller.ts";
export {
  type Allowed,
  addressOf,
  refuseDevice,
  requireCaller,
  requireDevice,
  requireKey,
  requirePerson,
} from "./auth.ts";
export { bootstrapOperator } from "./bootstrap.ts";
export { type FoundDevice, findDeviceByKid } from "./device-proof.ts";
export { isOperator } from "./invites.ts";
export { MAX_ITEMS_PER_HOUR } from "./limits.ts";
export { endAllSignIns, reapplyTakeAways } from "./restore.ts";
export { membersRetention } from "./retention.ts";
export {
  type FoundPublisher,
  findMember,
  findMemberById,
  findMemberByPublisher,
  findMembersByName,
  findPublisher,
  isHotline,
  listMemberTitles,
  listPeopleNames,
  listPublishers,
  setAgentKey,
  setCustody,
} from "./store.ts";
export type { MemberRow } from "./tables.ts";

export const members = new Hono<Env>()
  .route("/", operatorRoutes)
  .route("/", sessionRoutes)
  .route("/", inviteRoutes)
  .route("/", deviceRoutes) as unknown as Hono<Env>;

/** Nothing here outlives its request. */
export const membersJobs: JobHandlers = {};
