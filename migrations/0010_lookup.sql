-- Private lookup of exact hashes: tags made from entries, the buckets they lie in, and how much each member asks.

-- How far a set's entries have become tags.
create table lookup_sets (
  set_id bigint primary key references sets (id) on delete cascade,
  -- Of entry_versions: all rows up to here are seen.
  seq bigint not null default 0,
  release integer not null default 0,
  -- The newest recall that the tags say, and what of it: changes when one begins or ends.
  head_recall integer not null default 0,
  recalls text not null default ''
);

-- One row an entry with an exact hash that stands in its set's newest release.
create table lookup_tags (
  set_id bigint not null references lookup_sets (set_id) on delete cascade,
  entry text not null,
  -- The tag's first 16 bits, and the whole tag.
  bucket integer not null check (bucket >= 0 and bucket < 65536),
  tag bytea not null check (length(tag) = 16),
  code integer not null,
  release integer not null,
  recalled boolean not null default false,
  expires_at timestamptz,
  primary key (set_id, entry)
);
create index lookup_tags_bucket on lookup_tags (bucket, set_id);
create index lookup_tags_expiring on lookup_tags (expires_at) where expires_at is not null;

create table lookup_indexes (
  id bigint generated always as identity primary key,
  -- A tier, or `named.` and the set.
  name text not null unique,
  tier text not null check (tier in ('test', 'agreed', 'vetted', 'named')),
  -- Where its objects lie: never a name that another database, or another index of that name, has used.
  folder text not null default substr(encode(sha256(gen_random_uuid()::text::bytea), 'hex'), 1, 32),
  -- What is served; 0 until the first epoch is whole.
  epoch integer not null default 0,
  bits smallint not null default 0,
  records integer not null default 0,
  entries bigint not null default 0,
  -- What the padding is made from; renewed with every whole rebuild.
  secret bytea,
  whole_at timestamptz,
  built_at timestamptz,
  ends_at timestamptz,
  -- The epoch that is being built, with what it will have; nothing of it is served.
  building integer,
  next_epoch integer not null default 1,
  plan jsonb
);

-- Which bit of a record's mask names which set. Rows of an epoch that is being built stand beside those served.
create table lookup_slots (
  index_id bigint not null references lookup_indexes (id) on delete cascade,
  epoch integer not null,
  slot integer not null check (slot >= 0),
  set_id bigint not null references sets (id) on delete cascade,
  release integer not null,
  head_recall integer not null,
  primary key (index_id, epoch, slot)
);

-- As with entries: what is served at epoch e is `epoch <= e and (ended is null or ended > e)`.
create table lookup_buckets (
  index_id bigint not null references lookup_indexes (id) on delete cascade,
  prefix integer not null,
  epoch integer not null,
  object text not null unique,
  ended integer,
  primary key (index_id, prefix, epoch)
);
create index lookup_buckets_ended on lookup_buckets (index_id, ended) where ended is not null;

-- Buckets (of 16 bits) whose tags have changed since they were written. `building`: the epoch that takes the change up.
create table lookup_dirty (
  index_id bigint not null references lookup_indexes (id) on delete cascade,
  bucket integer not null,
  building integer,
  primary key (index_id, bucket)
);

-- What a member asked on a day: counts. Which buckets is known for the day itself alone, as a bitmap.
create table lookup_uses (
  member_id text not null,
  index_name text not null,
  day date not null,
  bits smallint not null,
  asked integer not null default 0,
  distinct_buckets integer not null default 0,
  refused integer not null default 0,
  -- Of those asked, what was lent ahead and is not settled: whether it was used, and for which buckets, is not known yet.
  lent integer not null default 0,
  budget integer not null,
  -- Whether the last one was within the budget.
  answered boolean not null default true,
  probing boolean not null default false,
  seen bytea,
  primary key (member_id, index_name, day)
);
create index lookup_uses_day on lookup_uses (day);
