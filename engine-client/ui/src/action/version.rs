//! Making a version of the workers the current one.

use super::form::field;
use crate::fault::Fault;
use crate::request::Context;
use crate::url::Words;

pub(super) async fn promote(context: &Context, form: &Words) -> Result<(), Fault> {
    let (environment, version) = (field(form, "of")?, field(form, "version")?);
    context
        .act(async |reader| {
            Ok(reader
                .engine()
                .promote_worker(environment, version)
                .await
                .map(drop)?)
        })
        .await
}
