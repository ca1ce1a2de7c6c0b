/** Public face of the audit record. */
export { AUDIT_KEEP_DAYS, type AuditEntry, append, auditRetention, listAudit } from "./audit.ts";
