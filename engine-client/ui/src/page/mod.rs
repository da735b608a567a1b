//! The pages: a room each.

mod bulk;
mod download;
mod events;
mod failures;
mod find;
mod overview;
mod queues;
mod reason;
mod run;
mod runs;
mod schedules;
mod timeline;
mod workers;

pub(crate) use self::bulk::MANY;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::fault::Fault;
use crate::part::{Page, fault_page};
use crate::request::Context;
use crate::served::Served;

pub(crate) fn routes() -> Router<Arc<Served>> {
    let files = download::NAMES.iter().fold(Router::new(), |router, name| {
        router.route(&format!("/{name}"), get(download::answer))
    });
    files
        .route("/", get(answer))
        .route("/runs", get(answer))
        .route("/runs/{id}", get(answer))
        .route("/failures", get(answer))
        .route("/queues", get(answer))
        .route("/schedules", get(answer))
        .route("/workers", get(answer))
        .route("/bulk", get(answer))
        .route("/bulk/{id}", get(answer))
        .route("/events", get(answer))
        .route("/find", get(find::answer))
}

pub(crate) async fn answer(context: Context) -> Response {
    match render(&context).await {
        Ok(page) => page.into_response(),
        Err(fault) => fault_page::page(&context, &fault),
    }
}

/// The page of a path: for the browser that asks for it, and for those that watch it.
pub(crate) async fn render(context: &Context) -> Result<Page, Fault> {
    let prefix = context.served.options.path_prefix.as_str();
    let path = context.path.strip_prefix(prefix).unwrap_or(&context.path);
    let path = path.trim_end_matches('/');
    match path {
        "" => overview::page(context).await,
        "/runs" => runs::page(context).await,
        "/failures" => failures::page(context).await,
        "/queues" => queues::page(context).await,
        "/schedules" => schedules::page(context).await,
        "/workers" => workers::page(context).await,
        "/bulk" => bulk::list(context).await,
        "/events" => events::page(context).await,
        _ => match path
            .split_once('/')
            .and_then(|(_, rest)| rest.split_once('/'))
        {
            Some(("runs", id)) => run::page(context, id).await,
            Some(("bulk", id)) => bulk::page(context, id).await,
            _ => Err(Fault::missing("there is no such page")),
        },
    }
}
