//! The doctor's findings.

use maud::{Markup, html};

use super::seen::Seen;
use crate::moment::span;
use crate::number::plural;
use crate::part::symbol::icon;
use crate::part::text::time;
use crate::query::doctor::{Finding, MOST};
use crate::request::Context;
use crate::url::Words;

/// The first sentence, without its end.
pub(super) fn sentence(text: &str) -> String {
    text.split_once(". ")
        .map_or(text, |(first, _)| first)
        .trim_end_matches('.')
        .to_owned()
}

pub(super) fn rest(text: &str) -> &str {
    text.split_once(". ").map_or("", |(_, rest)| rest)
}

pub(super) fn panel(context: &Context, seen: &Seen) -> Markup {
    let problems = seen
        .findings
        .iter()
        .filter(|finding| finding.is_problem())
        .count();
    let notes = seen.findings.len() - problems;
    let number = |number: usize| i64::try_from(number).unwrap_or_default();
    html! {
        section class="p" {
            header {
                h2 { "Doctor" }
                span class="muted small" {
                    (plural(number(problems), "problem", "problems")) ", " (plural(number(notes), "note", "notes"))
                    @if number(seen.findings.len()) == MOST { ", the first " (MOST) }
                }
                span class="more muted small" { (time(seen.facts.now, seen.facts.now)) }
            }
            div id="doctor" data-live {
                @if seen.findings.is_empty() { div class="empty" { b { "Nothing to say" } "The tick keeps up, and nothing holds vacuum back." } }
                ul class="find-l" { @for finding in &seen.findings { (finding_item(context, finding)) } }
            }
            p class="b small muted" id="tick" data-live {
                "The tick is led by " (seen.tick.led_by())
                @if let Some(at) = seen.tick.gathered_at { ", and told what happened at " (time(at, seen.facts.now)) }
                "."
            }
        }
    }
}

fn finding_item(context: &Context, finding: &Finding) -> Markup {
    let (symbol, colour) = if finding.is_problem() {
        ("crashed", "fail")
    } else {
        ("note", "warn")
    };
    let is_of_queues = matches!(finding.kind.as_str(), "unclaimed" | "paused");
    let queue = Some(&finding.subject).filter(|queue| is_of_queues && !queue.is_empty());
    html! {
        li {
            (icon(symbol, colour))
            b { (sentence(&finding.detail)) }
            span class="muted nw" { @if let Some(age) = finding.age_ms { (span(age)) } }
            p {
                (rest(&finding.detail)) " " (finding.hint)
                @if let Some(queue) = queue {
                    " " a href=(context.link_with("/queues", Words::default().with("name", queue.as_str()))) { "The queue" }
                }
                @if let Some(command) = &finding.command { " " code { (command) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_sentence_and_the_rest() {
        let text = "Overdue work of kind \"timer\": 3. No worker leads.";
        assert_eq!(sentence(text), "Overdue work of kind \"timer\": 3");
        assert_eq!(rest(text), "No worker leads.");
    }
}
