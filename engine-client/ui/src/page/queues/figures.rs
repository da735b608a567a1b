//! The figures of all queues that are shown.

use maud::html;

use crate::moment::span;
use crate::number::count;
use crate::part::text::Figure;
use crate::query::queue::{Counts, Environment, is_late};

pub(super) fn figures(counts: &Counts, environments: &[Environment]) -> Vec<Figure<'static>> {
    let running: i64 = environments
        .iter()
        .map(|environment| environment.running)
        .sum();
    let limit: Option<i64> = environments
        .iter()
        .map(|environment| environment.limit)
        .sum();
    let due: i64 = environments.iter().map(|environment| environment.due).sum();
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
        oldest(counts, ""),
        figure(
            "paused",
            "Paused",
            count(counts.paused),
            warn(counts.paused),
            counts.paused_names.join(", "),
        ),
        figure(
            "full",
            "Full",
            count(counts.full),
            warn(counts.full),
            counts.full_names.join(", "),
        ),
    ]
}

/// How long the run has been due that has been due longest; `nothing` is said where none is.
pub(in crate::page) fn oldest(counts: &Counts, nothing: &str) -> Figure<'static> {
    let (value, basis) = match counts.oldest_ms {
        Some(ms) => (span(ms), counts.oldest_name.clone().unwrap_or_default()),
        None => ("–".to_owned(), nothing.to_owned()),
    };
    let colour = if is_late(counts.oldest_ms) {
        "fail"
    } else {
        ""
    };
    figure("oldest", "Oldest due", value, colour, basis)
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
