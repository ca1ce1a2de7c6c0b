-- Platform, audit and members: who may call, what was done, and work that outlives a request.

create table jobs (
  id text primary key,
  kind text not null,
  key text not null unique,
  payload jsonb not null,
  run_at timestamptz not null,
  created_at timestamptz not null,
  attempts integer not null default 0,
  locked_until timestamptz,
  done_at timestamptz,
  failed_at timestamptz,
  last_code text
);
create index jobs_due on jobs (run_at) where done_at is null and failed_at is null;

create table retention_runs (
  id bigint generated always as identity primary key,
  table_name text not null,
  what text not null,
  keep_days integer not null,
  ran_at timestamptz not null,
  removed integer not null
);
create index retention_runs_rule on retention_runs (table_name, what, id desc);

-- Unlogged: losing the counts in a crash costs nothing, and a counted request does not wait for the disk.
create unlogged table rate_windows (
  bucket text not null,
  starts_at timestamptz not null,
  count integer not null,
  primary key (bucket, starts_at)
);

create table audit_records (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  actor_kind text not null check (actor_kind in ('key', 'person', 'device', 'system')),
  actor_id text not null,
  action text not null,
  subject text,
  code text
);
create index audit_records_at on audit_records (at);

-- Append-only for everybody; retention alone removes, and says so for its transaction.
create function audit_records_guard() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('breakwater.retention', true) = 'on' then
    return old;
  end if;
  raise exception 'audit_records is append-only';
end $$;
create trigger audit_records_guard before update or delete on audit_records
  for each row execute function audit_records_guard();

create table members (
  id text primary key,
  name text not null unique,
  title text not null,
  roles text[] not null,
  tier text not null check (tier in ('test', 'agreed', 'vetted')),
  publisher text unique,
  custody text check (custody in ('member', 'exchange')),
  hotline_id text references members (id),
  rung3 boolean not null default false,
  agent_signing_key jsonb,
  created_at timestamptz not null,
  suspended_at timestamptz,
  check ((publisher is null) = (custody is null))
);
create index members_hotline on members (hotline_id);

create table people (
  id text primary key,
  member_id text not null references members (id),
  name text not null,
  roles text[] not null,
  created_at timestamptz not null,
  removed_at timestamptz
);
create unique index people_name on people (member_id, name) where removed_at is null;

create table api_keys (
  id text primary key,
  member_id text not null references members (id),
  secret_sha256 text not null,
  scopes text[] not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  replaced_by text references api_keys (id) on delete set null,
  last_used_at timestamptz
);
create index api_keys_member on api_keys (member_id);

create table sign_in_links (
  token_sha256 text primary key,
  person_id text not null references people (id) on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index sign_in_links_person on sign_in_links (person_id);

create table sessions (
  id text primary key,
  token_sha256 text not null unique,
  person_id text not null references people (id) on delete cascade,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  expires_at timestamptz not null
);
create index sessions_person on sessions (person_id);

create table invites (
  id text primary key,
  member_id text not null references members (id),
  secret_sha256 text not null,
  state text not null check (state in ('waiting', 'approved', 'refused')),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  created_by_kind text not null,
  created_by_id text not null,
  decided_at timestamptz,
  decided_by_kind text,
  decided_by_id text,
  used_at timestamptz,
  -- The state machine in one line: decided exactly when no longer waiting.
  check ((state = 'waiting') = (decided_at is null))
);
create index invites_member on invites (member_id, created_at);

create table devices (
  id text primary key,
  member_id text not null references members (id),
  kid text not null unique,
  signing_key jsonb not null,
  client_name text not null,
  client_version text not null,
  language text,
  state text not null check (state in ('waiting', 'active', 'revoked')),
  invite_id text unique references invites (id) on delete set null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  last_seen_at timestamptz
);
create index devices_member on devices (member_id);
