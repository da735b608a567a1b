//! The question before a bulk operation: what it would do.

use axum::http::StatusCode;
use maud::{Markup, html};
use serde_json::Value;

use super::action::{ACTIONS, MANY, participle, verb};
use crate::fault::Fault;
use crate::filter::Filter;
use crate::moment::Moment;
use crate::number::{count, plural};
use crate::part::text::{none, run_link, time};
use crate::part::{Frame, Page, form, status};
use crate::query::bulk::{self, Look};
use crate::query::session::Facts;
use crate::request::Context;

pub(super) async fn page(context: &Context) -> Result<Page, Fault> {
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
                @if action == "cancel" { p { "Their children that have not ended are cancelled with them, and theirs; these are not counted here." } }
                p class="muted small" { "If a tenth more match when you confirm, nothing starts." }
                div class="acts" {
                    button class=(class) disabled[look.count == 0] { (verb(action)) " " (plural(look.count, "run", "runs")) }
                    a class="btn" href=(back) { "Back to the list" }
                }
            }
        }
    }
}
