/** Enrolling a device, asking after it, renewing it, switching it off. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { Device, DeviceList, EnrolDevice, RowId } from "@breakwater/shared/wire/members.ts";
import { type Context, Hono } from "hono";
import { z } from "zod";
import type { DeviceCaller } from "../platform/caller.ts";
import type { Env } from "../platform/deps.ts";
import { describe, jsonBody, params, type RouteText } from "../platform/http.ts";
import { deviceRowAnswer } from "./answers.ts";
import { addressOf, requireCaller, requireDevice } from "./auth.ts";
import {
  describeDevice,
  enrolDevice,
  getDevice,
  listDevices,
  renewDevice,
  renewOwnDevice,
  revokeDevice,
} from "./devices.ts";

const text: Pick<RouteText, "tag" | "auth"> = { tag: "devices", auth: ["key", "person"] };
const ById = z.object({ id: RowId });
const administrator = requireCaller({ scopes: ["operator"], roles: ["administrator", "operator"] });

export const deviceRoutes = new Hono<Env>()
  .post(
    "/v1/devices",
    describe({
      tag: "devices",
      auth: ["open"],
      summary: "Enrol a device with an invite code",
      answers: { 201: Device, 200: Device },
      problems: [
        "invite_invalid",
        "invite_expired",
        "invite_used",
        "invite_refused",
        "key_invalid",
        "conflict",
        "rate_limited",
      ],
    }),
    jsonBody(EnrolDevice),
    async (c) => {
      const { device, member, isNew } = await enrolDevice(c.var.deps, c.req.valid("json"), addressOf(c));
      return c.json(await describeDevice(c.var.deps, device, member), isNew ? 201 : 200);
    },
  )
  .get(
    "/v1/devices/me",
    describe({
      tag: "devices",
      auth: ["device"],
      summary: "The calling device: its state, hotline and policy",
      answers: { 200: Device },
      problems: ["device_format", "device_unknown", "device_revoked"],
    }),
    requireDevice({ waiting: true }),
    async (c) => c.json(await ownDevice(c)),
  )
  .post(
    "/v1/devices/me/renew",
    describe({
      tag: "devices",
      auth: ["device"],
      summary: "Start the calling device's 90 days anew, before they are over",
      answers: { 200: Device },
      problems: ["device_format", "device_unknown", "device_revoked", "device_waiting", "forbidden"],
    }),
    requireDevice(),
    async (c) => {
      await renewOwnDevice(c.var.deps, deviceOf(c));
      return c.json(await ownDevice(c));
    },
  )
  .get(
    "/v1/devices",
    describe({ ...text, summary: "Devices that the caller answers for", answers: { 200: DeviceList } }),
    administrator,
    async (c) => {
      const now = c.var.deps.now();
      const rows = await listDevices(c.var.deps, c.var.caller);
      return c.json({ devices: rows.map((row) => deviceRowAnswer(row, now)) });
    },
  )
  .post(
    "/v1/devices/:id/revoke",
    describe({ ...text, summary: "Switch a device off for good", answers: { 204: null }, problems: ["not_found"] }),
    administrator,
    params(ById),
    async (c) => {
      await revokeDevice(c.var.deps, c.var.caller, c.req.valid("param").id);
      return c.body(null, 204);
    },
  )
  .post(
    "/v1/devices/:id/renew",
    describe({
      ...text,
      summary: "Start a device's 90 days anew, also after they are over",
      answers: { 204: null },
      problems: ["not_found", "conflict"],
    }),
    administrator,
    params(ById),
    async (c) => {
      await renewDevice(c.var.deps, c.var.caller, c.req.valid("param").id);
      return c.body(null, 204);
    },
  );

function deviceOf(c: Context<Env>): DeviceCaller {
  if (c.var.caller.kind !== "device") throw new ExchangeError("unauthenticated");
  return c.var.caller;
}

async function ownDevice(c: Context<Env>): Promise<Device> {
  const { device, member } = await getDevice(c.var.deps, deviceOf(c).deviceId);
  return describeDevice(c.var.deps, device, member);
}
