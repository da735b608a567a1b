//! One bulk operation: how far it is, what was refused, and what was confirmed.

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::action::{participle, verb};
use super::list::{condition, operations, shown};
use crate::fault::Fault;
use crate::moment::{Moment, span};
use crate::number::{count, plural};
use crate::part::symbol::icon;
use crate::part::text::{none, time};
use crate::part::{Frame, Page, command, file, form};
use crate::query::bulk::{self, Bulk};
use crate::query::session::Facts;
use crate::request::Context;
use crate::url::Words;

pub(super) async fn page(context: &Context, id: &str) -> Result<Page, Fault> {
    let (facts, bulks, one) = context
        .read(async |reader| {
            let facts = Facts::read(reader).await?;
            let bulks = bulk::list(reader, None).await?;
            Ok((facts, bulks, bulk::list(reader, Some(id)).await?))
        })
        .await?;
    let one = one.first();
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
            div { (refusals(context, bulk)) (operations(context, &bulks, Some(id), facts.now)) }
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

fn refusals(context: &Context, bulk: &Bulk) -> Markup {
    let words = Words::default().with("bulk", &*bulk.bulk_id);
    let refused = bulk.refused_by.iter().flatten();
    html! {
        @if bulk.refused > 0 {
            section class="p" {
                header { h2 { "Refused" } span class="muted small" { (count(bulk.refused)) }
                    span class="more" { (file::link(context, "refusals.csv", &words)) }
                }
                table {
                    thead { tr { th scope="col" class="num" { "Runs" } th scope="col" { "SQLSTATE" } } }
                    tbody { @for (code, number) in refused { tr { td class="num fail" { b { (number) } } td class="err" { (code) } } } }
                }
            }
        }
    }
}

fn confirmed(context: &Context, bulk: &Bulk, now: Moment) -> Markup {
    html! {
        section class="p" {
            header { h2 { "What was confirmed" } }
            div class="b" { dl class="facts" {
                dt { "Action" } dd { (bulk.action) }
                dt { "Filter" } dd class="chips" { @for (key, value) in &bulk.filter { span class="chip token" { (condition(key, value)) } } }
                @if !bulk.options.is_empty() { dt { "To" } dd { @for (key, value) in &bulk.options { (condition(key, value)) } } }
                dt { "Reason" } dd { @match &bulk.reason { Some(reason) => { "“" (reason) "”" }, None => (none()) } }
                dt { "By" } dd { (bulk.created_by) ", " (time(bulk.created_at, now)) }
                @if let Some(at) = bulk.finished_at { dt { "Ended" } dd { (time(at, now)) } }
                dt { "Its runs" } dd { a href=(context.link_with("/runs", Words::default().with("bulk", &*bulk.bulk_id))) { "those that it changed" } }
            } }
        }
        (command::panel(&command::bulk(&bulk.action, &bulk.filter, Some(&bulk.options))))
        section class="p" { header { h2 { "The same in SQL" } } pre class="wrap" tabindex="0" { (statement(bulk)) } }
    }
}

/// The call that would start it.
fn statement(bulk: &Bulk) -> String {
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let document =
        |object: &Map<String, Value>| literal(&Value::Object(object.clone()).to_string());
    let mut statement = format!(
        "select * from engine_bulk({},\n    {},\n    dry_run => false",
        literal(&bulk.action),
        document(&bulk.filter)
    );
    if let Some(reason) = &bulk.reason {
        statement.push_str(&format!(", reason => {}", literal(reason)));
    }
    if !bulk.options.is_empty() {
        statement.push_str(&format!(",\n    options => {}", document(&bulk.options)));
    }
    statement + ")"
}
