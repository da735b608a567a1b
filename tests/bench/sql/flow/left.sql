-- The runs of a stock, each with its latest snapshot.
-- $1 boolean whether in the order in which they were filled in, in which the tick comes to them; else in any order
select s.run_id, s.snapshot_id
from engine.run_state as s
order by case when $1::boolean then s.run_id else md5(s.run_id) end
