// The key over what waits to be sent. It stays usable while the panel is locked: a lock must never hold up a signed
// report, and what lies here has its addresses and words sealed to the hotline already.
import type { Database } from "../database.ts";

const AES = { name: "AES-GCM", length: 256 } as const;
const COURIER = "courier";

export async function courierKey(db: Database): Promise<CryptoKey> {
  const held = await db.get("keys", COURIER);
  if (held instanceof CryptoKey) return held;
  return await navigator.locks.request("breakwater-courier-key", async () => {
    const again = await db.get("keys", COURIER);
    if (again instanceof CryptoKey) return again;
    const fresh = await crypto.subtle.generateKey(AES, false, ["encrypt", "decrypt"]);
    await db.write([{ store: "keys", key: COURIER, value: fresh }]);
    return fresh;
  });
}
