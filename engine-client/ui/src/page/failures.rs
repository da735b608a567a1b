//! Failures by task and error, and what those of a kind have in common.

use maud::{Markup, html};

use crate::fault::Fault;
use crate::filter::duration_ms;
use crate::moment::span;
use crate::number::{count, plural};
use crate::part::chart;
use crate::part::status::of_run;
use crate::part::symbol::icon;
use crate::part::text::{run_link, time};
use crate::part::{Frame, Page, file};
use crate::query::failure::{self, Kind, Scope};
use crate::query::session::Facts;
use crate::request::Context;
use crate::series::MINUTES;
use crate::url::Words;

/// How far back a page may look.
const SPANS: [(&str, &str); 4] = [("1h", "1 h"), ("6h", "6 h"), ("24h", "24 h"), ("7d", "7 d")];

/// What the page is about, and how far it looks back.
pub(super) fn scope(context: &Context) -> (&str, Scope<'_>) {
    let since = context
        .words
        .get("since")
        .filter(|since| duration_ms(since).is_some())
        .unwrap_or("1h");
    let scope = Scope {
        back_ms: duration_ms(since).unwrap_or_default(),
        environment: context.environment(),
        task: context.words.get("task"),
        queue: context.words.get("queue"),
    };
    (since, scope)
}

pub(super) async fn page(context: &Context) -> Result<Page, Fault> {
    let (since, scope) = scope(context);
    let (facts, kinds) = context
        .read(async |reader| {
            Ok((
                Facts::read(reader).await?,
                failure::kinds(reader, &scope).await?,
            ))
        })
        .await?;
    let failed: i64 = kinds.iter().map(|kind| kind.count).sum();
    let content = html! {
        div class="head" {
            h1 { "Failures" }
            span class="muted" {
                (plural(failed, "run", "runs")) ", " (plural(i64::try_from(kinds.len()).unwrap_or_default(), "kind", "kinds"))
                ", last " (since)
            }
            div class="acts" {
                (file::link(context, "failures.csv", &context.words))
                @for (key, label) in SPANS {
                    a class="btn mini" aria-current=[(key == since).then_some("true")]
                        href=(context.words.clone().set("since", key).at(&context.at("/failures"))) { (label) }
                }
            }
        }
        (filter(context))
        div id="kinds" {
            @if kinds.is_empty() {
                section class="p" { div class="empty" {
                    b { "No failures" }
                    @if context.words.get("task").is_some() || context.words.get("queue").is_some() {
                        a href=(context.link("/failures")) { "Without the filter" }
                    } @else { "in the last " (since) ". Look further back, or in the list of runs." }
                } }
            }
            @for kind in &kinds { (panel(context, &facts, kind)) }
        }
        p class="muted small" {
            "Errors are one kind if their task, code and text are the same after numbers, ids, quoted words, addresses and paths are "
            "taken out. The newest 20,000 failures are counted."
        }
    };
    Ok(Page::new(
        context,
        &Frame {
            title: "Failures",
            section: "/failures",
            facts: &facts,
            content,
        },
    ))
}

fn filter(context: &Context) -> Markup {
    html! {
        section class="p" {
            form class="filter" {
                @for (key, label) in [("task", "Task"), ("queue", "Queue")] {
                    label class="vh" for={ "failure-" (key) } { (label) }
                    input id={ "failure-" (key) } type="search" name=(key) placeholder=(label) value=[context.words.get(key)];
                }
                @for key in ["since", "env"] {
                    @if let Some(value) = context.words.get(key) { input type="hidden" name=(key) value=(value); }
                }
                button { "Filter" }
            }
        }
    }
}

/// The filter of the runs of a kind.
fn words_of(kind: &Kind) -> Words {
    let statuses: Vec<String> = kind
        .statuses
        .iter()
        .map(|status| of_run(status).key())
        .collect();
    // What the text has before the first thing that differs from run to run.
    let text = kind
        .text
        .split(|character: char| character.is_ascii_digit() || "\"'/".contains(character))
        .next();
    let text = text
        .unwrap_or_default()
        .trim()
        .chars()
        .take(60)
        .collect::<String>();
    let words = Words::default()
        .with("status", statuses.join(","))
        .with("task", &*kind.task);
    if text.is_empty() {
        words
    } else {
        words.with("error", text)
    }
}

/// The list of the runs of a kind.
pub(super) fn runs_of(context: &Context, kind: &Kind) -> String {
    context.link_with("/runs", words_of(kind))
}

/// The question whether to replay them. Errors of one kind may have ids in them, which the filter leaves out.
fn replay_of(context: &Context, kind: &Kind) -> String {
    let since = kind.first.iso();
    context.link_with(
        "/bulk/new",
        words_of(kind).with("from", since).with("action", "replay"),
    )
}

fn panel(context: &Context, facts: &Facts, kind: &Kind) -> Markup {
    let now = facts.now;
    let runs = runs_of(context, kind);
    let series = kind.series(now);
    let label = format!("{} failures per minute of the last hour", count(kind.count));
    html! {
        section class="p" {
            header class="bare" {
                span class="fail" { b class="big" { (icon("failed", "")) " " (count(kind.count)) } }
                h2 { a href=(runs) { (kind.task) } }
                span class="tag" { (kind.kind) }
                @if kind.dead > 0 { span class="tag fail" { (plural(kind.dead, "dead letter", "dead letters")) } }
                span class="muted small" { "first " (time(kind.first, now)) ", last " (time(kind.last, now)) }
            }
            div class="b kind" {
                div {
                    p class="err" { (context.served.redactor.text(&kind.text)) }
                    (in_common(context, kind))
                    p class="gap small muted" { "Latest " (run_link(context, &kind.latest)) }
                }
                div {
                    (chart::linked(&series, 34, &label, |minute| {
                        let words = words_of(kind).with("from", minute.iso()).with("to", minute.plus_minutes(1).iso());
                        context.link_with("/runs", words)
                    }))
                    (chart::axis(series.from, MINUTES))
                }
                div class="acts" {
                    a class="btn" href=(runs) { (plural(kind.count, "run", "runs")) }
                    @if facts.may_operate() { a class="btn" href=(replay_of(context, kind)) { "Replay " (plural(kind.count, "run", "runs")) "…" } }
                }
            }
        }
    }
}

/// What the runs of a kind have in common.
fn in_common(context: &Context, kind: &Kind) -> Markup {
    html! {
        dl class="gap line small" {
            @if let Some(versions) = &kind.versions {
                div { dt { (if versions.len() == 1 { "version" } else { "versions" }) } dd { (versions.join(", ")) } }
            }
            div {
                dt { (if kind.queues.len() == 1 { "queue" } else { "queues" }) }
                dd {
                    @for (place, queue) in kind.queues.iter().enumerate() {
                        @if place > 0 { ", " }
                        a href=(context.link_with("/queues", Words::default().with("name", queue.as_str()))) { (queue) }
                    }
                }
            }
            @if kind.keys > 0 { div { dt { "keys" } dd { (count(kind.keys)) } } }
            div {
                dt { "took" }
                dd {
                    (span(kind.shortest_ms))
                    @if kind.longest_ms > kind.shortest_ms { " – " (span(kind.longest_ms)) " each" }
                }
            }
            div { dt { "ended" } dd { @for (place, status) in kind.statuses.iter().enumerate() { @if place > 0 { ", " } (of_run(status).word) } } }
        }
    }
}
