//! Pausing, resuming and limiting queues.

use axum::http::StatusCode;
use engine_client::QueueChange;

use super::form::{field, flag};
use crate::fault::Fault;
use crate::request::Context;
use crate::url::Words;

pub(super) async fn pause(context: &Context, form: &Words) -> Result<(), Fault> {
    let (queue, environment) = (field(form, "queue")?, field(form, "of")?);
    let mut change = QueueChange::new(queue)
        .environment_id(environment)
        .paused(flag(form, "paused")?);
    if let Some(reason) = form.get("reason") {
        change = change.pause_reason(reason);
    }
    context
        .act(async |reader| Ok(reader.engine().set_queue(&change).await.map(drop)?))
        .await
}

/// Sets the override of a limit; an empty field takes it back.
pub(super) async fn limit(context: &Context, form: &Words) -> Result<(), Fault> {
    let (queue, environment) = (field(form, "queue")?, field(form, "of")?);
    let limit = form
        .get("limit")
        .map(|limit| limit.trim().parse::<u32>())
        .transpose();
    let limit = limit.map_err(|_| {
        Fault::new(
            StatusCode::BAD_REQUEST,
            "a limit is a whole number",
            "Write 0 or more.",
        )
    })?;
    let change = QueueChange::new(queue)
        .environment_id(environment)
        .override_limit(limit);
    context
        .act(async |reader| Ok(reader.engine().set_queue(&change).await.map(drop)?))
        .await
}
