//! New waitpoints.

use engine_core::{
    BatchId, NewWaitpoint, Output, RunId, Shard, Timestamp, WaitpointId, WaitpointType,
};

use crate::backend::statement::{Statement, arguments, statement};
use crate::backend::value::{column, time};
use crate::document::JsonB;

static INSERT: Statement = statement!("waitpoint_insert.sql");

/// A new waitpoint.
pub(crate) struct WaitpointRow<'a> {
    pub(crate) id: &'a WaitpointId,
    pub(crate) environment_id: &'a str,
    pub(crate) of: Of<'a>,
    /// The output that completes it at creation.
    pub(crate) output: Option<Output>,
}

/// The owner of a waitpoint.
#[derive(Clone, Copy)]
pub(crate) enum Of<'a> {
    /// The end of this run completes it.
    Run(&'a RunId),
    /// The end of this batch completes it.
    Batch(&'a BatchId),
    /// A caller created it.
    Caller(&'a NewWaitpoint),
}

impl<'a> WaitpointRow<'a> {
    fn kind(&self) -> WaitpointType {
        match self.of {
            Of::Run(_) => WaitpointType::Run,
            Of::Batch(_) => WaitpointType::Batch,
            Of::Caller(new) => new.kind,
        }
    }

    pub(crate) fn asked(&self) -> Option<&'a NewWaitpoint> {
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

/// Writes waitpoints of one shard, except those whose key, run or batch already has one; returns those written.
pub(crate) fn insert(shard: Shard, new: &[WaitpointRow<'_>], now: Timestamp) -> Vec<WaitpointId> {
    let key = |new: &WaitpointRow<'_>| new.asked().and_then(|asked| asked.key.clone());
    let tags = |new: &WaitpointRow<'_>| {
        let tags = new.asked().map(|asked| asked.tags.as_slice());
        tags.filter(|tags| !tags.is_empty())
            .map(|tags| JsonB(tags.into()))
    };
    let output = |new: &WaitpointRow<'_>| new.output.clone().unwrap_or_default();
    INSERT.query(
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
            column(new, WaitpointRow::run_id),
            column(new, WaitpointRow::batch_id),
            column(new, |new| new
                .asked()
                .and_then(|asked| asked.completed_after)
                .map(time)),
            column(new, tags),
            column(new, |new| output(new).value),
            column(new, |new| output(new).media_type),
            column(new, |new| new.output.as_ref().map(|output| output.is_error)),
        ],
        |cells| WaitpointId::parse(&cells.value::<String>()),
    )
}
