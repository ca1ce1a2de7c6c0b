-- Publishing and reading: the log's leaves, publishers' roots, sets, releases, entries, blobs, acknowledgements.

-- The next log index. One row; whoever appends locks it, so indexes have no holes and no second owner.
create table log_head (
  id smallint primary key default 1 check (id = 1),
  size bigint not null default 0 check (size >= 0)
);
insert into log_head default values;

-- Every accepted root and release envelope, byte for byte, in the order in which it took effect.
create table log_leaves (
  log_index bigint primary key check (log_index >= 0),
  digest text not null unique check (digest ~ '^sha256:[0-9a-f]{64}$'),
  typ text not null,
  envelope bytea not null,
  added_at timestamptz not null
);

create table publisher_roots (
  publisher text not null,
  version integer not null check (version > 0),
  digest text not null,
  envelope bytea not null,
  log_index bigint not null references log_leaves (log_index),
  accepted_at timestamptz not null,
  primary key (publisher, version)
);

-- What every cursor carries; a restore writes another epoch, and older cursors answer 410 (rule 15).
create table feed_epoch (
  id smallint primary key default 1 check (id = 1),
  epoch text not null
);
insert into feed_epoch (epoch) values (encode(sha256(gen_random_uuid()::text::bytea), 'hex'));

create table sets (
  id bigint generated always as identity primary key,
  publisher text not null,
  name text not null,
  kind text not null check (kind in ('hash', 'term', 'url', 'indicator')),
  stream text not null,
  audience_tier text not null check (audience_tier in ('test', 'agreed', 'vetted', 'named')),
  -- The widest tier that what was published so far allows; only ever narrows.
  audience_floor text not null default 'test' check (audience_floor in ('test', 'agreed', 'vetted', 'named')),
  -- The head: one compare-and-swap on these columns is what readers see of a release.
  head_release integer not null default 0 check (head_release >= 0),
  head_digest text,
  entries bigint not null default 0 check (entries >= 0),
  about jsonb,
  closed boolean not null default false,
  released_at timestamptz,
  -- Given out under this row's lock: identity columns commit out of order, and readers would skip rows.
  next_seq bigint not null default 1,
  created_at timestamptz not null,
  unique (publisher, name),
  check ((head_release = 0) = (head_digest is null))
);

create table set_audience (
  set_id bigint not null references sets (id) on delete cascade,
  member text not null,
  primary key (set_id, member)
);

create table releases (
  set_id bigint not null references sets (id),
  release integer not null check (release > 0),
  digest text not null unique,
  envelope bytea not null,
  root_version integer not null,
  manifest text not null,
  -- The segments of this release's own delta, as its manifest lists them; later manifests must repeat them unchanged.
  delta jsonb not null,
  -- The snapshot that this release's manifest names: while the next one names the same, it need not be checked again.
  snapshot jsonb not null,
  entries bigint not null,
  purge_by timestamptz not null,
  -- When the rows that this release superseded were destroyed.
  purged_at timestamptz,
  log_index bigint not null references log_leaves (log_index),
  released_at timestamptz not null,
  primary key (set_id, release)
);
create index releases_to_purge on releases (purge_by) where purged_at is null;

-- A release on its way in. One a number, so that two different releases n cannot both be staged.
create table admissions (
  set_id bigint not null references sets (id),
  release integer not null check (release > 0),
  digest text not null,
  payload bytea not null,
  -- Null while the exchange has yet to have it signed (exchange custody).
  envelope bytea,
  via jsonb not null,
  state text not null check (state in ('queued', 'running', 'done', 'failed')),
  -- Whoever holds the newest token may write; an older holder finds out at its next step.
  token text not null,
  touched_at timestamptz not null,
  step integer not null default 0,
  -- The last id of the release's own delta so far: its segments continue one another in order.
  last_id text not null default '',
  rows_done bigint not null default 0,
  rows_total bigint not null,
  -- What the steps so far did to the number of entries, and the widest tier they allow.
  entries_delta bigint not null default 0,
  audience_floor text not null default 'test',
  code text,
  detail jsonb,
  created_at timestamptz not null,
  primary key (set_id, release)
);

-- Rows of release head+1 are staged here before the head moves; a reader at head h sees
-- release <= h and (superseded_by is null or superseded_by > h).
create table entry_versions (
  set_id bigint not null references sets (id),
  seq bigint not null,
  release integer not null,
  id text not null check (id ~ '^[0-9a-f]{32}$'),
  op text not null check (op in ('put', 'del')),
  -- The entry as its publisher wrote it (put), or null (del).
  line text,
  why text,
  -- SHA-256 of what makes the entry this entry and no other (hash: algorithm and value, and so on); whole values would
  -- not fit an index.
  natural_key bytea check (length(natural_key) = 32),
  superseded_by integer,
  primary key (set_id, seq),
  check ((op = 'put') = (line is not null))
);
-- One version of an id a release: staging twice after a crash fails loudly instead of doubling rows.
create unique index entry_versions_id on entry_versions (set_id, id, release);
create index entry_versions_superseded on entry_versions (set_id, superseded_by) where superseded_by is not null;
create index entry_versions_natural on entry_versions (natural_key, set_id) where natural_key is not null;

create table blobs (
  digest text primary key check (digest ~ '^sha256:[0-9a-f]{64}$'),
  size bigint not null check (size > 0),
  format text not null check (format in ('segment', 'json')),
  -- arriving: bytes may or may not be there; pending: complete, named by no release; kept: named by one;
  -- purged: destroyed, the digest alone is left (it commits to a random salt and tells nothing).
  state text not null check (state in ('arriving', 'pending', 'kept', 'purged')),
  keep_until timestamptz not null
);
create index blobs_to_sweep on blobs (keep_until) where state in ('arriving', 'pending');

create table blob_uploads (
  digest text not null references blobs (digest) on delete cascade,
  member_id text not null,
  primary key (digest, member_id)
);

-- Which set names a blob, and the newest of its releases that does.
create table blob_refs (
  digest text not null references blobs (digest),
  set_id bigint not null references sets (id),
  release integer not null,
  purge_after timestamptz,
  purged_at timestamptz,
  primary key (digest, set_id)
);
create index blob_refs_set on blob_refs (set_id, release);
create index blob_refs_to_purge on blob_refs (purge_after) where purge_after is not null and purged_at is null;

create table acks (
  set_id bigint not null references sets (id),
  member_id text not null,
  release integer not null,
  statement text not null,
  acknowledged_at timestamptz not null,
  primary key (set_id, member_id)
);
