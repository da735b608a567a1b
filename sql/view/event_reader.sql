-- Named readers, with what they have not acknowledged: how many rows of history, and since when the oldest of them. Positions
-- of transactions that rolled back leave gaps; behind one of more than a thousand that time is unknown.
create view engine.event_reader as
select r.name,
       r.position,
       greatest(p.last_row - r.row_position, 0) as lag,
       (select t.now from engine.clock as t) - o.created_at as oldest_age,
       r.max_lag_ms * interval '1 millisecond' as max_lag,
       r.position < coalesce(h.position, 0) as has_missed,
       r.created_at,
       r.acknowledged_at
from (
    select distinct on (r.name) r.name, r.position, r.row_position, r.max_lag_ms, r.created_at, r.acknowledged_at
    from engine.event_reader_position as r
    order by r.name, r.position
) as r
cross join (
    select case when p.is_called then p.last_value else 0 end as last_row
    from engine.event_position as p
) as p
cross join (select max(h.position) as position from engine.event_horizon as h) as h
left join lateral (
    select min(w.created_at) as created_at
    from (
        select s.created_at
        from engine.snapshot as s
        where s.position > r.row_position and s.position <= r.row_position + 1000
        union all
        select n.created_at
        from engine.notice as n
        where n.position > r.row_position and n.position <= r.row_position + 1000
    ) as w
) as o on true;

comment on view engine.event_reader is 'Named readers of events: what each has acknowledged, and how far it is behind';
comment on column engine.event_reader.lag is 'Rows of history that it has not acknowledged, one to three events each; rolled back ones count';
comment on column engine.event_reader.oldest_age is 'Age of the oldest of them; null if there is none, or where that is unknown';
comment on column engine.event_reader.max_lag is 'Age up to which events are kept for this reader';
comment on column engine.event_reader.has_missed is 'Whether events were removed that it has not acknowledged: its next call is refused with RE015';
