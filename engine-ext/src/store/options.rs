//! The options of existing runs.

use engine_core::{Refusal, RunId, TriggerOptions};
use serde_json::Value;

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(READ, "run_options_read.sql");

/// The options of a run that replays this one.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`).
pub(crate) fn of_replay(id: &RunId) -> Result<TriggerOptions, Refusal> {
    let arguments = arguments!(READ {
        shard: id.shard(),
        run_id: id.as_str()
    });
    let found = READ.query(arguments, |cells| cell!(cells, READ.run as Value));
    match found.into_iter().next() {
        Some(run) => TriggerOptions::of_replay(id, run),
        None => Err(Refusal::UnknownRun { run_id: id.clone() }),
    }
}
