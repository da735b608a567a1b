//! Bulk operations: those that run and have run, one of them, and the question before a new one.

mod action;
mod audit;
mod given;
mod list;
mod one;
mod preview;

pub(crate) use self::action::MANY;
pub(super) use self::action::actions;
pub(super) use self::list::list;

use crate::fault::Fault;
use crate::part::Page;
use crate::request::Context;

pub(super) async fn page(context: &Context, id: &str) -> Result<Page, Fault> {
    match id {
        "new" => preview::page(context).await,
        id => one::page(context, id).await,
    }
}
