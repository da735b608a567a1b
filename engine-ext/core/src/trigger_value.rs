//! Checks of the single values of a trigger.

use crate::{Machine, Refusal};

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

/// An empty key means no key.
pub(crate) fn concurrency_key(key: Option<String>) -> Result<Option<String>, Refusal> {
    match key.as_ref().map_or(0, String::len) {
        0 => Ok(None),
        bytes if bytes > MAX_CONCURRENCY_KEY_BYTES => Err(Refusal::invalid(
            "concurrency_key",
            format!("It has {bytes} bytes."),
            "Pass at most 1000 bytes; hash what is longer.",
        )),
        _ => Ok(key),
    }
}

pub(crate) fn name(parameter: &'static str, text: String) -> Result<String, Refusal> {
    check_name(parameter, &text)?;
    Ok(text)
}

pub(crate) fn positive(
    parameter: &'static str,
    number: Option<i32>,
) -> Result<Option<i32>, Refusal> {
    match number {
        Some(number) if number < 1 => Err(Refusal::invalid(
            parameter,
            format!("{number} is less than 1."),
            "Pass at least 1, or omit it.",
        )),
        number => Ok(number),
    }
}

pub(crate) fn machine(text: String) -> Result<String, Refusal> {
    Machine::check("machine", &text)?;
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
    tags.into_iter().map(|tag| name("tags", tag)).collect()
}
