// This device's signing key: made here, never readable, and named by its thumbprint.

import { Kid } from "@breakwater/shared/ids.ts";
import { generateSigningKey, PublicJwk, type SigningKey } from "@breakwater/shared/keys.ts";
import { z } from "zod";
import type { Database } from "../database.ts";

const DeviceKey = z.object({ kid: Kid, publicJwk: PublicJwk, privateKey: z.instanceof(CryptoKey) });
export type DeviceKey = z.infer<typeof DeviceKey>;

const DEVICE = "device";

export async function findDeviceKey(db: Database): Promise<DeviceKey | undefined> {
  const held = await db.get("keys", DEVICE);
  return held === undefined ? undefined : DeviceKey.parse(held);
}

export async function makeDeviceKey(db: Database): Promise<DeviceKey> {
  const { kid, publicJwk, privateKey } = await generateSigningKey({ extractable: false });
  const key = { kid, publicJwk, privateKey };
  await db.write([{ store: "keys", key: DEVICE, value: key }]);
  return key;
}

export function signingKey({ kid, privateKey }: DeviceKey): SigningKey {
  return { kid, privateKey };
}
