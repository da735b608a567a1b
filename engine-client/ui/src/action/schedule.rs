//! Turning schedules on and off.

use engine_client::ScheduleChange;

use super::form::{field, flag};
use crate::fault::Fault;
use crate::request::Context;
use crate::url::Words;

pub(super) async fn set_active(context: &Context, form: &Words) -> Result<(), Fault> {
    let change = ScheduleChange::new(field(form, "id")?).active(flag(form, "active")?);
    context
        .act(async |reader| Ok(reader.engine().set_schedule(&change).await.map(drop)?))
        .await
}
