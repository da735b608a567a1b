//! What pages show, as files: without payloads, up to a number of rows.

mod bulk;
mod list;
mod minute;

use axum::response::{IntoResponse, Response};

use crate::moment::Moment;
use crate::request::Context;

/// The names of the files.
pub(super) const NAMES: [&str; 8] = [
    "runs.csv",
    "failures.csv",
    "queues.csv",
    "schedules.csv",
    "workers.csv",
    "bulk.csv",
    "refusals.csv",
    "minutes.csv",
];

pub(super) async fn answer(context: Context) -> Response {
    let name = context.path.rsplit('/').next().unwrap_or_default();
    let file = match name {
        "runs.csv" => list::runs(&context).await,
        "failures.csv" => list::kinds(&context).await,
        "queues.csv" => list::all_queues(&context).await,
        "schedules.csv" => list::schedules(&context).await,
        "bulk.csv" => bulk::operations(&context).await,
        "refusals.csv" => bulk::refusals(&context).await,
        "minutes.csv" => minute::outcomes(&context).await,
        _ => list::workers(&context).await,
    };
    match file {
        Ok(file) => file.answer(name),
        Err(fault) => (fault.status, fault.message).into_response(),
    }
}

fn number(value: impl Into<Option<i64>>) -> String {
    let value = value.into();
    value.map_or_else(String::new, |value| value.to_string())
}

fn moment(value: Option<Moment>) -> String {
    value.map_or_else(String::new, Moment::iso)
}
