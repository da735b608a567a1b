//! Turning schedules on and off, and running them now.

use engine_client::ScheduleChange;

use super::form::{field, flag};
use super::run::page_of as run_page;
use crate::fault::Fault;
use crate::request::Context;
use crate::url::Words;

pub(super) async fn set_active(context: &Context, form: &Words) -> Result<(), Fault> {
    let change = ScheduleChange::new(field(form, "id")?).active(flag(form, "active")?);
    context
        .act(async |reader| Ok(reader.engine().set_schedule(&change).await.map(drop)?))
        .await
}

/// Triggers a run of a schedule, and leads to it.
pub(super) async fn run(context: &Context, form: &Words) -> Result<String, Fault> {
    let id = field(form, "id")?;
    let made = context
        .act(async |reader| Ok(reader.engine().run_schedule(id).await?))
        .await?;
    Ok(run_page(context, &made.run_id))
}
