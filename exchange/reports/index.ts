/** Public face of reports: what flaggers send, the hotline's keys and queue, and publication of what two people verified. */
import { Hono } from "hono";
import type { Env } from "../platform/deps.ts";
import type { JobHandlers } from "../platform/jobs.ts";
import { intakeRoutes } from "./intake/routes.ts";
import { urgentJobs } from "./intake/urgent.ts";
import { keyRoutes } from "./keys/routes.ts";
import { publicationRoutes } from "./publication/routes.ts";
import { publicationJobs } from "./publication/settle.ts";
import { queueRoutes } from "./queue/routes.ts";

export { purgeReports } from "./erase.ts";
export { reapplyRecipients } from "./keys/reapply.ts";
export { scheduleReports } from "./publication/settle.ts";
export { reportsRetention } from "./retention.ts";

export const reports = new Hono<Env>()
  .route("/", intakeRoutes)
  .route("/", keyRoutes)
  .route("/", queueRoutes)
  .route("/", publicationRoutes) as unknown as Hono<Env>;

export const reportsJobs: JobHandlers = { ...urgentJobs, ...publicationJobs };
