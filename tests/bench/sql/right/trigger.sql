-- $1 text environment, and worker queue
select run_id from engine_trigger('noop', environment_id => $1, worker_queue => $1)
