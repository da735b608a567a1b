//! Checks of the single values of a trigger.

use serde_json::Value;

use crate::{
    Limits, Machine, Refusal, RetrySettings, check_document, check_label, idempotency, read_keep,
};

/// Longest name, characters: at most 512 bytes.
const MAX_NAME_LENGTH: usize = 128;
/// An index entry has room for 2,704 bytes. The widest one holds the names of an environment, a queue, which may begin with
/// `task/`, and a worker queue, an id, a concurrency key, and some fifty bytes of overhead.
const MAX_CONCURRENCY_KEY_BYTES: usize = 1000;
const MAX_TAGS: usize = 10;

/// Checks the name of a task, a queue, an environment, or anything else with a name.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for a name that is empty or has more than 128 characters.
pub fn check_name<'a>(parameter: &'static str, text: &'a str) -> Result<&'a str, Refusal> {
    let length = text.chars().count();
    if length == 0 || length > MAX_NAME_LENGTH {
        return Err(Refusal::invalid(
            parameter,
            format!("It has {length} characters."),
            "Pass 1 to 128 characters.",
        ));
    }
    Ok(text)
}

pub(crate) fn check_tags(tags: Vec<String>) -> Result<Vec<String>, Refusal> {
    if tags.len() > MAX_TAGS {
        return Err(Refusal::invalid(
            "tags",
            format!("There are {} tags.", tags.len()),
            "Pass at most 10 tags.",
        ));
    }
    for tag in &tags {
        check_name("tags", tag)?;
    }
    Ok(tags)
}

// The checks of options: each returns the value, and takes the limits in force, which most of them do not need.

pub(crate) fn name(parameter: &'static str, text: String, _: &Limits) -> Result<String, Refusal> {
    check_name(parameter, &text)?;
    Ok(text)
}

pub(crate) fn label(parameter: &'static str, text: String, _: &Limits) -> Result<String, Refusal> {
    check_label(parameter, Some(&text))?;
    Ok(text)
}

pub(crate) fn key(parameter: &'static str, text: String, _: &Limits) -> Result<String, Refusal> {
    idempotency::check_key(parameter, &text)?;
    Ok(text)
}

pub(crate) fn concurrency_key(
    parameter: &'static str,
    key: String,
    _: &Limits,
) -> Result<String, Refusal> {
    match key.len() {
        bytes if bytes > MAX_CONCURRENCY_KEY_BYTES => Err(Refusal::invalid(
            parameter,
            format!("It has {bytes} bytes."),
            "Pass at most 1000 bytes; hash what is longer.",
        )),
        _ => Ok(key),
    }
}

pub(crate) fn positive(parameter: &'static str, number: i32, _: &Limits) -> Result<i32, Refusal> {
    if number < 1 {
        return Err(Refusal::invalid(
            parameter,
            format!("{number} is less than 1."),
            "Pass at least 1, or omit it.",
        ));
    }
    Ok(number)
}

pub(crate) fn machine(
    parameter: &'static str,
    text: String,
    _: &Limits,
) -> Result<String, Refusal> {
    Machine::check(parameter, &text)?;
    Ok(text)
}

pub(crate) fn tags(_: &'static str, tags: Vec<String>, _: &Limits) -> Result<Vec<String>, Refusal> {
    check_tags(tags)
}

pub(crate) fn keep(_: &'static str, text: String, _: &Limits) -> Result<String, Refusal> {
    read_keep(&text)?;
    Ok(text)
}

pub(crate) fn bounded(
    parameter: &'static str,
    document: Value,
    limits: &Limits,
) -> Result<Value, Refusal> {
    limits.check_document(parameter, &document)?;
    Ok(document)
}

/// Retry settings that are too long are refused before they are read.
pub(crate) fn retry(
    parameter: &'static str,
    document: Value,
    limits: &Limits,
) -> Result<Value, Refusal> {
    bounded(parameter, document, limits).and_then(RetrySettings::check)
}

pub(crate) fn shallow(
    parameter: &'static str,
    document: Value,
    _: &Limits,
) -> Result<Value, Refusal> {
    check_document(parameter, &document)?;
    Ok(document)
}
