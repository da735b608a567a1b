//! The overview: what is wrong, how much, and where to look.

use maud::{Markup, html};

use crate::fault::Fault;
use crate::moment::{Moment, span};
use crate::number::{count, plural};
use crate::part::chart;
use crate::part::status::{
    CANCELLED, FAILED, QUEUED, RETRYING, RUNNING, SUCCEEDED, Shown, WAITING,
};
use crate::part::symbol::icon;
use crate::part::text::{self, Figure, time};
use crate::part::verdict::{Verdict, Weight};
use crate::part::{Frame, Page};
use crate::query::doctor::{self, Finding};
use crate::query::failure::{self, Kind, Scope};
use crate::query::history::{Latency, Outcomes};
use crate::query::queue::{self, Environment, Queue};
use crate::query::session::Facts;
use crate::query::wait::{self, Retrying, Waiting};
use crate::request::Context;
use crate::series::Series;
use crate::url::Words;

/// Queues, kinds of failures and causes that the overview shows.
const SHOWN: usize = 8;

/// Everything that it shows.
struct Seen {
    facts: Facts,
    queues: Vec<Queue>,
    environments: Vec<Environment>,
    outcomes: Outcomes,
    latency: Latency,
    kinds: Vec<Kind>,
    findings: Vec<Finding>,
    waiting: Vec<Waiting>,
    retrying: Retrying,
}

pub(super) async fn page(context: &Context) -> Result<Page, Fault> {
    let environment = context.environment();
    let seen = context
        .read(async |reader| {
            let facts = Facts::read(reader).await?;
            Ok(Seen {
                queues: queue::queues(reader, environment, None, 10_000).await?,
                environments: queue::environments(reader, environment).await?,
                outcomes: Outcomes::read(reader, facts.now, environment).await?,
                latency: Latency::read(reader).await?,
                kinds: failure::kinds(reader, &Scope::hour(environment)).await?,
                findings: doctor::findings(reader).await?,
                waiting: wait::counts(reader, environment).await?,
                retrying: wait::retrying(reader, environment).await?,
                facts,
            })
        })
        .await?;
    let content = content(context, &seen);
    Ok(Page::new(
        context,
        &Frame {
            title: "Overview",
            section: "/",
            facts: &seen.facts,
            content,
        },
    ))
}

fn content(context: &Context, seen: &Seen) -> Markup {
    html! {
        (verdict(context, seen).section("What is wrong", true))
        (text::figures(&figures(context, seen)))
        div class="cols wide mix" {
            div {
                (failures(context, seen))
                (rates(seen))
                (held_back(context, seen))
            }
            div {
                (findings(context, seen))
                (latencies(&seen.latency))
            }
        }
        (super::queues::panel(context, &seen.facts, &seen.queues, SHOWN))
    }
}

/// The first rule that applies: one failure is most of them, a problem, failures at all, nothing.
fn verdict(context: &Context, seen: &Seen) -> Verdict {
    let failed: i64 = seen.kinds.iter().map(|kind| kind.count).sum();
    let now = seen.facts.now;
    if let Some(kind) = seen.kinds.first()
        && failed >= 20
        && kind.count * 2 > failed
    {
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
            super::failures::runs_of(context, kind),
        ),
        (
            "Latest run".to_owned(),
            text::run_path(context, &kind.latest),
        ),
    ]
}

/// The first sentence, without its end.
fn sentence(text: &str) -> String {
    text.split_once(". ")
        .map_or(text, |(first, _)| first)
        .trim_end_matches('.')
        .to_owned()
}

fn rest(text: &str) -> &str {
    text.split_once(". ").map_or("", |(_, rest)| rest)
}

fn figures(context: &Context, seen: &Seen) -> Vec<Figure<'static>> {
    let sum = |of: fn(&Environment) -> i64| seen.environments.iter().map(of).sum::<i64>();
    let limits: Option<i64> = seen
        .environments
        .iter()
        .map(|environment| environment.limit)
        .sum();
    let oldest = seen
        .queues
        .iter()
        .filter_map(|queue| Some((queue.oldest_ms?, queue)))
        .max_by_key(|(ms, _)| *ms);
    let waiting: i64 = seen.waiting.iter().map(|waiting| waiting.runs).sum();
    let suspended: i64 = seen.waiting.iter().map(|waiting| waiting.suspended).sum();
    let (failed, succeeded) = (&seen.outcomes.failed, &seen.outcomes.succeeded);
    let is_late = oldest.is_some_and(|(ms, _)| ms >= 60_000);
    let list = |status: Shown| {
        Some(context.link_with("/runs", Words::default().with("status", status.key())))
    };
    let basis = |since: Option<Moment>| since.map(|since| format!("since {}", since.to_minute()));
    vec![
        Figure {
            id: "oldest",
            label: html! { "Oldest due" },
            value: oldest.map_or_else(|| "–".to_owned(), |(ms, _)| span(ms)),
            colour: if is_late { "fail" } else { "" },
            basis: oldest.map_or_else(
                || "nothing is due".to_owned(),
                |(_, queue)| queue.queue.clone(),
            ),
            link: None,
        },
        Figure {
            id: "due",
            label: html! { "Due" },
            value: count(sum(|environment| environment.due)),
            colour: "",
            basis: format!("{} queued", count(sum(|environment| environment.queued))),
            link: list(QUEUED),
        },
        figure(
            "running",
            RUNNING,
            count(sum(|environment| environment.running)),
            limits.map_or_else(
                || "no limit".to_owned(),
                |limit| format!("{} slots", count(limit)),
            ),
            list(RUNNING),
        ),
        figure(
            "waiting",
            WAITING,
            count(waiting),
            format!("{} suspended", count(suspended)),
            list(WAITING),
        ),
        figure(
            "retrying",
            RETRYING,
            count(seen.retrying.runs),
            seen.retrying
                .task
                .as_ref()
                .map_or_else(String::new, |task| format!("most of {task}")),
            list(RETRYING),
        ),
        Figure {
            colour: if failed.sum() > 0 { "fail" } else { "" },
            ..figure(
                "failed",
                FAILED,
                count(failed.sum()),
                basis(seen.outcomes.since)
                    .unwrap_or_else(|| format!("{} in the last minute", count(failed.last()))),
                Some(context.link("/failures")),
            )
        },
        figure(
            "succeeded",
            SUCCEEDED,
            count(succeeded.sum()),
            basis(seen.outcomes.since)
                .unwrap_or_else(|| format!("{} in the last minute", count(succeeded.last()))),
            None,
        ),
    ]
}

fn figure(
    id: &'static str,
    status: Shown,
    value: String,
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
        value,
        colour: "",
        basis,
        link,
    }
}

fn failures(context: &Context, seen: &Seen) -> Markup {
    let now = seen.facts.now;
    html! {
        section class="p" {
            header {
                h2 { "Failures, last 60 min" }
                span class="muted small" { "by task and error" }
                a class="more" href=(context.link("/failures")) {
                    "All " (plural(i64::try_from(seen.kinds.len()).unwrap_or_default(), "kind", "kinds"))
                }
            }
            div id="failures" data-live {
                @if seen.kinds.is_empty() {
                    div class="empty" { b { "No failures" } "Runs that fail are listed here, by task and error." }
                } @else {
                    table class="cards" role="table" {
                        thead class="vh" role="rowgroup" {
                            tr role="row" {
                                @for name in ["Runs", "Task and error", "Per minute", "Since", "Open"] {
                                    th role="columnheader" scope="col" { (name) }
                                }
                            }
                        }
                        tbody role="rowgroup" {
                            @for kind in seen.kinds.iter().take(SHOWN) { (failure_row(context, kind, now)) }
                        }
                    }
                }
            }
        }
    }
}

fn failure_row(context: &Context, kind: &Kind, now: Moment) -> Markup {
    let label = format!(
        "{} failures of {} per minute, last 60 min",
        count(kind.count),
        kind.task
    );
    let link = context.link_with("/failures", Words::default().with("task", &*kind.task));
    html! {
        tr role="row" {
            td role="cell" class="c56 num fail" { b { (count(kind.count)) } }
            td role="cell" class="rest" {
                a href=(link) { b { (kind.task) } } " " span class="tag" { (kind.kind) }
                span class="sub err" { (context.served.redactor.text(&kind.text)) }
            }
            td role="cell" { (chart::spark(&kind.series(now), "fail", &label)) }
            td role="cell" class="nw w1" {
                span class="sub" { "since " (kind.first.to_minute()) }
                span class="sub" { "last " (time(kind.last, now)) }
            }
            td role="cell" class="num push" { a class="btn mini" href=(super::failures::runs_of(context, kind)) { "Runs" } }
        }
    }
}

fn rates(seen: &Seen) -> Markup {
    let outcomes = &seen.outcomes;
    let bands: [(Shown, &Series, i64, bool, &str); 4] = [
        (FAILED, &outcomes.failed, 56, false, "failed"),
        (RETRYING, &outcomes.retried, 44, true, "retried"),
        (SUCCEEDED, &outcomes.succeeded, 56, false, "succeeded"),
        (CANCELLED, &outcomes.cancelled, 16, false, "cancelled"),
    ];
    html! {
        section class="p o2" {
            header {
                h2 { "Per minute, by outcome" }
                span class="muted small" {
                    "each band has its own scale"
                    @if let Some(since) = outcomes.since { ", complete since " (since.to_minute()) }
                }
            }
            div class="b" {
                div class="multi" id="rates" data-live {
                    @for (status, series, height, is_hatched, word) in bands {
                        div { span class={ "st " (status.colour) } { (icon(status.symbol, "")) (word) } }
                        div class="rel" { (chart::band(series, height, status.colour, is_hatched, word)) }
                        div class="num" { b { (count(series.last())) } span class="sub" { "most " (count(series.most())) } }
                    }
                    div {} div { (chart::axis(outcomes.failed.from)) } div {}
                }
            }
        }
    }
}

/// Why runs are not further: full and paused queues, and what runs wait for.
fn held_back(context: &Context, seen: &Seen) -> Markup {
    let mut causes: Vec<(i64, Shown, String, i64)> = Vec::new();
    for queue in seen.queues.iter().filter(|queue| queue.due > 0) {
        let name = &queue.queue;
        let why = match () {
            () if queue.is_paused => format!("queue {name} is paused"),
            () if queue.limit == Some(0) => format!("queue {name} has a limit of 0"),
            () if queue.is_full() => format!(
                "queue {name} is full, {} of {}",
                count(queue.running),
                count(queue.limit.unwrap_or_default())
            ),
            () if queue.keys > 0 && queue.limit.is_some() => {
                format!(
                    "{name}: {} of each key",
                    plural(queue.limit.unwrap_or_default(), "run", "runs")
                )
            }
            () if queue.running == 0 => format!("no worker takes runs of queue {name}"),
            () => format!("queue {name} is behind"),
        };
        causes.push((queue.due, QUEUED, why, queue.oldest_ms.unwrap_or_default()));
    }
    let waiting = seen.waiting.iter();
    causes
        .extend(waiting.map(|waiting| (waiting.runs, WAITING, waiting.what(), waiting.longest_ms)));
    causes.sort_by_key(|(runs, ..)| std::cmp::Reverse(*runs));
    let list =
        |status: Shown| context.link_with("/runs", Words::default().with("status", status.key()));
    html! {
        section class="p o2" {
            header { h2 { "What holds runs back" } span class="muted small" { "now" } }
            div id="held" data-live {
                @if causes.is_empty() {
                    div class="empty" { b { "Nothing" } "No run is due, and none waits." }
                } @else {
                    table class="cards" role="table" {
                        thead class="vh" role="rowgroup" {
                            tr role="row" {
                                @for name in ["Runs", "Status", "Why", "Longest"] { th role="columnheader" scope="col" { (name) } }
                            }
                        }
                        tbody role="rowgroup" {
                            @for (runs, status, why, longest) in causes.iter().take(SHOWN) {
                                tr role="row" {
                                    td role="cell" class="c68 num" { a href=(list(*status)) { b { (count(*runs)) } } }
                                    td role="cell" class="c104 nw" { (status.badge("")) }
                                    td role="cell" class="rest cut" { (why) }
                                    td role="cell" class="num nw muted push" { (span(*longest)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn findings(context: &Context, seen: &Seen) -> Markup {
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
                }
                span class="more muted small" { (time(seen.facts.now, seen.facts.now)) }
            }
            div id="doctor" data-live {
                @if seen.findings.is_empty() { div class="empty" { b { "Nothing to say" } "The tick keeps up, and nothing holds vacuum back." } }
                ul class="find-l" { @for finding in &seen.findings { (finding_item(context, finding)) } }
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
    let queue = matches!(finding.kind.as_str(), "unclaimed" | "paused").then_some(&finding.subject);
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

/// How long runs wait and take: percentiles on a scale of powers of ten.
fn latencies(latency: &Latency) -> Markup {
    let rows = [
        ("Queue wait", latency.wait),
        ("Run time of an attempt", latency.run),
    ];
    html! {
        section class="p o2" {
            header { h2 { "How long" } span class="muted small" { "log scale, the newest 20,000 transitions" } }
            div class="b" id="latency" data-live {
                @for (name, percentiles) in rows {
                    h3 { (name) }
                    @if let Some(percentiles) = percentiles { (percentile_bars(name, percentiles)) }
                    @else { p class="muted" { "Nothing was measured in the last 15 minutes." } }
                }
            }
        }
    }
}

/// From a millisecond to a day.
fn log_share(ms: f64) -> f64 {
    (ms.max(1.0).log10() / 86_400_000_f64.log10() * 100.0).clamp(1.0, 100.0)
}

fn percentile_bars(name: &str, percentiles: [f64; 3]) -> Markup {
    let words = ["p50", "p95", "p99"];
    let shown = percentiles.map(|ms| span(ms.round() as i64));
    let label = format!(
        "{name}: p50 {}, p95 {}, p99 {}",
        shown[0], shown[1], shown[2]
    );
    html! {
        div class="multi gap" role="group" aria-label=(label) {
            @for place in 0..3 {
                div class="muted" { (words[place]) }
                div {
                    svg class="c run" height="12" aria-hidden="true" {
                        line class="base" x1="0" x2="100%" y1="12" y2="12" {}
                        rect x="0" y="2" height="8" width=(format!("{:.1}%", log_share(percentiles[place]))) {}
                    }
                }
                div class="num" { b { (shown[place]) } }
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
