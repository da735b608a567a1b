-- Records a step of a bulk action, in the transaction that did it.
-- :id text
-- :shard smallint: where it continues
-- :after_id text: the last run that it has seen there
-- :locked_ids text[]: runs that other sessions had locked, for its next step
-- :done bigint: runs on which it has acted in this step
-- :skipped bigint
-- :refused bigint
-- :refused_by jsonb: how many, by SQLSTATE
-- :is_last boolean
-- :now timestamptz
-- Locks: the action's row, held by bulk_due_lock. Index: bulk_action_pkey.
update engine.bulk_action as b
set shard = :shard,
    after_id = :after_id,
    locked_ids = :locked_ids,
    done = b.done + :done,
    skipped = b.skipped + :skipped,
    refused = b.refused + :refused,
    refused_by = case when :refused = 0 then b.refused_by
                      else (select jsonb_object_agg(e.key, e.count)
                            from (
                                select e.key, sum(e.value::bigint) as count
                                from (
                                    select * from jsonb_each_text(b.refused_by)
                                    union all
                                    select * from jsonb_each_text(:refused_by)
                                ) as e
                                group by e.key
                            ) as e)
                 end,
    state = case when :is_last then 'COMPLETED' else b.state end,
    finished_at = case when :is_last then :now end,
    worked_at = :now
where b.id = :id
