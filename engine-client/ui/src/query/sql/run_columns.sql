-- What a list says of run r
jsonb_build_object(
    'run_id', r.run_id,
    'task', r.task,
    'queue', r.queue,
    'run_status', r.status,
    'execution_status', r.execution_status,
    'attempt', r.attempt_number,
    'max_attempts', r.max_attempts,
    'created_at', r.created_at,
    'completed_at', r.completed_at,
    'updated_at', r.updated_at,
    'delay_until', r.delay_until,
    'available_at', r.available_at,
    'ttl', r.ttl,
    'is_dead_lettered', r.is_dead_lettered,
    'status_reason', r.status_reason,
    'error', r.error)
