//! Bulk operations: those that run and have run, one of them, and the question before a new one.

use axum::http::StatusCode;
use maud::{Markup, html};
use serde_json::Value;

use crate::fault::Fault;
use crate::filter::Filter;
use crate::moment::{Moment, span};
use crate::number::{count, plural};
use crate::part::status::{self, Shown};
use crate::part::symbol::icon;
use crate::part::text::{none, run_link, time};
use crate::part::{Frame, Page, form};
use crate::query::bulk::{self, Bulk, Look};
use crate::query::session::Facts;
use crate::request::Context;

/// Actions of which pages know: name, in a question, past participle.
pub(super) const ACTIONS: [(&str, &str, &str); 4] = [
    ("replay", "Replay", "replayed"),
    ("cancel", "Cancel", "cancelled"),
    ("redrive", "Redrive", "redriven"),
    ("forget", "Forget", "forgotten"),
];

/// More runs than this are confirmed by their number.
pub(crate) const MANY: i64 = 100;

/// The actions and their verbs.
pub(super) fn actions() -> impl Iterator<Item = (&'static str, &'static str)> {
    ACTIONS.into_iter().map(|(name, verb, _)| (name, verb))
}

fn verb(action: &str) -> &str {
    ACTIONS
        .iter()
        .find(|(name, ..)| *name == action)
        .map_or(action, |(_, verb, _)| verb)
}

fn participle(action: &str) -> &str {
    ACTIONS
        .iter()
        .find(|(name, ..)| *name == action)
        .map_or("done", |(_, _, done)| done)
}

pub(super) async fn list(context: &Context) -> Result<Page, Fault> {
    let (facts, bulks) = context
        .read(async |reader| Ok((Facts::read(reader).await?, bulk::list(reader, None).await?)))
        .await?;
    let content = html! {
        div class="head" { h1 { "Bulk operations" } span class="muted" { (facts.bulk_running) " running" } }
        (operations(context, &bulks, None, facts.now))
    };
    Ok(Page::new(
        context,
        &Frame {
            title: "Bulk operations",
            section: "/bulk",
            facts: &facts,
            content,
        },
    ))
}

fn shown(bulk: &Bulk) -> Shown {
    match bulk.state.as_str() {
        "RUNNING" => status::RUNNING,
        "STOPPED" => Shown {
            word: "stopped",
            ..status::CANCELLED
        },
        _ => Shown {
            word: "done",
            ..status::SUCCEEDED
        },
    }
}

fn operations(context: &Context, bulks: &[Bulk], picked: Option<&str>, now: Moment) -> Markup {
    html! {
        section class="p" id="operations" data-live {
            header { h2 { "All of them" } span class="muted small" { "the newest first" } }
            @if bulks.is_empty() {
                div class="empty" { b { "No bulk operation was started yet" } "A filter of the list of runs leads to one." }
            } @else {
                table class="cards" role="table" {
                    thead role="rowgroup" { tr role="row" {
                        th role="columnheader" scope="col" { "Operation" }
                        th role="columnheader" scope="col" { "Status" }
                        th role="columnheader" scope="col" class="num" { "Done" }
                        th role="columnheader" scope="col" class="num w1" { "Refused" }
                        th role="columnheader" scope="col" class="w1" { "By" }
                        th role="columnheader" scope="col" class="w2" { "Reason" }
                        th role="columnheader" scope="col" class="num" { "Began" }
                    } }
                    tbody role="rowgroup" {
                        @for bulk in bulks {
                            tr role="row" data-row class=[(picked == Some(&bulk.bulk_id)).then_some("picked")] {
                                th scope="row" role="rowheader" { a href=(context.link(&format!("/bulk/{}", bulk.bulk_id))) { (verb(&bulk.action)) ", " (words(bulk)) } }
                                td role="cell" { (shown(bulk).badge(&bulk.state)) }
                                td role="cell" class="num" { (count(bulk.done)) @if bulk.done != bulk.total { " / " (count(bulk.total)) } }
                                td role="cell" class="num w1" { (count(bulk.refused)) }
                                td role="cell" class="w1" { (bulk.created_by) }
                                td role="cell" class="w2 cut" { (bulk.reason.as_deref().unwrap_or_default()) }
                                td role="cell" class="num push nw" { (time(bulk.created_at, now)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A condition of a filter as text.
fn condition(key: &str, value: &Value) -> String {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let values = match value {
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        other => text(other),
    };
    format!("{} {}", key.replace('_', " "), values)
}

fn words(bulk: &Bulk) -> String {
    bulk.filter
        .iter()
        .map(|(key, value)| condition(key, value))
        .collect::<Vec<_>>()
        .join("; ")
}

pub(super) async fn page(context: &Context, id: &str) -> Result<Page, Fault> {
    if id == "new" {
        return preview(context).await;
    }
    let (facts, bulks) = context
        .read(async |reader| Ok((Facts::read(reader).await?, bulk::list(reader, None).await?)))
        .await?;
    let one = bulks.iter().find(|bulk| bulk.bulk_id == id);
    let bulk = one.ok_or_else(|| Fault::missing(format!("there is no bulk operation {id}")))?;
    let content = html! {
        div class="head" {
            h1 { (verb(&bulk.action)) " of " (plural(bulk.total, "run", "runs")) }
            span id="status" data-live { (shown(bulk).badge(&bulk.state)) }
            span class="id muted" id="run-id" { (bulk.bulk_id) }
            div class="acts" id="acts" data-live {
                @if bulk.is_running() && facts.may_operate() {
                    (form::button(context, "/act/bulk/stop", &[("bulk", id)], "danger", "Stop", ""))
                }
            }
        }
        (progress(bulk, facts.now))
        div class="cols wide" {
            div { (refusals(bulk)) (operations(context, &bulks, Some(id), facts.now)) }
            div { (confirmed(context, bulk, facts.now)) }
        }
    };
    let title = format!("{} of {} runs", verb(&bulk.action), bulk.total);
    Ok(Page::new(
        context,
        &Frame {
            title: &title,
            section: "/bulk",
            facts: &facts,
            content,
        },
    ))
}

fn progress(bulk: &Bulk, now: Moment) -> Markup {
    let total = bulk.total.max(1) as f64;
    let share = |number: i64| number as f64 / total * 100.0;
    let (done, skipped) = (share(bulk.done), share(bulk.skipped));
    let took = bulk.finished_at.unwrap_or(now).ms_since(bulk.created_at);
    html! {
        section class="p" id="progress" data-live {
            div class="u0 b line" {
                div { b class="huge" { (count(bulk.seen())) " of " (count(bulk.total)) } }
                div class="muted" { @if bulk.is_running() { "for " } @else { "in " } (span(took)) }
            }
            svg class="wait-bar c ok" height="20" role="img"
                aria-label={ (count(bulk.seen())) " of " (count(bulk.total)) " looked at: " (count(bulk.done)) " " (participle(&bulk.action)) ", "
                    (count(bulk.skipped)) " skipped, " (count(bulk.refused)) " refused, " (count(bulk.left())) " to go" } {
                rect x="0" y="0" height="20" width=(format!("{done:.2}%")) {}
                g class="idle" { rect x=(format!("{done:.2}%")) y="0" height="20" width=(format!("{skipped:.2}%")) {} }
                g class="fail" { rect x=(format!("{:.2}%", done + skipped)) y="0" height="20" width=(format!("{:.2}%", share(bulk.refused))) {} }
            }
            div class="t0 b key" {
                span class="ok" { (icon("succeeded", "")) " " b { (count(bulk.done)) } " " (participle(&bulk.action)) }
                span class="idle" { (icon("cancelled", "")) " " b { (count(bulk.skipped)) } " skipped" }
                span class="fail" { (icon("failed", "")) " " b { (count(bulk.refused)) } " refused" }
                span { b { (count(bulk.left())) } " to go" }
            }
            @if bulk.is_running() {
                div class="bulk" { span class="small muted" { "Stop keeps what is done. It looks at no further run, and it cannot be continued; the rest can be chosen again." } }
            }
        }
    }
}

fn refusals(bulk: &Bulk) -> Markup {
    let refused = bulk.refused_by.iter().flatten();
    html! {
        @if bulk.refused > 0 {
            section class="p" {
                header { h2 { "Refused" } span class="muted small" { (count(bulk.refused)) } }
                table {
                    thead { tr { th scope="col" class="num" { "Runs" } th scope="col" { "SQLSTATE" } } }
                    tbody { @for (code, number) in refused { tr { td class="num fail" { b { (number) } } td class="err" { (code) } } } }
                }
            }
        }
    }
}

fn confirmed(context: &Context, bulk: &Bulk, now: Moment) -> Markup {
    let command = format!(
        "select * from engine_bulk('{}',\n    '{}',\n    dry_run => false, reason => '{}')",
        bulk.action,
        Value::Object(bulk.filter.clone())
            .to_string()
            .replace('\'', "''"),
        bulk.reason
            .as_deref()
            .unwrap_or_default()
            .replace('\'', "''")
    );
    html! {
        section class="p" {
            header { h2 { "What was confirmed" } }
            div class="b" { dl class="facts" {
                dt { "Action" } dd { (bulk.action) }
                dt { "Filter" } dd class="chips" { @for (key, value) in &bulk.filter { span class="chip token" { (condition(key, value)) } } }
                dt { "Reason" } dd { @match &bulk.reason { Some(reason) => { "“" (reason) "”" }, None => (none()) } }
                dt { "By" } dd { (bulk.created_by) ", " (time(bulk.created_at, now)) }
                @if let Some(at) = bulk.finished_at { dt { "Ended" } dd { (time(at, now)) } }
                dt { "Its runs" } dd { a href=(context.link_with("/runs", crate::url::Words::default().with("bulk", &*bulk.bulk_id))) { "those that it changed" } }
            } }
        }
        section class="p" { header { h2 { "The same in SQL" } } pre class="wrap" tabindex="0" { (command) } }
    }
}

/// The question before an operation: what it would do.
async fn preview(context: &Context) -> Result<Page, Fault> {
    let action = context.words.get("action").unwrap_or_default();
    if !ACTIONS.iter().any(|(name, ..)| *name == action) {
        return Err(Fault::missing("there is no such action"));
    }
    let filter = Filter::read(&context.words);
    let (facts, look, frozen) = context
        .act(async |reader| {
            let facts = Facts::read(reader).await?;
            let frozen = filter.of_bulk(facts.now).map_err(|why| {
                Fault::new(StatusCode::CONFLICT, "this filter is for looking only", why)
            })?;
            let look = bulk::look(reader, action, &frozen).await?;
            Ok((facts, look, frozen))
        })
        .await?;
    let content = html! {
        div class="head" {
            h1 { (verb(action)) " " (plural(look.count, "run", "runs")) "?" }
            span class="muted" { "a preview: nothing has happened yet" }
        }
        div class="cols" {
            (would(context, action, &look, facts.now))
            @if facts.may_operate() { (question(context, action, &filter, &frozen, &look)) }
        }
    };
    let title = format!("{} {} runs?", verb(action), look.count);
    Ok(Page::new(
        context,
        &Frame {
            title: &title,
            section: "/bulk",
            facts: &facts,
            content,
        },
    ))
}

fn would(context: &Context, action: &str, look: &Look, now: Moment) -> Markup {
    let samples = look
        .samples
        .as_ref()
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let ids: Vec<String> = samples
        .filter_map(|sample| sample.as_str().or_else(|| sample["run_id"].as_str()))
        .map(|id| id.trim_start_matches("run_").to_owned())
        .take(3)
        .collect();
    html! {
        section class="p" {
            header { h2 { "What would happen" } span class="muted small" { "counted at " (time(now, now)) ", for the whole filter" } }
            table {
                thead { tr { th scope="col" { "Status now" } th scope="col" class="num" { "Runs" } th scope="col" { "Would be" } } }
                tbody {
                    @for (name, number) in look.statuses.iter().flatten() {
                        tr {
                            th scope="row" { (status::of_run(name).badge(name)) }
                            td class="num" { (count(number.as_i64().unwrap_or_default())) }
                            td { (participle(action)) }
                        }
                    }
                }
            }
            div class="b" { dl class="facts" {
                @if !look.is_exact { dt { "Count" } dd { "at least " (count(look.count)) } }
                dt { "Oldest" } dd { @match look.oldest_at { Some(at) => (time(at, now)), None => (none()) } }
                dt { "Newest" } dd { @match look.newest_at { Some(at) => (time(at, now)), None => (none()) } }
                @if !ids.is_empty() { dt { "Among them" } dd { @for (place, id) in ids.iter().enumerate() { @if place > 0 { br; } (run_link(context, id)) } } }
            } }
        }
    }
}

fn question(
    context: &Context,
    action: &str,
    filter: &Filter,
    frozen: &serde_json::Map<String, Value>,
    look: &Look,
) -> Markup {
    let back = filter.to_words().at(&context.at("/runs"));
    let number = count(look.count);
    let frozen = Value::Object(frozen.clone()).to_string();
    let class = if matches!(action, "cancel" | "forget") {
        "danger main"
    } else {
        "main"
    };
    html! {
        form class="p" method="post" action=(context.at("/act/bulk/start")) {
            header { h2 { "Confirm" } }
            (form::hidden(context, &[("action", action), ("filter", &frozen), ("expected", &look.count.to_string())]))
            div class="stack b" {
                label { "Reason, kept in the history" br; input class="c" name="reason" required maxlength="200"; }
                @if look.count > MANY {
                    label { "More than " (MANY) " runs: type their number, " b { (number) } br;
                        input name="typed" required size="8" inputmode="numeric" autocomplete="off"; }
                }
                p class="muted small" { "If a tenth more match when you confirm, nothing starts." }
                div class="acts" {
                    button class=(class) disabled[look.count == 0] { (verb(action)) " " (plural(look.count, "run", "runs")) }
                    a class="btn" href=(back) { "Back to the list" }
                }
            }
        }
    }
}
