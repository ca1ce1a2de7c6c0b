-- Taking back: recalls, who has fetched and applied what, what was destroyed and when, and open push connections.

-- The newest recall's number, moved like the head: one compare-and-swap under the log's row.
alter table sets add column head_recall integer not null default 0 check (head_recall >= 0);

-- Every accepted recall, byte for byte.
create table recalls (
  set_id bigint not null references sets (id),
  recall integer not null check (recall > 0),
  digest text not null unique,
  envelope bytea not null,
  -- Who signed: when a newer root no longer lists enough of these, the recall has ended.
  kids text[] not null,
  signed_at timestamptz not null,
  expires_at timestamptz not null,
  log_index bigint not null references log_leaves (log_index),
  accepted_at timestamptz not null,
  primary key (set_id, recall)
);
create index recalls_in_force on recalls (set_id, expires_at);

-- A recall that is just being signed by the exchange's signer, which never signs a number twice: whatever happens to
-- the request, this very statement is admitted. At most one a set, and gone once it is through.
create table recall_signings (
  set_id bigint primary key references sets (id),
  recall integer not null check (recall > 0),
  payload bytea not null,
  via jsonb not null,
  created_at timestamptz not null
);

-- Recalls that were brought for a set and refused, for its publisher to see: codes and counts, one row a code and member.
create table recall_refusals (
  set_id bigint not null references sets (id),
  code text not null,
  member_id text not null,
  times integer not null default 1 check (times > 0),
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (set_id, code, member_id)
);

-- Set for the list of a recall: it is named until the recall ends, whatever is released meanwhile.
alter table blob_refs add column recall integer;

-- Up to which recall a member's copy applies them.
alter table acks add column recall integer not null default 0 check (recall >= 0);

-- Who has fetched anything of a set, so that those who never acknowledge are known by name too.
create table set_readers (
  set_id bigint not null references sets (id),
  member_id text not null,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  primary key (set_id, member_id)
);

-- By when every holder has let go of what a release dropped (its manifest's purge_by). The exchange's own date, purge_by,
-- is the same, or earlier for an erasure.
alter table releases add column due_at timestamptz;
update releases set due_at = purge_by;
alter table releases alter column due_at set not null;

-- What the exchange destroyed for a release, and when: counts, never what it was.
create table purges (
  set_id bigint not null references sets (id),
  release integer not null,
  blobs bigint not null default 0,
  entries bigint not null default 0,
  -- Rows of other tables that were made from the entries.
  derived bigint not null default 0,
  purged_at timestamptz not null,
  primary key (set_id, release)
);

-- Open push connections, so that every instance of the Worker counts the same ones. One that ends without a word is
-- over at `open_until`.
create table event_streams (
  id text primary key,
  member_id text not null,
  open_until timestamptz not null
);
create index event_streams_open on event_streams (open_until);
