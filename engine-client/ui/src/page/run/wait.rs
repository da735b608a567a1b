//! What a run waits for, down to the run at the end of the chain.

use maud::{Markup, html};

use super::seen::Seen;
use crate::moment::{Moment, span};
use crate::number::plural;
use crate::page::reason::error_line;
use crate::page::runs::attempts as attempts_of;
use crate::part::status;
use crate::part::symbol::icon;
use crate::part::text::{run_path, time};
use crate::part::verdict::{Verdict, Weight};
use crate::query::run::{Run, Wait};
use crate::request::Context;

/// Why it waits, down to the run at the end of the chain.
pub(super) fn verdict(context: &Context, seen: &Seen) -> Verdict {
    let (run, now) = (&seen.run, seen.facts.now);
    let redactor = &context.served.redactor;
    let pending: Vec<&Wait> = run
        .waits
        .iter()
        .filter(|wait| wait.status == "PENDING")
        .collect();
    let since = pending
        .iter()
        .map(|wait| wait.since)
        .min()
        .unwrap_or(run.created_at);
    let what = match (seen.chain.last(), pending.first()) {
        (Some(last), _) => format!("{}, which {}", last.task, state_of(last, now)),
        (None, Some(wait)) => for_what(wait, now),
        (None, None) => "what has ended; it goes on at once".to_owned(),
    };
    let through = seen.chain.len().saturating_sub(1);
    let mut links: Vec<(String, String)> = Vec::new();
    if let Some(first) = seen.chain.first() {
        links.push(("The child run".to_owned(), run_path(context, &first.run_id)));
    }
    if seen.chain.len() > 1
        && let Some(last) = seen.chain.last()
    {
        links.push((
            "The run at the end".to_owned(),
            run_path(context, &last.run_id),
        ));
    }
    Verdict {
        weight: Weight::Note,
        symbol: "waiting",
        colour: "wait",
        sentence: format!("Waits {} for {what}", span(now.ms_since(since))),
        error: seen
            .chain
            .last()
            .and_then(|last| last.error.as_ref())
            .map(|error| error_line(redactor, error)),
        facts: html! {
            @if through > 0 { "Through " (plural(i64::try_from(through).unwrap_or_default(), "other run", "other runs")) ". " }
            @if pending.len() > 1 { "It waits for " (pending.len()) " in all. " }
            @if run.execution_status == "SUSPENDED" { "It is suspended: it holds no slot and no worker, and goes on when that ends." }
            @else { "It holds its slot, and its worker, meanwhile." }
        },
        links,
    }
}

fn for_what(wait: &Wait, now: Moment) -> String {
    let tags = wait.tags.as_deref().unwrap_or_default().join(", ");
    match (wait.kind.as_str(), wait.due_at) {
        ("DATETIME", Some(at)) => format!("a time: {}", at.brief(now)),
        ("BATCH", _) => "a batch".to_owned(),
        ("MANUAL", at) => {
            let tags = if tags.is_empty() {
                String::new()
            } else {
                format!(" ({tags})")
            };
            let until = at.map_or_else(String::new, |at| format!(", until {}", at.brief(now)));
            format!("a caller{tags}{until}")
        }
        _ => "a run".to_owned(),
    }
}

/// What a run does, as a clause: `has failed 3 of 5 times and tries again at 03:13:22`.
fn state_of(run: &Run, now: Moment) -> String {
    match run.run_status.as_str() {
        "RETRYING_AFTER_FAILURE" => {
            let failed = attempts_of(run.attempt, run.max_attempts).replace(" / ", " of ");
            let again = run.available_at.filter(|at| *at > now);
            let again =
                again.map_or_else(|| "soon".to_owned(), |at| format!("at {}", at.brief(now)));
            format!("has failed {failed} times and tries again {again}")
        }
        "PENDING" => format!("is due in queue {}", run.queue),
        "DELAYED" => run.delay_until.map_or_else(
            || "is delayed".to_owned(),
            |at| format!("is delayed until {}", at.brief(now)),
        ),
        "PENDING_VERSION" => "waits for a version".to_owned(),
        _ => match run.waits.iter().find(|wait| wait.status == "PENDING") {
            Some(wait) => format!("waits for {}", for_what(wait, now)),
            None => format!(
                "is {}",
                status::of(&run.run_status, &run.execution_status).word
            ),
        },
    }
}

pub(super) fn panel(context: &Context, run: &Run, now: Moment) -> Markup {
    html! {
        section class="p" {
            header { h2 { "Waitpoints" } span class="muted small" { (run.waits.len()) } }
            ul class="tree" {
                @for wait in &run.waits {
                    li {
                        span class=(if wait.status == "PENDING" { "st wait" } else { "st ok" }) {
                            (icon(if wait.status == "PENDING" { "waiting" } else { "succeeded" }, "")) (for_what(wait, now))
                        }
                        " " span class="id muted" { "waitpoint_" (wait.waitpoint_id) }
                        @if let Some(other) = &wait.run_id { " " a class="id" href=(run_path(context, other)) { "run_" (other) } }
                        @if let Some(batch) = &wait.batch_id { " " span class="id muted" { "batch_" (batch) } }
                        " " span class="muted" { "since " (time(wait.since, now)) }
                    }
                }
            }
        }
    }
}
