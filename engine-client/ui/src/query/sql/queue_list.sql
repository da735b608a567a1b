-- Queues with runs or with settings, those that wait longest first, unless another order is asked for.
-- $1 text environment, $2 text part of the name, $3 text the name; null for all. $4 text due, full or paused: only those; null for all.
-- $5 text name, queued, due or running: the order. $6 bigint at most so many
select jsonb_build_object(
           'queue', q.queue,
           'environment_id', q.environment_id,
           'queued', q.queued,
           'due', q.due,
           'running', q.running,
           'keys', q.waiting_keys,
           'limit', q.concurrency_limit,
           'override', s.override_limit,
           'max_size', q.max_size,
           'oldest_ms', case when q.due > 0 then greatest(0, (extract(epoch from q.oldest_age) * 1000)::bigint) end,
           'is_paused', q.is_paused,
           'pause', jsonb_build_object('at', q.paused_at, 'by', q.paused_by, 'reason', q.pause_reason)) as row
from (
    select t.*, row_number() over (order by
               case when $5::text = 'name' then t.queue end,
               case $5 when 'queued' then t.queued when 'due' then t.due when 'running' then t.running end desc,
               case when t.due > 0 then t.oldest_available_at end, t.running desc, t.queued desc, t.environment_id, t.queue) as place
    from engine.queue_stats as t
    where ($1::text is null or t.environment_id = $1)
      and ($2::text is null or position(lower($2) in lower(t.queue)) > 0)
      and ($3::text is null or t.queue = $3)
      and case $4::text
              when 'due' then t.due > 0
              when 'full' then t.waiting_keys = 0 and t.running >= t.concurrency_limit and not t.is_paused
              when 'paused' then t.is_paused
              else true
          end
) as q
left join engine.queue_setting as s on s.environment_id = q.environment_id and s.queue = q.queue
where q.place <= $6::bigint
order by q.place
