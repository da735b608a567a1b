//! Size limits of values that callers pass.
//!
//! Names and keys are limited by the indexes that contain them, where they are checked; this module limits the rest.

use serde_json::Value;

use crate::Refusal;
use crate::document::check_document;

/// Largest label, bytes: text that the engine stores for readers and never acts on.
const MAX_LABEL_BYTES: usize = 1024;

/// Size limits of documents, as configured.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The setting `engine.max_payload_bytes`.
    pub max_payload_bytes: usize,
    /// The setting `engine.max_metadata_bytes`.
    pub max_metadata_bytes: usize,
    /// The setting `engine.max_ttl_ms`; 0 for no maximum.
    pub max_ttl_ms: i64,
}

impl Limits {
    /// Refuses opaque text that is too large: payloads, outputs.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`] (`54000`).
    pub fn check_payload(&self, what: &'static str, bytes: usize) -> Result<(), Refusal> {
        let limit = self.max_payload_bytes;
        check_size(what, bytes, limit, "engine.max_payload_bytes")
    }

    /// Refuses a document of a run that not every reader could read, or that is too large.
    ///
    /// # Errors
    /// [`Refusal::TooDeep`], [`Refusal::ReservedKey`] (`22032`), [`Refusal::TooLarge`] (`54000`).
    pub fn check_document(&self, what: &'static str, document: &Value) -> Result<(), Refusal> {
        check_document(what, document)?;
        let (bytes, limit) = (document.to_string().len(), self.max_metadata_bytes);
        check_size(what, bytes, limit, "engine.max_metadata_bytes")
    }
}

fn check_size(
    what: &'static str,
    bytes: usize,
    limit: usize,
    setting: &'static str,
) -> Result<(), Refusal> {
    if bytes > limit {
        Err(Refusal::TooLarge {
            what,
            bytes,
            limit,
            setting,
        })
    } else {
        Ok(())
    }
}

/// Checks a label, such as a worker id, a reason or a location.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for more than 1024 bytes.
pub fn check_label<T: AsRef<str>>(
    parameter: &'static str,
    label: Option<T>,
) -> Result<Option<T>, Refusal> {
    match label.as_ref().map_or(0, |label| label.as_ref().len()) {
        bytes if bytes > MAX_LABEL_BYTES => Err(Refusal::invalid(
            parameter,
            format!("It has {bytes} bytes."),
            "Pass at most 1024 bytes.",
        )),
        _ => Ok(label),
    }
}

#[cfg(test)]
impl Limits {
    /// Limits that no test reaches.
    pub(crate) const WIDE: Self = Self {
        max_payload_bytes: 1 << 20,
        max_metadata_bytes: 1 << 20,
        max_ttl_ms: 0,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_has_a_kibibyte() {
        let check = |bytes: usize| check_label("reason", Some("ä".repeat(bytes / 2)));
        assert!(check(1024).is_ok());
        assert_eq!(check(1026).unwrap_err().sqlstate(), "22023");
        assert_eq!(check_label("reason", None::<&str>), Ok(None));
    }

    #[test]
    fn documents_have_the_bound_that_is_set() {
        let limits = Limits {
            max_payload_bytes: 3,
            max_metadata_bytes: 5,
            max_ttl_ms: 0,
        };
        assert!(limits.check_payload("output", 3).is_ok());
        let refused = limits.check_payload("output", 4).unwrap_err();
        assert_eq!(refused.sqlstate(), "54000");
        assert!(limits.check_document("options", &"abc".into()).is_ok());
        let refused = limits
            .check_document("options", &"abcd".into())
            .unwrap_err();
        assert_eq!(refused.sqlstate(), "54000");
    }
}
