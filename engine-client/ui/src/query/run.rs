//! One run.

use serde::Deserialize;
use serde_json::Value;
use tokio_postgres::types::Type;

use crate::fault::Fault;
use crate::moment::Moment;
use crate::pool::Reader;

const RUN: &str = include_str!("sql/run.sql");
const FAMILY: &str = include_str!("sql/run_family.sql");
const PAYLOAD: &str = include_str!("sql/run_payload.sql");

/// A run with its history.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Run {
    pub(crate) run_id: String,
    pub(crate) task: String,
    pub(crate) environment_id: String,
    pub(crate) queue: String,
    pub(crate) worker_queue: String,
    pub(crate) key: Option<String>,
    pub(crate) priority_ms: i64,
    pub(crate) delay_until: Option<Moment>,
    pub(crate) ttl: Option<String>,
    pub(crate) machine: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) metadata: Option<String>,
    pub(crate) is_test: bool,
    pub(crate) trace: Option<String>,
    pub(crate) replayed_from: Option<String>,
    pub(crate) parent_run_id: Option<String>,
    pub(crate) batch_id: Option<String>,
    pub(crate) run_status: String,
    pub(crate) execution_status: String,
    pub(crate) attempt: Option<i64>,
    pub(crate) max_attempts: Option<i64>,
    pub(crate) queue_attempts: i64,
    pub(crate) is_dead_lettered: bool,
    pub(crate) status_reason: Option<String>,
    pub(crate) usage_ms: i64,
    pub(crate) created_at: Moment,
    pub(crate) available_at: Option<Moment>,
    pub(crate) completed_at: Option<Moment>,
    pub(crate) heartbeat_deadline_at: Option<Moment>,
    pub(crate) output: Option<String>,
    pub(crate) output_type: String,
    pub(crate) error: Option<Value>,
    pub(crate) waits: Vec<Wait>,
    pub(crate) history: Vec<Snapshot>,
}

/// What a run waits for.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Wait {
    pub(crate) waitpoint_id: String,
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) run_id: Option<String>,
    pub(crate) batch_id: Option<String>,
    pub(crate) due_at: Option<Moment>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) since: Moment,
}

/// A step of a run's life.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) ordinal: i64,
    pub(crate) at: Moment,
    pub(crate) transition: String,
    pub(crate) execution_status: String,
    pub(crate) run_status: String,
    pub(crate) attempt: Option<i64>,
    pub(crate) description: Option<String>,
    pub(crate) error: Option<Value>,
    pub(crate) retry_at: Option<Value>,
    pub(crate) is_valid: bool,
    pub(crate) checkpoint_id: Option<String>,
    pub(crate) worker: Option<String>,
}

/// Children that are read of a run.
pub(crate) const CHILDREN: i64 = 50;

/// A run of the same family.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Relative {
    pub(crate) run_id: String,
    pub(crate) task: String,
    pub(crate) queue: String,
    pub(crate) run_status: String,
    pub(crate) execution_status: String,
    pub(crate) attempt: Option<i64>,
    pub(crate) max_attempts: Option<i64>,
    pub(crate) created_at: Moment,
    pub(crate) available_at: Option<Moment>,
    pub(crate) completed_at: Option<Moment>,
    pub(crate) is_parent: Option<bool>,
}

/// A payload.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Payload {
    pub(crate) payload: String,
    pub(crate) bytes: i64,
}

impl Run {
    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.execution_status == "FINISHED"
    }

    pub(crate) async fn read(reader: &Reader<'_>, run_id: &str) -> Result<Self, Fault> {
        let run: Option<Self> = reader.row(RUN, &[(&run_id, Type::TEXT)]).await?;
        run.ok_or_else(|| Fault::missing(format!("there is no run run_{run_id}")))
    }

    /// Its parent and its newest children.
    pub(crate) async fn family(&self, reader: &Reader<'_>) -> Result<Vec<Relative>, Fault> {
        let parameters = [
            (&self.run_id as _, Type::TEXT),
            (&self.parent_run_id as _, Type::TEXT),
            (&CHILDREN as _, Type::INT8),
        ];
        reader.rows(FAMILY, &parameters).await
    }

    /// Its payload, which the role must be allowed to read.
    pub(crate) async fn payload(&self, reader: &Reader<'_>) -> Result<Option<Payload>, Fault> {
        reader.row(PAYLOAD, &[(&self.run_id, Type::TEXT)]).await
    }
}
