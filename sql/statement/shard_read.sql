-- What is on record about shards.
-- -> number smallint, state text, place text null, has_come boolean
-- Locks: none. Reads every row: there are few.
select s.number, s.state, s.place, s.has_come
from engine.shard as s
