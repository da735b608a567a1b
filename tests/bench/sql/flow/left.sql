-- The runs of a stock, each with its latest snapshot, in an order that is not that of the tables.
select s.run_id, s.snapshot_id
from engine.run_state as s
order by md5(s.run_id)
