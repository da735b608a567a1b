//! Pausing and resuming environments.

use engine_client::EnvironmentChange;

use super::form::{field, flag};
use crate::fault::Fault;
use crate::request::Context;
use crate::url::Words;

pub(super) async fn pause(context: &Context, form: &Words) -> Result<(), Fault> {
    let mut change = EnvironmentChange::new(field(form, "of")?).paused(flag(form, "paused")?);
    if let Some(reason) = form.get("reason") {
        change = change.pause_reason(reason);
    }
    context
        .act(async |reader| Ok(reader.engine().set_environment(&change).await.map(drop)?))
        .await
}
