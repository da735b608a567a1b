-- What is on record about shards.
-- -> number smallint, state text, place text null
-- Locks: none. Reads every row: there are few.
select s.number, s.state, s.place
from engine.shard as s
