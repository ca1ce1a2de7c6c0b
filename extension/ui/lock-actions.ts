// Lock and unlock, and telling the other windows of it.
import { tellOthers } from "../browser-ports.ts";
import { lock, type UnlockResult, unlock } from "../keys/vault.ts";
import { adoptPick, refreshAll, settled, vaultPorts } from "./desk.ts";

export async function lockNow(): Promise<void> {
  // The last letters are written first: without the key they could not be.
  await settled();
  await lock(vaultPorts());
  await refreshAll();
  tellOthers("vault");
}

export async function unlockWith(passphrase: string): Promise<UnlockResult> {
  const result = await unlock(vaultPorts(), passphrase);
  if (result.ok) {
    await refreshAll();
    await adoptPick();
    tellOthers("vault");
  }
  return result;
}
