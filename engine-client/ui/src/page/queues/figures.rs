//! The figures of all queues that are shown.

use maud::html;

use crate::moment::span;
use crate::number::count;
use crate::part::text::Figure;
use crate::query::queue::{Environment, Queue};

pub(super) fn figures(queues: &[Queue], environments: &[Environment]) -> Vec<Figure<'static>> {
    let running: i64 = environments
        .iter()
        .map(|environment| environment.running)
        .sum();
    let limit: Option<i64> = environments
        .iter()
        .map(|environment| environment.limit)
        .sum();
    let due: i64 = environments.iter().map(|environment| environment.due).sum();
    let (paused, paused_names) = named(queues, |queue| queue.is_paused);
    let (full, full_names) = named(queues, Queue::is_full);
    let (slots, basis) = match limit {
        Some(limit) => (
            format!("{} / {}", count(running), count(limit)),
            "before bursts",
        ),
        None => (count(running), "no limit"),
    };
    let warn = |number| if number > 0 { "warn" } else { "" };
    vec![
        figure("slots", "Slots in use", slots, "", basis.to_owned()),
        figure("due", "Due", count(due), "", String::new()),
        oldest(queues, ""),
        figure(
            "paused",
            "Paused",
            count(paused),
            warn(paused),
            paused_names,
        ),
        figure("full", "Full", count(full), warn(full), full_names),
    ]
}

/// How long the run has been due that has been due longest; `nothing` is said where none is.
pub(in crate::page) fn oldest(queues: &[Queue], nothing: &str) -> Figure<'static> {
    let oldest = queues
        .iter()
        .filter_map(|queue| Some((queue.oldest_ms?, queue)))
        .max_by_key(|(ms, _)| *ms);
    let (value, is_late, basis) = match oldest {
        Some((ms, queue)) => (span(ms), queue.is_late(), queue.queue.as_str()),
        None => ("–".to_owned(), false, nothing),
    };
    let colour = if is_late { "fail" } else { "" };
    figure("oldest", "Oldest due", value, colour, basis.to_owned())
}

/// How many queues are so, and the names of three of them.
fn named(queues: &[Queue], is: fn(&Queue) -> bool) -> (i64, String) {
    let names: Vec<&str> = queues
        .iter()
        .filter(|queue| is(queue))
        .map(|queue| queue.queue.as_str())
        .collect();
    (
        i64::try_from(names.len()).unwrap_or_default(),
        names.iter().take(3).copied().collect::<Vec<_>>().join(", "),
    )
}

fn figure(
    id: &'static str,
    label: &str,
    value: String,
    colour: &'static str,
    basis: String,
) -> Figure<'static> {
    Figure {
        id,
        label: html! { (label) },
        value,
        colour,
        basis,
        link: None,
    }
}
