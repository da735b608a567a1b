//! What is done with one run.

use std::time::SystemTime;

use engine_client::{Cancel, RunId};

use super::form::field;
use crate::fault::Fault;
use crate::request::Context;
use crate::url::Words;

fn run_id(form: &Words) -> Result<RunId, Fault> {
    Ok(RunId::from(field(form, "run")?))
}

pub(super) async fn cancel(context: &Context, form: &Words) -> Result<(), Fault> {
    let run_id = run_id(form)?;
    let cancel = match form.get("reason") {
        Some(reason) => Cancel::default().reason(reason),
        None => Cancel::default(),
    };
    context
        .act(async |reader| Ok(reader.engine().cancel(&run_id, &cancel).await.map(drop)?))
        .await
}

/// Makes a new run, and leads to it.
pub(super) async fn replay(context: &Context, form: &Words) -> Result<String, Fault> {
    let run_id = run_id(form)?;
    let new = context
        .act(async |reader| Ok(reader.engine().replay(&run_id).await?))
        .await?;
    Ok(page_of(context, &new.run_id))
}

/// The address of a run's page.
pub(super) fn page_of(context: &Context, run_id: &RunId) -> String {
    let id = run_id.as_str();
    let id = id.strip_prefix("run_").unwrap_or(id);
    context.at(&format!("/runs/run_{id}"))
}

pub(super) async fn redrive(context: &Context, form: &Words) -> Result<(), Fault> {
    let run_id = run_id(form)?;
    context
        .act(async |reader| Ok(reader.engine().redrive(&run_id).await.map(drop)?))
        .await
}

/// Ends the delay of a run.
pub(super) async fn now(context: &Context, form: &Words) -> Result<(), Fault> {
    let run_id = run_id(form)?;
    let now = SystemTime::now();
    context
        .act(async |reader| Ok(reader.engine().reschedule(&run_id, now).await.map(drop)?))
        .await
}
