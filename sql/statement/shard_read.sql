-- What this database says about shards.
-- -> number smallint, state text, place text null
-- Locks: none. Reads every row: there is one for each shard of which something was said.
select s.number, s.state, s.place
from engine.shard as s
