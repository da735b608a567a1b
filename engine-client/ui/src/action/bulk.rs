//! Starting and stopping bulk operations.

use axum::http::StatusCode;

use super::form::field;
use crate::fault::Fault;
use crate::page::MANY;
use crate::query::bulk::{self, Request};
use crate::request::Context;
use crate::url::Words;

/// Starts what was confirmed, and leads to it.
pub(super) async fn start(context: &Context, form: &Words) -> Result<String, Fault> {
    let reason = field(form, "reason")?;
    let request = Request {
        action: field(form, "action")?,
        filter: serde_json::from_str(field(form, "filter")?)?,
        options: form.get("options").map(serde_json::from_str).transpose()?,
    };
    let expected = number(field(form, "expected")?)?;
    if expected > MANY && number(field(form, "typed")?)? != expected {
        let hint = "Go back, and type the number that the page shows.";
        return Err(Fault::new(
            StatusCode::BAD_REQUEST,
            "the number of runs is another one",
            hint,
        ));
    }
    let started = context
        .act(async |reader| bulk::start(reader, &request, reason, expected).await)
        .await?;
    Ok(context.link(&format!("/bulk/{started}")))
}

pub(super) async fn stop(context: &Context, form: &Words) -> Result<(), Fault> {
    let bulk_id = field(form, "bulk")?;
    context
        .act(async |reader| bulk::stop(reader, bulk_id).await)
        .await
}

/// A number, with or without its thousands apart.
fn number(text: &str) -> Result<i64, Fault> {
    let digits = text.replace([',', ' '], "");
    digits
        .parse()
        .map_err(|_| Fault::new(StatusCode::BAD_REQUEST, "this is no number", ""))
}
