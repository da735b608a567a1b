-- What environments have used of their quotas. Runs that wait are counted up to the quota and one more; the rate is that of the tokens
-- that are gone, of those of a second, and of one at least.
create view engine.unfiltered_quota_stats as
select q.environment_id, b.quota, b.used, b.bound, b.used / nullif(b.bound, 0) as share
from engine.quota as q
join engine.quota_use as u on u.environment_id = q.environment_id
cross join lateral (
    select 'queued_runs' as quota, w.used, q.queued_runs::double precision as bound
    from (
        select count(*)::double precision as used
        from (
            select from engine.queue_item as i where i.environment_id = q.environment_id
            union all
            select from engine.parked as p where p.environment_id = q.environment_id
            union all
            select
            from engine.timer as t
            join engine.run as r on r.shard = t.shard and r.id = t.id
            where t.kind = 'END_DELAY' and r.environment_id = q.environment_id
            limit q.queued_runs + 1
        ) as w
    ) as w
    where q.queued_runs is not null
    union all
    select 'runs_per_second', greatest(0, least(1, (c.most - u.tokens - c.refilled) / c.most)) * q.runs_per_second, q.runs_per_second
    from (
        select greatest(q.runs_per_second, 1) as most,
               q.runs_per_second * greatest(0, extract(epoch from t.now - u.refilled_at))::double precision as refilled
        from engine.clock as t
    ) as c
    where q.runs_per_second is not null
    union all
    select 'kept_bytes', greatest(0, u.kept_bytes - coalesce(sum(r.bytes), 0))::double precision, q.kept_bytes
    from engine.quota_return as r
    where r.environment_id = q.environment_id
    having q.kept_bytes is not null
    union all
    select 'schedules', count(*), q.schedules
    from engine.schedule as s
    where s.environment_id = q.environment_id
    having q.schedules is not null
) as b;

comment on view engine.unfiltered_quota_stats is 'What environments have used of their quotas, all of them';

create view engine.quota_stats with (security_barrier) as
select s.environment_id, s.quota, s.used, s.bound, s.share
from engine.unfiltered_quota_stats as s
where (select v.is_everywhere from engine.read_scope as v)
   or s.environment_id = any ((select v.environment_ids from engine.read_scope as v)::text[]);

comment on view engine.quota_stats is 'What environments have used of their quotas';
comment on column engine.quota_stats.share is 'The used part, 1 for all of it; null if nothing may be used';

-- Advice about quotas that are used up, or nearly.
create view engine.quota_advice as
select s.used >= s.bound as is_problem,
       'quota' as kind,
       s.environment_id as subject,
       format('Environment "%s" has used %s of its quota %s of %s.', s.environment_id, round(s.used::numeric, 1), s.quota, s.bound) as detail,
       case s.quota when 'queued_runs' then 'Start more workers, have its callers trigger less, or raise it.'
                    when 'kept_bytes' then 'Keep its runs for a shorter time, or raise it.'
                    when 'schedules' then 'Delete schedules, or raise it.'
                    else 'Have its callers trigger less, or raise it.' end as hint,
       format('select engine_set_quota(%L, %s => %s)', s.environment_id, s.quota, 2 * s.bound) as command,
       null::interval as age
from engine.unfiltered_quota_stats as s
where s.share >= 0.8;

comment on view engine.quota_advice is 'Part of engine.advice: quotas of environments that are used up, or nearly';
