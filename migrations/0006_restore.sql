-- A database that was put back from a backup: what it still has to learn before it may answer anybody.

-- One row once there was a restore, written in the transaction that put the rows back; without it nothing was restored.
create table restore_state (
  id smallint primary key default 1 check (id = 1),
  -- Of the snapshot. What happened later is taken from the log, the object store and the devices.
  backup_taken_at timestamptz not null,
  -- Reports that were received from here on may be missing; earlier than the snapshot when a restore before this one was not over.
  resend_since timestamptz not null,
  restored_at timestamptz not null,
  step text not null,
  -- Where a step that has many parts stands.
  progress text,
  lease_until timestamptz,
  last_code text,
  -- Until then nothing is served.
  finished_at timestamptz
);
