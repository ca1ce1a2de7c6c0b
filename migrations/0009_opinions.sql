-- What members say back about entries: opinions, sightings, daily outcomes, floods. Ids, codes, days and counts.

-- A batch that was taken, so that sending it again changes nothing.
create table opinion_batches (
  member_id text not null,
  batch_id uuid not null,
  set_id bigint not null references sets (id) on delete cascade,
  digest text not null check (digest ~ '^sha256:[0-9a-f]{64}$'),
  answer jsonb not null,
  taken_at timestamptz not null,
  primary key (member_id, batch_id)
);
create index opinion_batches_taken on opinion_batches (taken_at);

-- A member's stance on an entry: the newest alone.
create table opinions (
  set_id bigint not null references sets (id) on delete cascade,
  entry text not null check (entry ~ '^[0-9a-f]{32}$'),
  member_id text not null,
  release integer not null check (release > 0),
  verdict text not null,
  reason text,
  -- Whether the publisher is told who says so.
  named boolean not null,
  said_at timestamptz not null,
  primary key (set_id, entry, member_id)
);
create index opinions_said on opinions (said_at);

-- What a member counted on a day; a count that it left out as small is null. The band is that of its sightings.
create table opinion_days (
  set_id bigint not null references sets (id) on delete cascade,
  entry text not null check (entry ~ '^[0-9a-f]{32}$'),
  member_id text not null,
  day date not null,
  band text,
  matched bigint check (matched > 0),
  reviewed bigint check (reviewed > 0),
  confirmed bigint check (confirmed > 0),
  rejected bigint check (rejected > 0),
  overturned bigint check (overturned > 0),
  primary key (set_id, entry, member_id, day)
);
create index opinion_days_day on opinion_days (day);

-- A guard at a member turned this to review: one row a member, subject and day.
create table opinion_floods (
  set_id bigint not null references sets (id) on delete cascade,
  member_id text not null,
  scope text not null check (scope in ('entry', 'release', 'publisher')),
  -- The entry's id, the release's number, or empty for the publisher.
  subject text not null,
  day date not null,
  times integer not null check (times >= 2),
  primary key (set_id, member_id, scope, subject, day)
);
create index opinion_floods_day on opinion_floods (day);
