//! New waitpoints.

use engine_core::{
    BatchId, NewWaitpoint, Output, RunId, Shard, Timestamp, WaitpointId, WaitpointType,
};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;
use crate::document::JsonB;

statement!(INSERT, "waitpoint_insert.sql");

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
        arguments!(INSERT {
            shard,
            now,
            id: column(new, |new| new.id.as_str()),
            kind: column(new, |new| new.kind().as_str()),
            environment_id: column(new, |new| new.environment_id),
            key: column(new, key),
            key_expires_at: column(new, |new| new
                .asked()
                .and_then(|asked| asked.key_expires_at)),
            run_id: column(new, WaitpointRow::run_id),
            batch_id: column(new, WaitpointRow::batch_id),
            completed_after: column(new, |new| new
                .asked()
                .and_then(|asked| asked.completed_after)),
            tags: column(new, tags),
            output: column(new, |new| output(new).value),
            output_type: column(new, |new| output(new).media_type),
            is_error: column(new, |new| new.output.as_ref().map(|output| output.is_error))
        }),
        cell!(INSERT.id),
    )
}
