-- $1 text run, $2 text snapshot
select snapshot_id from engine_heartbeat($1, $2)
