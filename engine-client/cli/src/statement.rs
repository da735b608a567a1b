//! The statements of the command line, a file each. They return one document per row, named `row`.

macro_rules! statement {
    ($name:ident, $file:literal) => {
        pub const $name: &str = include_str!(concat!("statement/", $file, ".sql"));
    };
}

statement!(AUDIT_LIST, "audit_list");
statement!(BULK_LIST, "bulk_list");
statement!(BULK_START, "bulk_start");
statement!(BULK_STOP, "bulk_stop");
statement!(CHECK, "check");
statement!(DOCTOR, "doctor");
statement!(ENVIRONMENT_EXISTS, "environment_exists");
statement!(ENVIRONMENT_PAUSE, "environment_pause");
statement!(EVENT_END, "event_end");
statement!(EVENT_READ, "event_read");
statement!(FORGET, "forget");
statement!(KEPT, "kept");
statement!(LATENCY, "latency");
statement!(OVERDUE, "overdue");
statement!(QUEUE_LIMIT, "queue_limit");
statement!(QUEUE_LIST, "queue_list");
statement!(QUEUE_PAUSE, "queue_pause");
statement!(RATE, "rate");
statement!(RETENTION, "retention");
statement!(RETENTION_DELETE, "retention_delete");
statement!(RETENTION_SET, "retention_set");
statement!(ROUTER_FUNCTION, "router_function");
statement!(RUN_CANCEL, "run_cancel");
statement!(RUN_ERRORS, "run_errors");
statement!(RUN_LIST, "run_list");
statement!(RUN_REDRIVE, "run_redrive");
statement!(RUN_REPLAY, "run_replay");
statement!(RUN_RESCHEDULE, "run_reschedule");
statement!(RUN_SHOW, "run_show");
statement!(RUN_TRIGGER, "run_trigger");
statement!(SCHEDULE_LIST, "schedule_list");
statement!(SCHEDULE_RUN, "schedule_run");
statement!(SCHEDULE_SET, "schedule_set");
statement!(SHARD_CAUGHT_UP, "shard/caught_up");
statement!(SHARD_END, "shard/end");
statement!(SHARD_EVENT_POSITION, "shard/event_position");
statement!(SHARD_EVENT_POSITION_RAISE, "shard/event_position_raise");
statement!(SHARD_FOREIGN_ENVIRONMENT, "shard/foreign_environment");
statement!(SHARD_GRANT, "shard/grant");
statement!(SHARD_GRANT_ADD, "shard/grant_add");
statement!(SHARD_GRANT_ROLE, "shard/grant_role");
statement!(SHARD_LIST, "shard/list");
statement!(SHARD_LOAD, "shard/load");
statement!(SHARD_LOCK, "shard/lock");
statement!(SHARD_MACHINE_ADD, "shard/machine_add");
statement!(SHARD_MACHINE_READ, "shard/machine_read");
statement!(SHARD_MOMENT, "shard/moment");
statement!(SHARD_PLACE, "shard/place");
statement!(SHARD_PLACE_ADD, "shard/place_add");
statement!(SHARD_SET, "shard/set");
statement!(SHARD_SIZE, "shard/size");
statement!(SHARD_SLOT_DROP, "shard/slot_drop");
statement!(SHARD_SLOT_MISSING, "shard/slot_missing");
statement!(SHARD_SUBSCRIBER, "shard/subscriber");
statement!(SHARD_SYNCHRONIZED, "shard/synchronized");
statement!(SHARD_TABLE, "shard/table");
statement!(SHARD_WRITER, "shard/writer");
statement!(STALLED, "stalled");
statement!(WORKER_HELD, "worker_held");
statement!(WORKER_LIST, "worker_list");
