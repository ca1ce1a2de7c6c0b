/** Public face of backups (Node only; the Worker never sees this): taking one, putting one back. */

export { takeBackup } from "./dump.ts";
export { loadBackup, markRestored } from "./load.ts";
export { BACKUP_KEEP_DAYS, type BackupManifest, type FoundBackup, findBackup } from "./manifest.ts";
