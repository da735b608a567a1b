//! Waitpoints: written, locked, completed, read.

use std::collections::BTreeMap;

use engine_core::{
    BatchId, MAX_KEPT, MAX_KEY_BYTES, NewWaitpoint, Output, Run, RunId, Settings, Shard, TimerKind,
    Timestamp, WaitpointId, WaitpointStatus, WaitpointType, own_keys,
};
use pgrx::datum::TimestampWithTimeZone;
use serde_json::{Value, json};

use super::run::{column, time};
use super::statement::{Cells, Statement, arguments, statement};
use super::{timer, wait};
use crate::document::{JsonB, Stored};

static INSERT: Statement = statement!("waitpoint_insert.sql");
static BY_KEY: Statement = statement!("waitpoint_by_key.sql");
static ROTATE: Statement = statement!("waitpoint_rotate.sql");
static SHARE: Statement = statement!("waitpoint_share.sql");
static LOCK_FREE: Statement = statement!("waitpoint_lock_free.sql");
static COMPLETE: Statement = statement!("waitpoint_complete.sql");
static OF_RUNS: Statement = statement!("waitpoint_of_runs.sql");
static OF_BATCHES: Statement = statement!("waitpoint_of_batches.sql");
static READ: Statement = statement!("waitpoint_read.sql");
static KEPT: Statement = statement!("waitpoint_kept.sql");
static COPY: Statement = statement!("waitpoint_copy.sql");
static DATA: Statement = statement!("waitpoint_data_read.sql");

/// A waitpoint that is to be written.
pub(crate) struct Minted<'a> {
    pub(crate) id: &'a WaitpointId,
    pub(crate) environment_id: &'a str,
    pub(crate) of: Of<'a>,
    /// What it begins completed with.
    pub(crate) output: Option<Output>,
}

/// Whose waitpoint it is.
#[derive(Clone, Copy)]
pub(crate) enum Of<'a> {
    /// Its completion is the end of a run.
    Run(&'a RunId),
    /// Its completion is the end of a batch.
    Batch(&'a BatchId),
    /// Somebody asked for it.
    Caller(&'a NewWaitpoint),
}

impl<'a> Minted<'a> {
    fn kind(&self) -> WaitpointType {
        match self.of {
            Of::Run(_) => WaitpointType::Run,
            Of::Batch(_) => WaitpointType::Batch,
            Of::Caller(new) => new.kind,
        }
    }

    fn asked(&self) -> Option<&'a NewWaitpoint> {
        match self.of {
            Of::Caller(new) => Some(new),
            Of::Run(_) | Of::Batch(_) => None,
        }
    }

    fn run_id(&self) -> Option<&'a str> {
        match self.of {
            Of::Run(run_id) => Some(run_id.as_str()),
            Of::Batch(_) | Of::Caller(_) => None,
        }
    }

    fn batch_id(&self) -> Option<&'a str> {
        match self.of {
            Of::Batch(batch_id) => Some(batch_id.as_str()),
            Of::Run(_) | Of::Caller(_) => None,
        }
    }
}

/// Writes waitpoints of one shard, with the timers of those that have an hour. Gives the number of those written: one whose
/// key, run or batch has a waitpoint already is not.
pub(crate) fn insert(shard: Shard, new: &[Minted<'_>], now: Timestamp) -> usize {
    let key = |new: &Minted<'_>| new.asked().and_then(|asked| asked.key.clone());
    let tags = |new: &Minted<'_>| {
        let tags = new.asked().map(|asked| asked.tags.as_slice());
        tags.filter(|tags| !tags.is_empty())
            .map(|tags| JsonB(tags.into()))
    };
    let output = |new: &Minted<'_>| new.output.clone().unwrap_or_default();
    let written = INSERT.query(
        arguments![
            shard.number(),
            time(now),
            column(new, |new| new.id.as_str()),
            column(new, |new| new.kind().as_str()),
            column(new, |new| new.environment_id),
            column(new, key),
            column(new, |new| new
                .asked()
                .and_then(|asked| asked.key_expires_at)
                .map(time)),
            column(new, Minted::run_id),
            column(new, Minted::batch_id),
            column(new, |new| new
                .asked()
                .and_then(|asked| asked.completed_after)
                .map(time)),
            column(new, tags),
            column(new, |new| output(new).value),
            column(new, |new| output(new).media_type),
            column(new, |new| new.output.as_ref().map(|output| output.is_error)),
        ],
        |cells| cells.value::<String>(),
    );
    let timers: Vec<_> = new
        .iter()
        .filter(|new| written.iter().any(|id| id == new.id.as_str()))
        .filter_map(|new| {
            let asked = new.asked()?;
            let at = asked.completed_after?;
            Some((new.id, at, asked.due_output(at)))
        })
        .collect();
    set_timers(shard, &timers);
    written.len()
}

/// Has the tick complete waitpoints at their hours.
pub(crate) fn set_timers(shard: Shard, timers: &[(&WaitpointId, Timestamp, Output)]) {
    let timers: Vec<_> = timers
        .iter()
        .map(|(id, at, output)| {
            let detail = output.is_error.then(|| json!({"error": output.value}));
            (id.as_str(), *at, detail)
        })
        .collect();
    timer::set(shard, TimerKind::FinishWaitpoint, &timers);
}

/// What a timer says that a waitpoint is completed with.
pub(crate) fn output_of_timer(detail: Option<&Value>) -> Output {
    match detail.and_then(|detail| detail["error"].as_str()) {
        Some(error) => Output {
            value: Some(error.to_owned()),
            media_type: None,
            is_error: true,
        },
        None => Output::default(),
    }
}

/// A waitpoint as those see it who create or complete it.
pub(crate) struct Waitpoint {
    pub(crate) id: WaitpointId,
    pub(crate) status: WaitpointStatus,
    pub(crate) completed_after: Option<TimestampWithTimeZone>,
    pub(crate) completed_at: Option<TimestampWithTimeZone>,
    pub(crate) output: Option<String>,
    pub(crate) output_type: String,
    pub(crate) output_is_error: bool,
    pub(crate) created_at: TimestampWithTimeZone,
}

/// A waitpoint, if it is there and in that environment.
pub(crate) fn read(id: &WaitpointId, environment_id: Option<&str>) -> Option<Waitpoint> {
    READ.query(
        arguments![id.shard().number(), id.as_str(), environment_id],
        |cells| Waitpoint {
            id: WaitpointId::parse(&cells.value::<String>()),
            status: status(&cells.value::<String>()),
            completed_after: cells.nullable(),
            completed_at: cells.nullable(),
            output: cells.nullable(),
            output_type: cells.value(),
            output_is_error: cells.value(),
            created_at: cells.value(),
        },
    )
    .pop()
}

/// All about a waitpoint, if it is there and in that environment.
pub(crate) fn data(id: &WaitpointId, environment_id: Option<&str>) -> Option<Stored> {
    DATA.query(
        arguments![id.shard().number(), id.as_str(), environment_id],
        Cells::value,
    )
    .pop()
}

/// The waitpoint that has a user's key, and when the key expires.
pub(crate) fn by_key(
    shard: Shard,
    environment_id: &str,
    key: &str,
) -> Option<(WaitpointId, Option<Timestamp>)> {
    BY_KEY
        .query(arguments![shard.number(), environment_id, key], |cells| {
            let expires_at: Option<TimestampWithTimeZone> = cells.nullable();
            let at = |time: TimestampWithTimeZone| Timestamp::from_micros(time.into());
            (
                WaitpointId::parse(&cells.value::<String>()),
                expires_at.map(at),
            )
        })
        .pop()
}

/// Takes an expired key from its waitpoint.
pub(crate) fn rotate(id: &WaitpointId, key: &str, stand_in: &str) {
    ROTATE.execute(arguments![id.shard().number(), id.as_str(), key, stand_in]);
}

/// The waitpoints of a run's own steps and waits that are over, and not by an error: all, or more than anybody may keep.
pub(crate) fn kept(run_id: &RunId, environment_id: &str, now: Timestamp) -> Vec<WaitpointId> {
    let (first, behind) = own_keys(run_id);
    KEPT.query(
        arguments![
            run_id.shard().number(),
            environment_id,
            first,
            behind,
            time(now),
            MAX_KEPT as i64 + 1,
        ],
        |cells| WaitpointId::parse(&cells.value::<String>()),
    )
}

/// Writes completed waitpoints of one run's own, each with a new id, as another one's of the same shard.
pub(crate) fn copy(from: &RunId, to: &RunId, waitpoints: &[(WaitpointId, WaitpointId)]) {
    COPY.execute(arguments![
        from.shard().number(),
        own_keys(from).0,
        own_keys(to).0,
        MAX_KEY_BYTES as i32,
        column(waitpoints, |(id, _)| id.as_str()),
        column(waitpoints, |(_, new_id)| new_id.as_str()),
    ]);
}

/// A waitpoint that a run is going to wait for, locked.
pub(crate) struct Shared {
    pub(crate) id: WaitpointId,
    pub(crate) is_completed: bool,
    /// Whether it is of the run's environment.
    pub(crate) is_own: bool,
    /// Whether it is completed by the end of the run itself.
    pub(crate) is_own_end: bool,
}

/// Locks waitpoints that a locked run is going to wait for; those that do not exist are left out.
pub(crate) fn share(run: &Run, ids: &[&WaitpointId]) -> Vec<Shared> {
    SHARE.query(
        arguments![
            run.id.shard().number(),
            run.id.as_str(),
            column(ids, |id| id.as_str())
        ],
        |cells| Shared {
            id: WaitpointId::parse(&cells.value::<String>()),
            is_completed: status(&cells.value::<String>()) == WaitpointStatus::Completed,
            is_own: cells.value(),
            is_own_end: cells.value(),
        },
    )
}

/// Locks those of these waitpoints that nobody else has locked.
pub(crate) fn lock_free(shard: Shard, ids: &[&WaitpointId]) -> Vec<WaitpointId> {
    LOCK_FREE.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| WaitpointId::parse(&cells.value::<String>()),
    )
}

/// Completes waitpoints of one shard and goes on with the runs that waited for them, as far as nobody else has them locked;
/// the tick goes on with the others. Gives the ids of those that were pending.
pub(crate) fn complete(
    shard: Shard,
    waitpoints: &[(&WaitpointId, Output)],
    settings: &Settings,
) -> Vec<WaitpointId> {
    if waitpoints.is_empty() {
        return Vec::new();
    }
    let completed = COMPLETE.query(
        arguments![
            shard.number(),
            time(settings.now),
            column(waitpoints, |(id, _)| id.as_str()),
            column(waitpoints, |(_, output)| output.value.as_deref()),
            column(waitpoints, |(_, output)| output.media_type.as_deref()),
            column(waitpoints, |(_, output)| output.is_error),
        ],
        |cells| WaitpointId::parse(&cells.value::<String>()),
    );
    wait::completed(shard, &completed, settings);
    completed
}

/// The waitpoints of these locked runs.
pub(crate) fn of_runs(shard: Shard, ids: &[&RunId]) -> BTreeMap<RunId, WaitpointId> {
    let rows = OF_RUNS.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| {
            (
                RunId::parse(&cells.value::<String>()),
                WaitpointId::parse(&cells.value::<String>()),
            )
        },
    );
    rows.into_iter().collect()
}

/// The waitpoints of these batches, and whether they are pending.
pub(super) fn of_batches(shard: Shard, ids: &[&BatchId]) -> Vec<(BatchId, WaitpointId, bool)> {
    OF_BATCHES.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| {
            (
                BatchId::parse(&cells.value::<String>()),
                WaitpointId::parse(&cells.value::<String>()),
                status(&cells.value::<String>()) == WaitpointStatus::Pending,
            )
        },
    )
}

fn status(text: &str) -> WaitpointStatus {
    match WaitpointStatus::parse(text) {
        Some(status) => status,
        None => unreachable!("the type has no other values"),
    }
}
