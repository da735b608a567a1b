-- The enums. A new value is added in one release, and used from the next one on.

create type engine.environment_type as enum ('PRODUCTION', 'STAGING', 'DEVELOPMENT', 'PREVIEW');

create type engine.run_status as enum (
    'DELAYED', 'PENDING', 'PENDING_VERSION', 'WAITING_FOR_DEPLOY', 'DEQUEUED', 'EXECUTING',
    'WAITING_TO_RESUME', 'RETRYING_AFTER_FAILURE', 'PAUSED',
    'CANCELED', 'INTERRUPTED', 'COMPLETED_SUCCESSFULLY', 'COMPLETED_WITH_ERRORS',
    'SYSTEM_FAILURE', 'CRASHED', 'EXPIRED', 'TIMED_OUT');

create type engine.execution_status as enum (
    'RUN_CREATED', 'DELAYED', 'QUEUED', 'QUEUED_EXECUTING', 'PENDING_EXECUTING', 'EXECUTING',
    'EXECUTING_WITH_WAITPOINTS', 'SUSPENDED', 'PENDING_CANCEL', 'FINISHED');

-- The causes of snapshots. The view engine.event maps them to events.
create type engine.transition as enum (
    'TRIGGERED', 'TRIGGERED_DELAYED', 'CREATED_CANCELED', 'CREATED_FAILED',
    'DELAY_ENDED', 'RESCHEDULED', 'EXPIRED', 'PARKED', 'PROMOTED',
    'DEQUEUED', 'CONTINUED_IN_QUEUE', 'REFUSED', 'REQUEUED',
    'STARTED', 'CONTINUED', 'SUCCEEDED', 'FAILED', 'STALLED_FOR_GOOD',
    'RETRIED', 'RETRIED_BY_QUEUE', 'ATTEMPT_FAILED',
    'CANCEL_REQUESTED', 'CANCELED',
    'BLOCKED', 'UNBLOCKED', 'SUSPENDED', 'RESUMED',
    'REDRIVEN');

create type engine.waitpoint_type as enum ('RUN', 'DATETIME', 'MANUAL', 'BATCH');

create type engine.waitpoint_status as enum ('PENDING', 'COMPLETED');

create type engine.checkpoint_type as enum ('DOCKER', 'KUBERNETES', 'COMPUTE');

create type engine.batch_status as enum ('PENDING', 'PROCESSING', 'COMPLETED', 'PARTIAL_FAILED', 'ABORTED');

comment on type engine.run_status is 'A run''s status for its owner; the last eight are final';
comment on type engine.execution_status is 'A run''s status for the engine, that of its latest snapshot';
comment on type engine.transition is 'The cause of a snapshot';
