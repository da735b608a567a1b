//! The question before a bulk operation: what it would do.

use axum::http::StatusCode;
use maud::{Markup, html};
use serde_json::Value;

use super::action::{Action, MANY, named};
use super::given::{self, Given};
use crate::fault::Fault;
use crate::filter::Filter;
use crate::moment::Moment;
use crate::number::{count, plural};
use crate::part::text::{none, run_link, time};
use crate::part::{Frame, Page, command, form, status};
use crate::query::bulk::{self, Look, Request};
use crate::query::session::Facts;
use crate::request::Context;

pub(super) async fn page(context: &Context) -> Result<Page, Fault> {
    let action = context.words.get("action").and_then(named);
    let action = action.ok_or_else(|| Fault::missing("there is no such action"))?;
    let filter = Filter::read(&context.words);
    let (facts, seen) = context
        .act(async |reader| {
            let facts = Facts::read(reader).await?;
            let frozen = filter.of_bulk(facts.now).map_err(|why| {
                Fault::new(StatusCode::CONFLICT, "this filter is for looking only", why)
            })?;
            let Some(given) = Given::read(action, context, facts.now) else {
                return Ok((facts, None));
            };
            let request = Request {
                action: action.name,
                filter: frozen,
                options: given.options(),
            };
            let look = bulk::look(reader, &request).await?;
            Ok((facts, Some((given, request, look))))
        })
        .await?;
    let (title, content) = match &seen {
        None => (
            format!("{}…", action.verb),
            given::ask(context, action, &filter),
        ),
        Some((given, request, look)) => {
            let runs = plural(look.count, "run", "runs");
            let content = html! {
                div class="head" {
                    h1 { (action.asks) " " (runs) (given.words(facts.now)) "?" }
                    span class="muted" { "a preview: nothing has happened yet" }
                }
                div class="cols" {
                    (would(context, action, given, look, facts.now))
                    @if facts.may_operate() { (question(context, action, &filter, request, look)) }
                }
                (command::panel(&command::bulk(action.name, &request.filter, request.options.as_ref())))
            };
            (format!("{} {runs}?", action.asks), content)
        }
    };
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

fn would(context: &Context, action: &Action, given: &Given, look: &Look, now: Moment) -> Markup {
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
                            td { (action.participle) (given.words(now)) }
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
    action: &Action,
    filter: &Filter,
    request: &Request<'_>,
    look: &Look,
) -> Markup {
    let back = filter.to_words().at(&context.at("/runs"));
    let number = count(look.count);
    let expected = look.count.to_string();
    let frozen = Value::Object(request.filter.clone()).to_string();
    let options = request.options.clone().map(Value::Object);
    let options = options.map_or_else(String::new, |options| options.to_string());
    let fields = [
        ("action", action.name),
        ("filter", &frozen),
        ("options", &options),
        ("expected", &expected),
    ];
    let class = if matches!(action.name, "cancel" | "forget") {
        "danger main"
    } else {
        "main"
    };
    html! {
        form class="p" method="post" action=(context.at("/act/bulk/start")) {
            header { h2 { "Confirm" } }
            (form::hidden(context, &fields))
            div class="stack b" {
                label { "Reason, kept in the history" br; input class="c" name="reason" required maxlength="200"; }
                @if look.count > MANY {
                    label { "More than " (MANY) " runs: type their number, " b { (number) } br;
                        input name="typed" required size="8" inputmode="numeric" autocomplete="off"; }
                }
                @if action.name == "cancel" { p { "Their children that have not ended are cancelled with them, and theirs; these are not counted here." } }
                p class="muted small" { "If a tenth more match when you confirm, nothing starts." }
                div class="acts" {
                    button class=(class) disabled[look.count == 0] { (action.asks) " " (plural(look.count, "run", "runs")) }
                    a class="btn" href=(back) { "Back to the list" }
                }
            }
        }
    }
}
