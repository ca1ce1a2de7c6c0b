-- Publishing the log: who does it just now, how far it has come, and whether statements may still be taken.

-- Set while rows and what was published do not fit together (after a restore, say): no leaf is given an index then,
-- because the index may already be another statement's out in the world.
alter table log_head add column halted text check (halted in ('log_behind', 'log_conflict'));

-- One row. The published checkpoint in the object store is the truth; this says whether there is more to publish,
-- and keeps two publications from doing the same work at once.
create table log_publication (
  id smallint primary key default 1 check (id = 1),
  size bigint not null default 0 check (size >= 0),
  published_at timestamptz,
  lease_token text,
  lease_until timestamptz,
  check ((lease_token is null) = (lease_until is null))
);
insert into log_publication default values;
