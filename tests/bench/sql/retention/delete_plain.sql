-- The history of a thousand runs, as sql/statement/removal_snapshot_delete.sql deletes it: $1 bigint number of the first run.
delete from public.plain as s
using (
    select 'cmx2631r4' || lpad(to_hex(n.number), 14, '0') || '00' as run_id
    from generate_series($1::bigint, $1::bigint + 999) as n(number)
) as g
where s.shard = 0 and s.run_id = g.run_id
