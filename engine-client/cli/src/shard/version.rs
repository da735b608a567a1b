//! The version of the extension at two databases.

use crate::failure::Failure;
use crate::session::Session;

/// Refuses databases with different versions of the extension.
pub(super) async fn same_version(here: &Session, there: &Session) -> Result<(), Failure> {
    let versions = (here.version().await?, there.version().await?);
    if versions.0 == versions.1 {
        return Ok(());
    }
    Err(Failure::refused(
        format!(
            "the two databases have versions {} and {}",
            versions.0, versions.1
        ),
        "Update the older one: alter extension engine update.",
    ))
}
