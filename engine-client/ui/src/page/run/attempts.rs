//! The attempts of a run, the last first.

use maud::{Markup, html};

use super::seen::Seen;
use crate::moment::{Moment, span};
use crate::page::reason::{error_line, error_text};
use crate::page::timeline::Attempt;
use crate::part::status;
use crate::part::table;
use crate::part::text::{none, time};
use crate::query::run::Run;
use crate::request::Context;

pub(super) fn panel(context: &Context, seen: &Seen, attempts: &[Attempt]) -> Markup {
    let (run, now) = (&seen.run, seen.facts.now);
    html! {
        section class="p" {
            header {
                h2 { "Attempts" }
                span class="muted small" {
                    (attempts.len()) @if let Some(most) = run.max_attempts { " of at most " (most) }
                    @if attempts.len() > 1 { ", the last first" }
                }
            }
            div id="attempts" data-live {
                @if attempts.is_empty() { div class="empty" { "No attempt has begun." } } @else {
                    table class="cards" role="table" {
                        (table::head(&[("No", "num"), ("End", ""), ("Error", ""), ("Worker", "w2"), ("Began", "num"), ("Took", "num")], false))
                        tbody role="rowgroup" {
                            @for (place, attempt) in attempts.iter().rev().enumerate() { (attempt_row(context, run, attempt, place == 0, now)) }
                        }
                    }
                }
            }
        }
    }
}

fn attempt_row(
    context: &Context,
    run: &Run,
    attempt: &Attempt,
    is_last: bool,
    now: Moment,
) -> Markup {
    let redactor = &context.served.redactor;
    let shown = match attempt.end.as_deref() {
        None => status::of(&run.run_status, &run.execution_status),
        Some("SUCCEEDED") => status::SUCCEEDED,
        Some(_) if attempt.has_failed() && is_last && run.has_ended() => {
            status::of_run(&run.run_status)
        }
        Some(_) if attempt.has_failed() => status::FAILED,
        Some(_) => status::CANCELLED,
    };
    html! {
        tr role="row" id={ "a" (attempt.number) } {
            td role="cell" class="num" { (attempt.number) }
            td role="cell" { (shown.badge("")) }
            td role="cell" class="full" {
                @if let Some(error) = &attempt.error {
                    details open[is_last] {
                        summary { span class="err" { (error_line(redactor, error)) } }
                        pre class="wrap" { (error_text(redactor, error)) }
                    }
                } @else { span class="muted" { "none" } }
            }
            td role="cell" class="w2 cut" { @match &attempt.worker { Some(worker) => (worker), None => (none()) } }
            td role="cell" class="num nw" { (time(attempt.began, now)) }
            td role="cell" class="num nw" { (span(attempt.ended.unwrap_or(now).ms_since(attempt.began))) }
        }
    }
}
