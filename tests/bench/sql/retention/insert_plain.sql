-- The four snapshots of a hundred smallest runs: $1 bigint number of the first run.
insert into public.plain (shard, run_id, ordinal, id, transition, execution_status, run_status, position, horizon, worker_id, created_at)
select 0, 'cmx2631r4' || lpad(to_hex(n.number), 14, '0') || '00', o.ordinal, 'cmx2631r4' || lpad(to_hex(n.number), 8, '0') || lpad(o.ordinal::text, 8, '0'),
       'STARTED', 'EXECUTING', 'EXECUTING', (n.number * 4 + o.ordinal), 0, 'w', now()
from generate_series($1::bigint, $1::bigint + 99) as n(number)
cross join generate_series(1, 4) as o(ordinal)
