//! The fields of forms.

use axum::http::StatusCode;

use crate::fault::Fault;
use crate::request::Context;
use crate::url::Words;

/// The page that the form is of: a path of this server and of no other.
pub(super) fn back(context: &Context, form: &Words) -> String {
    let back = form.get("back").unwrap_or_default();
    let is_here =
        back.starts_with('/') && !back.starts_with("//") && !back.contains(['\\', '\r', '\n']);
    if is_here {
        back.to_owned()
    } else {
        context.at("/")
    }
}

/// A field that a form must have.
pub(super) fn field<'a>(form: &'a Words, key: &str) -> Result<&'a str, Fault> {
    let missing = || {
        Fault::new(
            StatusCode::BAD_REQUEST,
            format!("the form says nothing of {key}"),
            "",
        )
    };
    form.get(key).ok_or_else(missing)
}

/// A field that is yes or no.
pub(super) fn flag(form: &Words, key: &str) -> Result<bool, Fault> {
    Ok(field(form, key)? == "true")
}
