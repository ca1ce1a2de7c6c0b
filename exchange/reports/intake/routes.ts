/** Routes of the flagger's side: send a report, ask what became of it. */
import { REPORT_MAX_BYTES } from "@breakwater/shared/envelope.ts";
import { UuidV7 } from "@breakwater/shared/ids.ts";
import { ReportStatus } from "@breakwater/shared/wire/hotline.ts";
import { Hono } from "hono";
import { z } from "zod";
import { refuseDevice, requireDevice } from "../../members/index.ts";
import type { DeviceCaller } from "../../platform/caller.ts";
import type { Env } from "../../platform/deps.ts";
import { describe, JOSE_TYPE, params, readBody, requireType } from "../../platform/http.ts";
import { acceptReport } from "./accept.ts";
import { getStatus } from "./status.ts";

export const intakeRoutes = new Hono<Env>()
  .post(
    "/v1/reports",
    describe({
      tag: "reports",
      summary: "Send a signed report; the answer is a signed receipt",
      auth: ["open"],
      answers: { 201: JOSE_TYPE, 200: JOSE_TYPE },
      problems: [
        "device_unknown",
        "device_waiting",
        "device_revoked",
        "signature_invalid",
        "imagery_suspected",
        "report_invalid",
        "report_conflict",
        "report_too_large",
        "sealed_invalid",
        "recipients_missing",
        "rate_limited",
        "signer_unavailable",
      ],
    }),
    requireType("application/json"),
    async (c) => {
      const body = await readBody(c, REPORT_MAX_BYTES, "report_too_large");
      const { receipt, created } = await acceptReport(c.var.deps, body).catch((error: unknown) =>
        refuseDevice(c, error),
      );
      const headers = { "Content-Type": JOSE_TYPE, "Cache-Control": "no-store" };
      return c.body(receipt as Uint8Array<ArrayBuffer>, created ? 201 : 200, headers);
    },
  )
  .get(
    "/v1/reports/:id",
    describe({
      tag: "reports",
      summary: "What became of a report, in codes; for the device that sent it",
      auth: ["device"],
      answers: { 200: ReportStatus },
      problems: ["not_found"],
    }),
    requireDevice(),
    params(z.strictObject({ id: UuidV7 })),
    async (c) => c.json(await getStatus(c.var.deps, c.var.caller as DeviceCaller, c.req.valid("param").id)),
  );
