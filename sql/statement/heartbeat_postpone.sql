-- Sets the next look at deadlines that beats have moved since the last one.
-- $1 smallint shard, $2 timestamptz now, $3 integer how many
-- Locks: deadlines, SKIP LOCKED. Index: heartbeat_check.
update engine.heartbeat as h
set check_at = h.deadline_at
where h.shard = $1
  and h.run_id = any (array(
      select a.run_id
      from engine.heartbeat as a
      where a.shard = $1 and a.check_at <= $2 and a.deadline_at > $2
      order by a.check_at
      limit $3
      for no key update skip locked))
