//! What forms do: each checks its token, acts in one transaction, and leads back to its page with 303.

mod bulk;
mod environment;
mod form;
mod queue;
mod run;
mod schedule;
mod version;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;

use crate::fault::Fault;
use crate::part::fault_page;
use crate::request::Context;
use crate::served::Served;
use crate::url::Words;

/// Longest form.
const LONGEST: usize = 64 * 1024;

pub(crate) fn routes() -> Router<Arc<Served>> {
    Router::new().route("/act/{what}/{verb}", post(answer))
}

async fn answer(
    context: Context,
    Path((what, verb)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match act(&context, &what, &verb, &headers, &body).await {
        Ok(place) => Redirect::to(&place).into_response(),
        Err(fault) => fault_page::page(&context, &fault),
    }
}

async fn act(
    context: &Context,
    what: &str,
    verb: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<String, Fault> {
    let form = str::from_utf8(body)
        .ok()
        .filter(|form| form.len() <= LONGEST)
        .map(Words::read);
    let form = form.ok_or_else(|| Fault::new(StatusCode::BAD_REQUEST, "this is no form", ""))?;
    if context.is_new
        || !context
            .served
            .guard
            .accepts(headers, &context.browser, form.get("token"))
    {
        let hint = "Reload the page and press the button again: the dashboard was started anew, or the form is not its own.";
        return Err(Fault::new(
            StatusCode::FORBIDDEN,
            "this form does not come from a page of this dashboard",
            hint,
        ));
    }
    let back = form::back(context, &form);
    match (what, verb) {
        ("queue", "pause") => queue::pause(context, &form).await.map(|()| back),
        ("queue", "limit") => queue::limit(context, &form).await.map(|()| back),
        ("environment", "pause") => environment::pause(context, &form).await.map(|()| back),
        ("run", "cancel") => run::cancel(context, &form).await.map(|()| back),
        ("run", "replay") => run::replay(context, &form).await,
        ("run", "redrive") => run::redrive(context, &form).await.map(|()| back),
        ("run", "now") => run::now(context, &form).await.map(|()| back),
        ("schedule", "run") => schedule::run(context, &form).await,
        ("schedule", "active") => schedule::set_active(context, &form).await.map(|()| back),
        ("bulk", "start") => bulk::start(context, &form).await,
        ("bulk", "stop") => bulk::stop(context, &form).await.map(|()| back),
        ("version", "promote") => version::promote(context, &form).await.map(|()| back),
        _ => Err(Fault::missing("there is no such action")),
    }
}
