-- How many bytes the payloads of an environment's runs have. Those of a trigger that is under way are not among them.
-- :shard smallint
-- :environment_id text
-- -> bytes bigint
-- Locks: none. Reads every run of the shard.
select coalesce(sum(octet_length(r.payload)), 0)::bigint as bytes
from engine.run as r
where r.shard = :shard and r.environment_id = :environment_id
