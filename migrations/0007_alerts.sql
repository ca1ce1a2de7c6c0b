-- Whom an urgent report reaches outside of the console, and whether it did.

-- Told at once, before anybody is waited for; forward_url is told when nobody acknowledged in time.
alter table hotlines add column alert_url text;

-- The newest alarm of a case: whether the hotline's alert address was told of it.
create table case_alerts (
  case_id text primary key references cases (id) on delete cascade,
  outcome text not null check (outcome in ('pending', 'delivered', 'failed', 'no_address')),
  attempts integer not null default 0,
  alarm_at timestamptz not null,
  updated_at timestamptz not null
);

-- A case counted as forwarded once that was decided, also when there was nobody to tell. From here on the time is that of the arrival.
update cases c set forwarded_at = null
where forwarded_at is not null and not exists (
  select 1 from case_forwards f where f.case_id = c.id and f.outcome = 'delivered' and f.decided_at >= c.forward_at);
