-- Reports and the hotline's queue. What a flagger wrote is ciphertext here (in `body`, `jwe` and sealed notes): no column
-- holds an explanation, an account, a hint or a full address in clear.

create table hotlines (
  member_id text primary key references members (id),
  signing_kid text not null unique,
  signing_key jsonb not null,
  sealing_kid text not null unique,
  sealing_key jsonb not null,
  -- Cases are numbered a hotline, under this row's lock, so that one hotline's numbers tell nothing about another's.
  next_case integer not null default 1,
  forward_to text,
  forward_url text,
  created_at timestamptz not null
);

create table sealing_keys (
  kid text primary key,
  hotline_id text not null references members (id),
  person_id text not null references people (id) on delete cascade,
  jwk jsonb not null,
  created_at timestamptz not null
);
create index sealing_keys_hotline on sealing_keys (hotline_id);
create index sealing_keys_person on sealing_keys (person_id);

-- The hotline's signed lists, byte for byte.
create table recipient_lists (
  hotline_id text not null references members (id),
  version integer not null check (version > 0),
  envelope bytea not null,
  kids text[] not null,
  accepted_at timestamptz not null,
  primary key (hotline_id, version)
);

create table cases (
  id text primary key,
  -- What another organisation's repeat is told instead of the first report's own number.
  public_id uuid not null unique,
  hotline_id text not null references members (id),
  number integer not null check (number > 0),
  state text not null check (state in ('received', 'urgent_hold', 'auto_known', 'triaged', 'in_review', 'verified_1',
    'disagreement', 'verified', 'published', 'rejected', 'unverifiable', 'merged', 'withdrawn')),
  title_kind text not null,
  urgency text not null,
  score integer not null,
  score_parts jsonb not null,
  priority smallint not null check (priority between 1 and 4),
  known_in jsonb not null default '[]',
  -- Registrable domain and country, for the queue's list.
  host text,
  country text,
  opened_at timestamptz not null,
  due_at timestamptz,
  urgent_at timestamptz,
  forward_at timestamptz,
  forwarded_at timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by text references people (id) on delete set null,
  taken_by text references people (id) on delete set null,
  taken_at timestamptz,
  closed_at timestamptz,
  outcome_code text,
  published_publisher text,
  published_set text,
  published_release integer,
  -- The set's release at which the published entries were last seen listed.
  checked_release integer,
  updated_at timestamptz not null,
  -- When what the reports of the case said was removed.
  erased_at timestamptz,
  unique (hotline_id, number),
  check ((urgent_at is null) = (forward_at is null))
);
create index cases_queue on cases (hotline_id, priority, opened_at) where closed_at is null;
create index cases_closed on cases (closed_at) where closed_at is not null;
create index cases_published on cases (published_publisher, published_set) where state = 'published';

create table reports (
  id uuid primary key,
  hotline_id text not null references members (id),
  member_id text not null references members (id),
  device_id text not null,
  case_id text references cases (id),
  -- The envelope as received: hashes, codes and ciphertext. Null once retention removed it; the digest stays.
  body bytea,
  body_sha256 text not null,
  receipt bytea not null,
  reference text not null,
  report_kind text not null,
  urgency text not null,
  test boolean not null,
  marks text[] not null,
  -- Whose keys open the sealed part: what a newcomer lacks is found without reading bodies.
  sealed_kids text[] not null,
  duplicate_of uuid,
  supersedes uuid,
  received_at timestamptz not null,
  check ((test and case_id is null) or (not test and case_id is not null))
);
create index reports_case on reports (case_id);
create index reports_device on reports (device_id, received_at);
create index reports_received on reports (received_at);

-- What reports are joined by, and what is shown before a report is opened.
create table report_hashes (
  report_id uuid not null references reports (id) on delete cascade,
  case_id text not null references cases (id),
  hotline_id text not null,
  item_id uuid not null,
  alg text not null,
  value text not null,
  primary key (report_id, item_id, alg)
);
create index report_hashes_value on report_hashes (hotline_id, alg, value);
create index report_hashes_case on report_hashes (case_id);

create table report_locations (
  report_id uuid not null references reports (id) on delete cascade,
  position integer not null,
  case_id text not null references cases (id),
  hotline_id text not null,
  domain text not null,
  url_digest text,
  primary key (report_id, position)
);
create index report_locations_digest on report_locations (hotline_id, url_digest) where url_digest is not null;
create index report_locations_case on report_locations (case_id);

-- A sealed part wrapped again by a colleague for a key that came later.
create table report_seals (
  report_id uuid not null references reports (id) on delete cascade,
  kid text not null,
  jwe jsonb not null,
  made_by_kind text not null,
  made_by_id text not null,
  made_at timestamptz not null,
  primary key (report_id, kid)
);

-- One row a person and case: the same person cannot be both assessors.
create table case_assessments (
  case_id text not null references cases (id) on delete cascade,
  person_id text not null references people (id),
  position integer not null,
  decision text not null check (decision in ('assessed', 'rejected')),
  reason text,
  -- Codes, hashes computed at source and a sealed note; null once retention removed it.
  assessment jsonb,
  saved_at timestamptz not null,
  primary key (case_id, person_id),
  unique (case_id, position)
);

-- What both assessors computed: the only hashes that can be published, with the ids they will have.
create table case_entries (
  case_id text not null references cases (id) on delete cascade,
  item_id uuid not null,
  alg text not null,
  value text not null,
  quality integer,
  ambiguous_bits integer,
  media_type text not null,
  -- Of the entry, and what ties the entries of one file together: random, so that nothing leads back to a report.
  entry_id text not null check (entry_id ~ '^[0-9a-f]{32}$'),
  item_ref text not null check (item_ref ~ '^[0-9a-f]{32}$'),
  published_at timestamptz,
  primary key (case_id, item_id, alg)
);

create table case_steps (
  id bigint generated always as identity primary key,
  case_id text not null references cases (id) on delete cascade,
  at timestamptz not null,
  code text not null,
  person_id text references people (id) on delete set null,
  -- address_copied: which address, by report and place in it
  report_id uuid,
  location integer
);
create index case_steps_case on case_steps (case_id, id);

-- An urgent case that nobody acknowledged in time: to whom it went, and whether the message arrived.
create table case_forwards (
  case_id text primary key references cases (id) on delete cascade,
  forward_to text,
  outcome text not null check (outcome in ('pending', 'delivered', 'failed', 'no_address', 'nobody_named')),
  attempts integer not null default 0,
  decided_at timestamptz not null,
  updated_at timestamptz not null
);
