//! The install script: the files under `sql/`, in reading order.

use pgrx::extension_sql_file;

extension_sql_file!("../../sql/schema/00_schema.sql", name = "schema", bootstrap);
extension_sql_file!(
    "../../sql/schema/01_type.sql",
    name = "type",
    requires = ["schema"]
);
extension_sql_file!(
    "../../sql/schema/02_environment.sql",
    name = "environment",
    requires = ["type"]
);
extension_sql_file!(
    "../../sql/schema/03_run.sql",
    name = "run",
    requires = ["environment"]
);
extension_sql_file!(
    "../../sql/schema/04_snapshot.sql",
    name = "snapshot",
    requires = ["run"]
);
extension_sql_file!(
    "../../sql/schema/05_queue_item.sql",
    name = "queue_item",
    requires = ["snapshot"]
);
extension_sql_file!(
    "../../sql/schema/06_heartbeat.sql",
    name = "heartbeat",
    requires = ["queue_item"]
);
extension_sql_file!(
    "../../sql/schema/07_waitpoint.sql",
    name = "waitpoint",
    requires = ["heartbeat"]
);
extension_sql_file!(
    "../../sql/schema/08_checkpoint.sql",
    name = "checkpoint",
    requires = ["waitpoint"]
);
extension_sql_file!(
    "../../sql/schema/09_notice.sql",
    name = "notice",
    requires = ["checkpoint"]
);
extension_sql_file!(
    "../../sql/schema/10_timer.sql",
    name = "timer",
    requires = ["notice"]
);
extension_sql_file!(
    "../../sql/schema/11_machine.sql",
    name = "machine",
    requires = ["timer"]
);
extension_sql_file!(
    "../../sql/schema/12_batch.sql",
    name = "batch",
    requires = ["machine"]
);
extension_sql_file!(
    "../../sql/schema/13_trigger_key.sql",
    name = "trigger_key",
    requires = ["batch"]
);
extension_sql_file!(
    "../../sql/schema/14_worker.sql",
    name = "worker",
    requires = ["trigger_key"]
);
extension_sql_file!(
    "../../sql/schema/15_schedule.sql",
    name = "schedule",
    requires = ["worker"]
);
extension_sql_file!(
    "../../sql/schema/16_retention.sql",
    name = "retention",
    requires = ["schedule"]
);
extension_sql_file!(
    "../../sql/schema/17_event_reader.sql",
    name = "event_reader",
    requires = ["retention"]
);
extension_sql_file!(
    "../../sql/schema/18_turn.sql",
    name = "turn",
    requires = ["event_reader"]
);
extension_sql_file!(
    "../../sql/schema/19_grant.sql",
    name = "grant",
    requires = ["turn"]
);
extension_sql_file!(
    "../../sql/schema/20_test_clock.sql",
    name = "test_clock",
    requires = ["grant"]
);
extension_sql_file!(
    "../../sql/schema/21_quota.sql",
    name = "quota",
    requires = ["test_clock"]
);
extension_sql_file!(
    "../../sql/schema/22_bulk_action.sql",
    name = "bulk_action",
    requires = ["quota"]
);
extension_sql_file!(
    "../../sql/schema/23_failure.sql",
    name = "failure",
    requires = ["bulk_action"]
);
extension_sql_file!(
    "../../sql/schema/24_shard.sql",
    name = "shard",
    requires = ["failure"]
);
extension_sql_file!(
    "../../sql/schema/25_worker_report.sql",
    name = "worker_report",
    requires = ["shard"]
);
extension_sql_file!(
    "../../sql/schema/26_minute.sql",
    name = "minute",
    requires = ["worker_report"]
);
extension_sql_file!(
    "../../sql/schema/27_audit.sql",
    name = "audit",
    requires = ["minute"]
);
extension_sql_file!(
    "../../sql/view/clock.sql",
    name = "clock",
    requires = ["audit"]
);
extension_sql_file!(
    "../../sql/view/read_scope.sql",
    name = "read_scope",
    requires = ["clock"]
);
extension_sql_file!(
    "../../sql/view/history.sql",
    name = "history",
    requires = ["read_scope"]
);
extension_sql_file!(
    "../../sql/view/next_run.sql",
    name = "next_run",
    requires = ["history"]
);
extension_sql_file!(
    "../../sql/view/slot.sql",
    name = "slot",
    requires = ["next_run"]
);
extension_sql_file!(
    "../../sql/view/queue_stats.sql",
    name = "queue_stats",
    requires = ["slot"]
);
extension_sql_file!(
    "../../sql/view/carried_waitpoint.sql",
    name = "carried_waitpoint",
    requires = ["queue_stats"]
);
extension_sql_file!(
    "../../sql/view/completed_waitpoint.sql",
    name = "completed_waitpoint",
    requires = ["carried_waitpoint"]
);
extension_sql_file!(
    "../../sql/view/checkpoint_entry.sql",
    name = "checkpoint_entry",
    requires = ["completed_waitpoint"]
);
extension_sql_file!(
    "../../sql/view/dequeue_detail.sql",
    name = "dequeue_detail",
    requires = ["checkpoint_entry"]
);
extension_sql_file!(
    "../../sql/view/execution_data.sql",
    name = "execution_data",
    requires = ["dequeue_detail"]
);
extension_sql_file!(
    "../../sql/view/event_kind.sql",
    name = "event_kind",
    requires = ["execution_data"]
);
extension_sql_file!(
    "../../sql/view/event.sql",
    name = "event",
    requires = ["event_kind"]
);
extension_sql_file!(
    "../../sql/view/run_overview.sql",
    name = "run_overview",
    requires = ["event"]
);
extension_sql_file!(
    "../../sql/view/waitpoint_data.sql",
    name = "waitpoint_data",
    requires = ["run_overview"]
);
extension_sql_file!(
    "../../sql/view/batch_data.sql",
    name = "batch_data",
    requires = ["waitpoint_data"]
);
extension_sql_file!(
    "../../sql/view/event_end.sql",
    name = "event_end",
    requires = ["batch_data"]
);
extension_sql_file!(
    "../../sql/view/event_reader.sql",
    name = "event_reader_view",
    requires = ["event_end"]
);
extension_sql_file!(
    "../../sql/view/overdue.sql",
    name = "overdue",
    requires = ["event_reader_view"]
);
extension_sql_file!(
    "../../sql/view/rate.sql",
    name = "rate",
    requires = ["overdue"]
);
extension_sql_file!(
    "../../sql/view/deadlock.sql",
    name = "deadlock",
    requires = ["rate"]
);
extension_sql_file!(
    "../../sql/view/kept.sql",
    name = "kept",
    requires = ["deadlock"]
);
extension_sql_file!(
    "../../sql/view/work_advice.sql",
    name = "work_advice",
    requires = ["kept"]
);
extension_sql_file!(
    "../../sql/view/session_advice.sql",
    name = "session_advice",
    requires = ["work_advice"]
);
extension_sql_file!(
    "../../sql/view/server_advice.sql",
    name = "server_advice",
    requires = ["session_advice"]
);
extension_sql_file!(
    "../../sql/view/right_advice.sql",
    name = "right_advice",
    requires = ["server_advice"]
);
extension_sql_file!(
    "../../sql/view/quota_stats.sql",
    name = "quota_stats",
    requires = ["right_advice"]
);
extension_sql_file!(
    "../../sql/view/advice.sql",
    name = "advice",
    requires = ["quota_stats"]
);
extension_sql_file!(
    "../../sql/view/permission.sql",
    name = "permission",
    requires = ["advice"]
);
extension_sql_file!(
    "../../sql/view/bulk.sql",
    name = "bulk",
    requires = ["permission"]
);
extension_sql_file!(
    "../../sql/view/failed_run.sql",
    name = "failed_run",
    requires = ["bulk"]
);
extension_sql_file!(
    "../../sql/view/queue_metric.sql",
    name = "queue_metric",
    requires = ["failed_run"]
);
extension_sql_file!(
    "../../sql/view/activity_metric.sql",
    name = "activity_metric",
    requires = ["queue_metric"]
);
extension_sql_file!(
    "../../sql/view/care_metric.sql",
    name = "care_metric",
    requires = ["activity_metric"]
);
extension_sql_file!(
    "../../sql/view/metric.sql",
    name = "metric",
    requires = ["care_metric"]
);
extension_sql_file!(
    "../../sql/view/run_detail.sql",
    name = "run_detail",
    requires = ["metric"]
);
extension_sql_file!(
    "../../sql/view/register.sql",
    name = "register",
    requires = ["run_detail"]
);
extension_sql_file!(
    "../../sql/view/minute.sql",
    name = "minute_views",
    requires = ["register"]
);
extension_sql_file!(
    "../../sql/view/audit.sql",
    name = "audit_view",
    requires = ["minute_views"]
);
extension_sql_file!(
    "../../sql/function/trigger.sql",
    name = "trigger_functions",
    requires = ["audit_view"]
);
extension_sql_file!(
    "../../sql/function/worker.sql",
    name = "worker_functions",
    requires = ["trigger_functions"]
);
extension_sql_file!(
    "../../sql/function/wait.sql",
    name = "wait_functions",
    requires = ["worker_functions"]
);
extension_sql_file!(
    "../../sql/function/operate.sql",
    name = "operate_functions",
    requires = ["wait_functions"]
);
extension_sql_file!(
    "../../sql/function/observe.sql",
    name = "observe_functions",
    requires = ["operate_functions"]
);
extension_sql_file!(
    "../../sql/schema/98_dump.sql",
    name = "dump",
    requires = ["observe_functions"]
);
