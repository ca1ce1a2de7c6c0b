-- Admissions of many segments: what a step leaves to the next, and finding those that a dead process left behind.

-- Digests of the snapshot's finished state buckets, so that going on does not mean reading everything again.
alter table admissions add column state_buckets bytea not null default '';

create index admissions_open on admissions (touched_at) where state in ('queued', 'running');
