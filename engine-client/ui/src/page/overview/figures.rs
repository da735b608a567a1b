//! The figures: how much is due, runs, waits, retries, failed, succeeded.

use maud::html;

use super::seen::Seen;
use crate::number::count;
use crate::page::queues;
use crate::part::status::{FAILED, QUEUED, RETRYING, RUNNING, SUCCEEDED, Shown, WAITING};
use crate::part::symbol::icon;
use crate::part::text::Figure;
use crate::query::queue::Environment;
use crate::request::Context;
use crate::series::Series;
use crate::url::Words;

pub(super) fn figures(context: &Context, seen: &Seen) -> Vec<Figure<'static>> {
    let mut figures = vec![queues::oldest(&seen.counts, "nothing is due")];
    figures.extend(alive(context, seen));
    figures.extend(ended(context, seen));
    figures
}

/// Runs that have not ended.
fn alive(context: &Context, seen: &Seen) -> [Figure<'static>; 4] {
    let sum = |of: fn(&Environment) -> i64| seen.environments.iter().map(of).sum::<i64>();
    let limits: Option<i64> = seen
        .environments
        .iter()
        .map(|environment| environment.limit)
        .sum();
    let slots = limits.map_or_else(
        || "no limit".to_owned(),
        |limit| format!("{} slots", count(limit)),
    );
    let waiting: i64 = seen.waiting.iter().map(|waiting| waiting.runs).sum();
    let suspended: i64 = seen.waiting.iter().map(|waiting| waiting.suspended).sum();
    let most = seen.retrying.task.as_ref();
    let most = most.map_or_else(String::new, |task| format!("most of {task}"));
    let list = |status: Shown| {
        Some(context.link_with("/runs", Words::default().with("status", status.key())))
    };
    let figure = |id, status, runs, basis| figure(id, status, runs, basis, list(status));
    let running = sum(|environment| environment.running);
    [
        Figure {
            id: "due",
            label: html! { "Due" },
            value: count(sum(|environment| environment.due)),
            colour: "",
            basis: format!("{} queued", count(sum(|environment| environment.queued))),
            link: list(QUEUED),
        },
        figure("running", RUNNING, running, slots),
        figure(
            "waiting",
            WAITING,
            waiting,
            format!("{} suspended", count(suspended)),
        ),
        figure("retrying", RETRYING, seen.retrying.runs, most),
    ]
}

/// Runs that ended within the last hour.
fn ended(context: &Context, seen: &Seen) -> [Figure<'static>; 2] {
    let (failed, succeeded) = (&seen.outcomes.failed, &seen.outcomes.succeeded);
    let basis = |series: &Series| match seen.outcomes.since {
        Some(since) => format!("since {}", since.to_minute()),
        None => format!("{} in the last minute", count(series.last())),
    };
    let link = Some(context.link("/failures"));
    [
        Figure {
            colour: if failed.sum() > 0 { "fail" } else { "" },
            ..figure("failed", FAILED, failed.sum(), basis(failed), link)
        },
        figure(
            "succeeded",
            SUCCEEDED,
            succeeded.sum(),
            basis(succeeded),
            None,
        ),
    ]
}

fn figure(
    id: &'static str,
    status: Shown,
    runs: i64,
    basis: String,
    link: Option<String>,
) -> Figure<'static> {
    let hour = if matches!(id, "failed" | "succeeded") {
        ", 1 h"
    } else {
        ""
    };
    let name = format!("{}{}", status.word[..1].to_uppercase(), &status.word[1..]);
    Figure {
        id,
        label: html! { (icon(status.symbol, status.colour)) (name) (hour) },
        value: count(runs),
        colour: "",
        basis,
        link,
    }
}
