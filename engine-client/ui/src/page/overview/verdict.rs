//! What is wrong, in a sentence: the first rule that applies.

use maud::html;

use super::doctor::{rest, sentence};
use super::seen::Seen;
use crate::moment::Moment;
use crate::number::{count, plural};
use crate::page::failures::runs_of;
use crate::part::text::{self, time};
use crate::part::verdict::{Verdict, Weight};
use crate::query::failure::Kind;
use crate::request::Context;
use crate::url::Words;

/// The first rule that applies: one failure is most of them, a problem, failures at all, nothing.
pub(super) fn verdict(context: &Context, seen: &Seen) -> Verdict {
    let failed = failed(seen);
    let now = seen.facts.now;
    if let Some(kind) = most_of_all(seen) {
        return of_kind(context, seen, kind, failed);
    }
    if let Some(problem) = seen.findings.iter().find(|finding| finding.is_problem()) {
        return Verdict {
            weight: Weight::Note,
            symbol: "crashed",
            colour: "fail",
            sentence: sentence(&problem.detail),
            error: None,
            facts: html! { (rest(&problem.detail)) " " (problem.hint) },
            links: Vec::new(),
        };
    }
    if let Some(kind) = seen.kinds.first() {
        let all = plural(
            failed,
            "run failed in the last hour",
            "runs failed in the last hour",
        );
        return Verdict {
            weight: Weight::Failure,
            symbol: "failed",
            colour: "fail",
            sentence: format!("{all}, {} of them {}", count(kind.count), kind.task),
            error: Some(error_of(context, kind)),
            facts: html! { "The last one at " (time(kind.last, now)) "." },
            links: links_of(context, kind),
        };
    }
    let ended = seen.outcomes.succeeded.sum();
    Verdict {
        weight: Weight::Quiet,
        symbol: "succeeded",
        colour: "ok",
        sentence: "All is well".to_owned(),
        error: None,
        facts: html! { "Nothing is overdue, nothing failed in the last hour, " (plural(ended, "run", "runs")) " succeeded." },
        links: Vec::new(),
    }
}

/// Since when what it names fails: charts mark that.
pub(super) fn since(seen: &Seen) -> Option<Moment> {
    most_of_all(seen).map(|kind| kind.first)
}

fn failed(seen: &Seen) -> i64 {
    seen.kinds.iter().map(|kind| kind.count).sum()
}

/// The failure that most runs of many have in common, if there is one.
fn most_of_all(seen: &Seen) -> Option<&Kind> {
    let failed = failed(seen);
    let kind = seen.kinds.first()?;
    (failed >= 20 && kind.count * 2 > failed).then_some(kind)
}

fn of_kind(context: &Context, seen: &Seen, kind: &Kind, failed: i64) -> Verdict {
    let queue = kind.queues.first().map(String::as_str).unwrap_or_default();
    let queue = seen.queues.iter().find(|other| other.queue == queue);
    Verdict {
        weight: Weight::Failure,
        symbol: "failed",
        colour: "fail",
        sentence: format!(
            "{} fails since {}: {} of the {} failures of the last hour",
            kind.task,
            kind.first.to_minute(),
            count(kind.count),
            count(failed)
        ),
        error: Some(error_of(context, kind)),
        facts: html! {
            @if let Some(versions) = &kind.versions {
                @if versions.len() == 1 { "Version " (versions[0]) ". " } @else { (versions.len()) " worker versions. " }
            }
            @if kind.keys > 1 { (count(kind.keys)) " keys. " }
            @if seen.retrying.runs > 0 { (plural(seen.retrying.runs, "more run retries. ", "more runs retry. ")) }
            @if let Some(queue) = queue {
                @if queue.is_full() { "Its queue " (queue.queue) " is full, " (plural(queue.due, "run is", "runs are")) " due behind it." }
            }
        },
        links: links_of(context, kind),
    }
}

/// The error of a kind, without what is hidden.
fn error_of(context: &Context, kind: &Kind) -> String {
    let text = context.served.redactor.text(&kind.text);
    if kind.kind == "STRING_ERROR" {
        text
    } else {
        format!("{} {text}", kind.kind)
    }
}

fn links_of(context: &Context, kind: &Kind) -> Vec<(String, String)> {
    vec![
        (
            "The failure".to_owned(),
            context.link_with("/failures", Words::default().with("task", &*kind.task)),
        ),
        (
            format!("Its {}", plural(kind.count, "run", "runs")),
            runs_of(context, kind),
        ),
        (
            "Latest run".to_owned(),
            text::run_path(context, &kind.latest),
        ),
    ]
}
