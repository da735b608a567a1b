-- What there is about the runs that went on after they were filled in: every row without what differs from run to run (ids,
-- times, positions; that there is one is told), and how often it occurs.
with changed as (
    select p.shard, p.run_id
    from engine.snapshot as p
    group by p.shard, p.run_id
    having count(*) > 1
), line as (
    select 'snapshot' as name, to_jsonb(p) as content
    from engine.history as p join changed as c on c.shard = p.shard and c.run_id = p.run_id
    union all
    select 'run_state', to_jsonb(s)
    from engine.run_state as s join changed as c on c.shard = s.shard and c.run_id = s.run_id
    union all
    select 'queue_item', to_jsonb(i)
    from engine.queue_item as i join changed as c on c.shard = i.shard and c.run_id = i.run_id
    union all
    select 'heartbeat', to_jsonb(h)
    from engine.heartbeat as h join changed as c on c.shard = h.shard and c.run_id = h.run_id
    union all
    select 'edge', to_jsonb(e)
    from engine.edge as e join changed as c on c.shard = e.shard and c.run_id = e.run_id
    union all
    select 'checkpoint', to_jsonb(k)
    from engine.checkpoint as k
    union all
    select 'timer', to_jsonb(t)
    from engine.timer as t
    union all
    select 'notice', to_jsonb(n)
    from engine.notice as n
    union all
    select 'release', to_jsonb(r)
    from engine.release as r
)
select format('%s × %s: %s', count(*), l.name, g.content) as row
from line as l
cross join lateral (
    select jsonb_object_agg(
               e.key,
               case when e.value <> 'null' and (
                             e.key like '%\_at' or e.key like '%\_id' or e.key in ('id', 'position', 'horizon'))
                    then to_jsonb('given'::text)
                    else e.value
               end) as content
    from jsonb_each(l.content #- '{detail,retryAt}') as e
) as g
group by l.name, g.content
order by l.name, g.content
