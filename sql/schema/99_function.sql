-- What holds for every function: nobody may call it who was not granted it; and what each one is for.

revoke all on function engine_trigger from public;
revoke all on function engine_trigger_many from public;
revoke all on function engine_dequeue from public;
revoke all on function engine_start_attempt from public;
revoke all on function engine_complete_attempt from public;
revoke all on function engine_succeed from public;
revoke all on function engine_fail from public;
revoke all on function engine_heartbeat from public;
revoke all on function engine_heartbeat_many from public;
revoke all on function engine_tick from public;
revoke all on function engine_execution_data from public;
revoke all on function engine_snapshots_since from public;
revoke all on function engine_version from public;

comment on function engine_trigger is 'Triggers a run: writes it, its first snapshot and its queue item, and returns it.';
comment on function engine_trigger_many is 'Triggers many runs in one transaction; one row per element, in order.';
comment on function engine_dequeue is 'Hands up to max_runs due runs of a worker queue to the caller, lowest queue timestamp minus priority first.';
comment on function engine_start_attempt is 'Starts the next attempt of a dequeued run and returns what its handler gets to know.';
comment on function engine_complete_attempt is 'Completes an attempt: {"ok": true, "output": "…"} or {"ok": false, "error": {…}}.';
comment on function engine_succeed is 'Completes an attempt that succeeded; output is JSON as text.';
comment on function engine_fail is 'Completes an attempt that failed, with a message, and ends its run.';
comment on function engine_heartbeat is 'Moves the heartbeat deadline of a run, and returns its latest snapshot.';
comment on function engine_heartbeat_many is 'Moves the heartbeat deadlines of many runs in one statement; one row per element, in order.';
comment on function engine_tick is 'Does what is due, and returns how much of each kind: at most max_items, in one commit.';
comment on function engine_execution_data is 'Returns the latest snapshot of a run with its checkpoint and completed waitpoints, or null if there is no such run.';
comment on function engine_snapshots_since is 'Returns the valid snapshots of a run after a given one, oldest first, at most the newest fifty.';
comment on function engine_version is 'Returns the version of the loaded library.';
