//! The list of runs.

use maud::{Markup, html};
use serde_json::Map;

use super::reason;
use crate::fault::Fault;
use crate::filter::{Filter, KEYS};
use crate::moment::{Moment, span};
use crate::number::{count, plural};
use crate::part::status::{self, WORDS};
use crate::part::symbol::icon;
use crate::part::text::{run_link, run_path, time};
use crate::part::{Frame, Page, command, file, table};
use crate::query::run_list::{self, Found, Listed, PAGE, Part, Question};
use crate::query::session::Facts;
use crate::request::Context;

pub(super) async fn page(context: &Context) -> Result<Page, Fault> {
    let filter = Filter::read(&context.words);
    let id = |key: &str| {
        let id = context.words.get(key)?;
        Some(id.strip_prefix("run_").unwrap_or(id))
    };
    let part = match (id("before"), id("after")) {
        (Some(id), _) => Part::Before(id),
        (None, Some(id)) => Part::After(id),
        (None, None) => Part::Newest,
    };
    let (facts, found) = context
        .read(async |reader| {
            let facts = Facts::read(reader).await?;
            let question = Question {
                filter: &filter.condition(facts.now),
                ids: filter.runs(),
                part,
                among: filter.among(),
                most: PAGE,
            };
            let found = run_list::find(reader, question).await?;
            Ok((facts, found))
        })
        .await?;
    let content = content(context, &facts, &filter, &found);
    Ok(Page::new(
        context,
        &Frame {
            title: "Runs",
            section: "/runs",
            facts: &facts,
            content,
        },
    ))
}

fn content(context: &Context, facts: &Facts, filter: &Filter, found: &Found) -> Markup {
    let shown = found.runs.len();
    let number = i64::try_from(shown).unwrap_or_default();
    html! {
        div class="head" {
            h1 { "Runs" }
            span class="muted" {
                @if is_part(context) { (plural(number, "run", "runs")) " of more" }
                @else if found.has_older { "the newest " (shown) }
                @else { (plural(number, "run", "runs")) }
                ", as of " (time(facts.now, facts.now))
            }
            div class="acts" { (file::link(context, "runs.csv", &filter.to_words())) }
        }
        section class="p" {
            (tokens(context, filter))
            (chips(context, filter))
            (bulk(context, facts, filter))
            (newer(context, filter, found))
            (list(context, facts, filter, found))
            (pages(context, filter, found))
        }
        (same(context, facts, filter))
    }
}

/// The command that lists the same, where there is one.
fn same(context: &Context, facts: &Facts, filter: &Filter) -> Markup {
    let is_newer = context.words.get("after").is_some();
    let asked = match filter.of_bulk(facts.now) {
        Ok(asked) => asked,
        Err(_) if filter.words().next().is_none() => Map::new(),
        Err(_) => return html! {},
    };
    let before = context.words.get("before");
    let before = before.map(|id| id.strip_prefix("run_").unwrap_or(id));
    html! { @if !is_newer { (command::panel(&command::list(&asked, before))) } }
}

/// The address of a filter.
fn link(context: &Context, filter: &Filter) -> String {
    filter.to_words().at(&context.at("/runs"))
}

/// What the filter says, each with a way to take it back, and the field to add to it.
fn tokens(context: &Context, filter: &Filter) -> Markup {
    html! {
        form class="filter" action=(context.at("/find")) {
            @for (key, value) in filter.words() {
                @if key != "env" {
                    span class="chip token" {
                        span class="muted" { (key) } (value)
                        a href=(link(context, &filter.without(key, value))) aria-label={ "Remove " (key) " " (value) } { "×" }
                    }
                }
                input type="hidden" name=(key) value=(value);
            }
            label class="vh" for="add" { "Add to the filter" }
            input id="add" type="search" name="q" list="keys-of-filters"
                placeholder="Add: queue:payments  tag:order-1048576  metadata:step=capture  version:20261128.4";
            datalist id="keys-of-filters" { @for key in KEYS { option value={ (key) ":" } {} } }
            button { "Filter" }
        }
    }
}

/// One link per status: it turns the status on, or off again.
fn chips(context: &Context, filter: &Filter) -> Markup {
    let chosen = filter.statuses();
    html! {
        div class="t0 filter chips" role="group" aria-label="Status" {
            @for (shown, _) in WORDS {
                @let key = shown.key();
                @let is_chosen = chosen.contains(&key.as_str());
                @let others = chosen.iter().copied().filter(|other| *other != key);
                @let next: Vec<&str> = if is_chosen { others.collect() } else { others.chain([key.as_str()]).collect() };
                @let target = if next.is_empty() { filter.without("status", &chosen.join(",")) }
                    else { filter.clone().with("status", next.join(",")) };
                a class={ "chip " (shown.colour) } href=(link(context, &target)) aria-current=[is_chosen.then_some("true")] {
                    (icon(shown.symbol, "")) (shown.word)
                }
            }
        }
    }
}

/// What may be done with all runs of the filter: each leads to a page that says how many, and asks.
fn bulk(context: &Context, facts: &Facts, filter: &Filter) -> Markup {
    if !facts.may_operate() || filter.is_empty() {
        return html! {};
    }
    let refused = filter.of_bulk(facts.now).err();
    let ask = |action: &str| {
        filter
            .to_words()
            .with("action", action)
            .at(&context.at("/bulk/new"))
    };
    html! {
        div class="mid bulk" {
            b { "All runs of this filter" }
            div class="acts" {
                @for action in super::bulk::actions() {
                    @if let Some(why) = refused { button type="button" disabled title=(why) { (action.verb) "…" } }
                    @else { a class="btn" href=(ask(action.name)) { (action.verb) "…" } }
                }
            }
            span class="muted small" { @if let Some(why) = refused { (why) } @else { "Counted and shown first: nothing starts before you confirm." } }
        }
    }
}

fn list(context: &Context, facts: &Facts, filter: &Filter, found: &Found) -> Markup {
    if found.runs.is_empty() {
        return empty(context, filter, found);
    }
    html! {
        table class="cards fix" role="table" data-first=[found.runs.first().map(|run| &run.run_id)] {
            colgroup {
                col class="c136"; col class="c244 w3"; col class="c166"; col class="c136 w2"; col class="c66 w1"; col;
                col class="c104"; col class="c104 w1";
            }
            (table::head(&[
                ("Status", ""), ("Run", "w3"), ("Task", ""), ("Queue", "w2"),
                ("Attempt", "num w1"), ("Why", ""), ("Ended", "num"), ("Took", "num w1"),
            ], false))
            tbody role="rowgroup" { @for run in &found.runs { (row(context, facts, run)) } }
        }
    }
}

fn row(context: &Context, facts: &Facts, run: &Listed) -> Markup {
    let now = facts.now;
    let shown = status::of(&run.run_status, &run.execution_status);
    let why = reason::of(&context.served.redactor, run, now);
    let since = run.completed_at.unwrap_or(now).ms_since(run.created_at);
    html! {
        tr role="row" data-row {
            td role="cell" class="nw" id={ "st-" (run.run_id) } data-live { (shown.badge(&run.run_status)) }
            td role="cell" class="w3 nw" { (run_link(context, &run.run_id)) }
            th scope="row" role="rowheader" class="cut" { a href=(run_path(context, &run.run_id)) { (run.task) } }
            td role="cell" class="w2 cut" { (run.queue) }
            td role="cell" class="num w1" id={ "at-" (run.run_id) } data-live { (attempts(run.attempt, run.max_attempts)) }
            td role="cell" class="why cut full" title=(why) id={ "why-" (run.run_id) } data-live { (why) }
            td role="cell" class="num nw push" id={ "end-" (run.run_id) } data-live { (ended(run, now)) }
            td role="cell" class="num nw w1" { (span(since)) }
        }
    }
}

fn ended(run: &Listed, now: Moment) -> Markup {
    match run.completed_at {
        Some(at) => time(at, now),
        None => html! { span class="muted" { "since " (time(run.updated_at, now)) } },
    }
}

/// `3 / 5`.
pub(super) fn attempts(attempt: Option<i64>, most: Option<i64>) -> String {
    match most {
        Some(most) => format!("{} / {most}", attempt.unwrap_or_default()),
        None => attempt.unwrap_or_default().to_string(),
    }
}

/// Nothing matches: what to leave out, or what to call.
fn empty(context: &Context, filter: &Filter, found: &Found) -> Markup {
    html! {
        div class="empty" {
            @if filter.is_empty() {
                b { "No runs" }
                code { "select engine_trigger('hello')" }
            } @else {
                b { "No runs match this filter" }
                @if found.reach.is_some() { "among those that were looked at. " }
                @for (key, value) in filter.words() {
                    @if key != "env" {
                        a href=(link(context, &filter.without(key, value))) { "Without " (key) ":" (value) } " "
                    }
                }
            }
        }
    }
}

/// How many runs match that are newer than those of a page that is watched.
fn newer(context: &Context, filter: &Filter, found: &Found) -> Markup {
    let seen = context.words.get("seen");
    let number = seen.map_or(0, |seen| {
        let newer = found.runs.iter().filter(|run| *run.run_id > *seen);
        newer.count()
    });
    let number = i64::try_from(number).unwrap_or_default();
    html! {
        div id="newer" data-live {
            @if number > 0 {
                p class="b" {
                    (plural(number, "newer run matches", "newer runs match"))
                    @if found.has_older && found.runs.len() == PAGE && number == PAGE as i64 { ", or more" }
                    ". " a href=(link(context, filter)) { "Show them" }
                }
            }
        }
    }
}

/// Whether the address says from which run the list goes on.
fn is_part(context: &Context) -> bool {
    context
        .words
        .get("before")
        .or(context.words.get("after"))
        .is_some()
}

fn pages(context: &Context, filter: &Filter, found: &Found) -> Markup {
    let id = |run: &Listed| format!("run_{}", run.run_id);
    let at = |key: &str, id: String| filter.to_words().with(key, id).at(&context.at("/runs"));
    let first = found.runs.first().filter(|_| found.has_newer).map(id);
    let last = found.runs.last().filter(|_| found.has_older).map(id);
    let reach = found.reach.as_ref().map(|reach| format!("run_{reach}"));
    html! {
        div class="pages" {
            @if is_part(context) { a href=(link(context, filter)) rel="first" { "Newest" } }
            @if let Some(first) = first { a rel="prev" href=(at("after", first)) { "Newer" } }
            @if let Some(last) = last { a rel="next" href=(at("before", last)) { "Older" } }
            @else if let Some(reach) = reach {
                span class="muted small" { "At most " (count(found.budget)) " runs of a shard are looked at." }
                a rel="next" href=(at("before", reach)) { "Look further back" }
            }
        }
    }
}
