//! Bulk operations.

use axum::http::StatusCode;

use crate::fault::Fault;
use crate::part::Page;
use crate::request::Context;

pub(super) async fn list(_context: &Context) -> Result<Page, Fault> {
    Err(missing())
}

pub(super) async fn page(_context: &Context, _id: &str) -> Result<Page, Fault> {
    Err(missing())
}

fn missing() -> Fault {
    Fault::new(StatusCode::NOT_FOUND, "there are no bulk operations", "")
}
