//! Limits on how much one call may carry.

use crate::Refusal;

/// Refuses more elements than the setting `engine.max_batch` allows.
pub(crate) fn check_batch(
    parameter: &'static str,
    elements: usize,
    max_batch: i32,
) -> Result<(), Refusal> {
    if i32::try_from(elements).is_ok_and(|elements| elements <= max_batch) {
        return Ok(());
    }
    Err(Refusal::invalid(
        parameter,
        format!("It has {elements} elements, the limit is {max_batch}."),
        "Split the call, or raise engine.max_batch.",
    ))
}

/// Checks two arrays that are paired by position: run ids and snapshot ids.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) if they have different numbers of elements, or more than `max_batch`.
pub fn check_pairs(run_ids: usize, snapshot_ids: usize, max_batch: i32) -> Result<(), Refusal> {
    if run_ids != snapshot_ids {
        return Err(Refusal::invalid(
            "snapshot_ids",
            format!("It has {snapshot_ids} elements, \"run_ids\" has {run_ids}."),
            "Pass one snapshot id for each run id.",
        ));
    }
    check_batch("run_ids", run_ids, max_batch)
}

/// Checks the waitpoints that a run is to wait for, and their indexes, if any.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for no waitpoint, more than `max_batch`, a different number of indexes, or a negative
/// index.
pub fn check_edges(
    waitpoints: usize,
    indexes: Option<&[i32]>,
    max_batch: i32,
) -> Result<(), Refusal> {
    if waitpoints == 0 {
        return Err(Refusal::invalid(
            "waitpoint_ids",
            "It is empty.".to_owned(),
            "Pass at least one waitpoint.",
        ));
    }
    let refused = |detail| {
        let hint = "Pass one index, from 0, for each waitpoint, or omit it.";
        Err(Refusal::invalid("batch_indexes", detail, hint))
    };
    let indexes = indexes.unwrap_or_default();
    if !indexes.is_empty() && indexes.len() != waitpoints {
        let count = indexes.len();
        return refused(format!(
            "It has {count} elements, \"waitpoint_ids\" has {waitpoints}."
        ));
    }
    if let Some(index) = indexes.iter().find(|index| **index < 0) {
        return refused(format!("{index} is negative."));
    }
    check_batch("waitpoint_ids", waitpoints, max_batch)
}

/// Checks how many items a tick may process, or a call may return.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) outside 1..=100000.
pub fn check_max_items(parameter: &'static str, max_items: i32) -> Result<i32, Refusal> {
    if (1..=100_000).contains(&max_items) {
        return Ok(max_items);
    }
    Err(Refusal::invalid(
        parameter,
        format!("{max_items} is not between 1 and 100000."),
        "The default, 1000, is a good choice.",
    ))
}

/// Checks how many events a call may return; `max_batch` is the setting `engine.max_batch`.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) outside 1..=`max_batch`.
pub fn check_max_events(max_events: i32, max_batch: i32) -> Result<i32, Refusal> {
    if (1..=max_batch).contains(&max_events) {
        return Ok(max_events);
    }
    Err(Refusal::invalid(
        "max_events",
        format!("{max_events} is not between 1 and {max_batch}."),
        "Ask for at least one event, and for no more than engine.max_batch.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_an_end() {
        assert!(check_batch("runs", 1000, 1000).is_ok());
        assert_eq!(
            check_batch("runs", 1001, 1000).unwrap_err().sqlstate(),
            "22023"
        );
        assert!(check_pairs(2, 2, 10).is_ok());
        assert!(check_pairs(2, 1, 10).is_err());
        assert!(check_pairs(11, 11, 10).is_err());
        assert!(check_edges(2, Some(&[0, 0]), 10).is_ok() && check_edges(10, None, 10).is_ok());
        assert!(check_edges(0, None, 10).is_err() && check_edges(2, Some(&[1]), 10).is_err());
        assert!(check_edges(1, Some(&[-1]), 10).is_err() && check_edges(11, None, 10).is_err());
        assert!(check_max_items("max_items", 0).is_err());
        assert_eq!(check_max_items("max_items", 1), Ok(1));
    }
}
