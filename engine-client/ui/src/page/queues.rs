//! Queues and environments: what is due, why it is behind, and how to pause, resume and limit.

use maud::{Markup, html};

use crate::fault::Fault;
use crate::moment::span;
use crate::number::{count, plural};
use crate::part::form;
use crate::part::text::{self, Figure, none, slots};
use crate::part::{Frame, Page};
use crate::query::queue::{self, Environment, Key, Queue};
use crate::query::session::Facts;
use crate::request::Context;
use crate::url::{Words, segment};

/// Queues on a page.
const SHOWN: usize = 200;

/// A queue that was chosen, with its keys.
struct Chosen<'a> {
    queue: &'a Queue,
    keys: Vec<Key>,
}

pub(super) async fn page(context: &Context) -> Result<Page, Fault> {
    let (environment, name) = (context.environment(), context.words.get("name"));
    let chosen = context
        .words
        .get("queue")
        .zip(context.words.get("of").or(environment));
    let (facts, queues, environments, keys) = context
        .read(async |reader| {
            let facts = Facts::read(reader).await?;
            let queues = queue::queues(reader, environment, name, 10_000).await?;
            let environments = queue::environments(reader, environment).await?;
            let keys = match chosen {
                Some((queue, environment)) => queue::keys(reader, environment, queue).await?,
                None => Vec::new(),
            };
            Ok((facts, queues, environments, keys))
        })
        .await?;
    let chosen = chosen.and_then(|(queue, environment)| {
        queues
            .iter()
            .find(|other| other.queue == queue && other.environment_id == environment)
    });
    let chosen = chosen.map(|queue| Chosen { queue, keys });
    let content = html! {
        div class="head" {
            h1 { "Queues" }
            span class="muted" { (plural(i64::try_from(queues.len()).unwrap_or_default(), "queue", "queues"))
                @if let Some(environment) = environment { " in " (environment) } }
        }
        @if let Some(chosen) = &chosen { (detail(context, &facts, chosen)) }
        (text::figures(&figures(&queues, &environments)))
        (list(context, &facts, &queues))
        (environment_list(context, &facts, &environments))
    };
    Ok(Page::new(
        context,
        &Frame {
            title: "Queues",
            section: "/queues",
            facts: &facts,
            content,
        },
    ))
}

fn figures(queues: &[Queue], environments: &[Environment]) -> Vec<Figure<'static>> {
    let running: i64 = environments
        .iter()
        .map(|environment| environment.running)
        .sum();
    let limit: Option<i64> = environments
        .iter()
        .map(|environment| environment.limit)
        .sum();
    let due: i64 = environments.iter().map(|environment| environment.due).sum();
    let oldest = queues
        .iter()
        .filter_map(|queue| Some((queue.oldest_ms?, queue)))
        .max_by_key(|(ms, _)| *ms);
    let named = |is: fn(&Queue) -> bool| -> (i64, String) {
        let names: Vec<&str> = queues
            .iter()
            .filter(|queue| is(queue))
            .map(|queue| queue.queue.as_str())
            .collect();
        (
            i64::try_from(names.len()).unwrap_or_default(),
            names.iter().take(3).copied().collect::<Vec<_>>().join(", "),
        )
    };
    let (paused, paused_names) = named(|queue| queue.is_paused);
    let (full, full_names) = named(Queue::is_full);
    let figure = |id, label: &str, value, colour, basis| Figure {
        id,
        label: html! { (label) },
        value,
        colour,
        basis,
        link: None,
    };
    vec![
        figure(
            "slots",
            "Slots in use",
            limit.map_or_else(
                || count(running),
                |limit| format!("{} / {}", count(running), count(limit)),
            ),
            "",
            if limit.is_some() {
                "before bursts".to_owned()
            } else {
                "no limit".to_owned()
            },
        ),
        figure("due", "Due", count(due), "", String::new()),
        figure(
            "oldest",
            "Oldest due",
            oldest.map_or_else(|| "–".to_owned(), |(ms, _)| span(ms)),
            if oldest.is_some_and(|(ms, _)| ms >= 60_000) {
                "fail"
            } else {
                ""
            },
            oldest.map_or_else(String::new, |(_, queue)| queue.queue.clone()),
        ),
        figure(
            "paused",
            "Paused",
            count(paused),
            if paused > 0 { "warn" } else { "" },
            paused_names,
        ),
        figure(
            "full",
            "Full",
            count(full),
            if full > 0 { "warn" } else { "" },
            full_names,
        ),
    ]
}

/// The list with its filter.
fn list(context: &Context, facts: &Facts, queues: &[Queue]) -> Markup {
    let only = context.words.get("only");
    let is_shown = |queue: &&Queue| match only {
        Some("due") => queue.due > 0,
        Some("full") => queue.is_full(),
        Some("paused") => queue.is_paused,
        _ => true,
    };
    let shown: Vec<&Queue> = queues.iter().filter(is_shown).collect();
    let number = |is: fn(&Queue) -> bool| queues.iter().filter(|queue| is(queue)).count();
    let chips = [
        (None, "all", queues.len()),
        (Some("due"), "with due runs", number(|queue| queue.due > 0)),
        (Some("full"), "full", number(Queue::is_full)),
        (Some("paused"), "paused", number(|queue| queue.is_paused)),
    ];
    html! {
        section class="p" {
            form class="filter" {
                label class="vh" for="queue-name" { "Name" }
                input id="queue-name" type="search" name="name" placeholder="Name contains"
                    value=[context.words.get("name")];
                @if let Some(environment) = context.environment() { input type="hidden" name="env" value=(environment); }
                button { "Filter" }
                span class="chips" {
                    @for (key, label, number) in chips {
                        @let words = key.map_or_else(|| context.words.clone().without("only"), |key| context.words.clone().set("only", key));
                        a class="chip" aria-current=[(only == key).then_some("true")] href=(words.at(&context.at("/queues"))) {
                            (label) " " (number)
                        }
                    }
                }
            }
            (table(context, facts, &shown, SHOWN, true))
            @if shown.len() > SHOWN {
                div class="pages" { "The first " (SHOWN) " of " (shown.len()) ". Narrow the name to see others." }
            }
        }
    }
}

/// The panel of the overview.
pub(super) fn panel(context: &Context, facts: &Facts, queues: &[Queue], most: usize) -> Markup {
    let shown: Vec<&Queue> = queues.iter().collect();
    html! {
        section class="p" {
            header {
                h2 { "Queues" }
                span class="muted small" { "by oldest due" }
                a class="more" href=(context.link("/queues")) { "All " (queues.len()) }
            }
            (table(context, facts, &shown, most, false))
        }
    }
}

fn table(context: &Context, facts: &Facts, queues: &[&Queue], most: usize, acts: bool) -> Markup {
    if queues.is_empty() {
        return html! { div class="empty" { b { "No queues" } "A queue is there when a run of it is, or a setting: " code { "select engine_set_queue('mail', concurrency_limit => 10)" } } };
    }
    let acts = acts && facts.may_operate();
    let has_environments = context.environment().is_none() && facts.environments.len() > 1;
    html! {
        table class="cards" role="table" {
            thead role="rowgroup" {
                tr role="row" {
                    th role="columnheader" scope="col" { "Queue" }
                    @if has_environments { th role="columnheader" scope="col" class="w2" { "Environment" } }
                    th role="columnheader" scope="col" class="num w1" { "Queued" }
                    th role="columnheader" scope="col" class="num" { "Due" }
                    th role="columnheader" scope="col" class="num" { "Oldest due" }
                    th role="columnheader" scope="col" { "Slots in use" }
                    th role="columnheader" scope="col" class="num w3" { "Keys" }
                    @if acts { th role="columnheader" scope="col" class="num" { span class="vh" { "Actions" } } }
                }
            }
            tbody role="rowgroup" {
                @for queue in queues.iter().take(most) { (row(context, queue, has_environments, acts)) }
            }
        }
    }
}

/// The id of an element about a queue.
fn id(part: &str, queue: &Queue) -> String {
    format!(
        "{part}-{}-{}",
        segment(&queue.environment_id),
        segment(&queue.queue)
    )
}

/// The id of the form that sets a limit.
const LIMIT_FORM: &str = "limit";

fn place(context: &Context, queue: &Queue) -> String {
    let words = Words::default()
        .with("queue", &*queue.queue)
        .with("of", &*queue.environment_id);
    context.link_with("/queues", words)
}

fn row(context: &Context, queue: &Queue, has_environment: bool, acts: bool) -> Markup {
    let is_late = queue.oldest_ms.is_some_and(|ms| ms >= 60_000);
    let is_behind = queue.due > 0 && queue.is_full();
    html! {
        tr role="row" data-row {
            th scope="row" role="rowheader" class="nw" {
                a href=(place(context, queue)) { (queue.queue) }
                span id=(id("tags", queue)) data-live {
                    @if queue.is_paused { " " span class="tag warn" { "paused" } }
                    @else if is_behind { " " span class="tag warn" { "full" } }
                    @else if queue.is_full() { " " span class="tag" { "full" } }
                    @if queue.overridden.is_some() { " " span class="tag" { "overridden" } }
                }
            }
            @if has_environment { td role="cell" class="w2 muted" { (queue.environment_id) } }
            td role="cell" class="num w1" id=(id("queued", queue)) data-live { (count(queue.queued)) }
            td role="cell" class="num" id=(id("due", queue)) data-live {
                @if is_behind { b { (count(queue.due)) } } @else { (count(queue.due)) }
                span class="muted only-small" { " due" }
            }
            td role="cell" class={ "num push " (if is_late { "fail" } else { "" }) } id=(id("oldest", queue)) data-live {
                @match queue.oldest_ms { Some(ms) => (span(ms)), None => (none()) }
            }
            td role="cell" class="nw full" id=(id("slots", queue)) data-live {
                @if queue.keys > 0 && queue.limit.is_some() {
                    (count(queue.running)) span class="muted" { ", " (count(queue.limit.unwrap_or_default())) " per key" }
                } @else { (slots(queue.running, queue.limit)) }
            }
            td role="cell" class="num w3" { @if queue.keys > 0 { (count(queue.keys)) } @else { (none()) } }
            @if acts { td role="cell" class="num" { (row_actions(context, queue)) } }
        }
    }
}

fn row_actions(context: &Context, queue: &Queue) -> Markup {
    let (label, paused) = if queue.is_paused {
        ("Resume", "false")
    } else {
        ("Pause", "true")
    };
    let fields = [
        ("queue", queue.queue.as_str()),
        ("of", &queue.environment_id),
        ("paused", paused),
    ];
    html! {
        div class="end acts" {
            (form::button(context, "/act/queue/pause", &fields, "mini", label, &queue.queue))
            a class="btn mini" href={ (place(context, queue)) "#" (LIMIT_FORM) } aria-label={ "Limit of " (queue.queue) } { "Limit…" }
        }
    }
}

/// A queue: why it is behind, its limit, its keys.
fn detail(context: &Context, facts: &Facts, chosen: &Chosen<'_>) -> Markup {
    let queue = chosen.queue;
    let runs = Words::default()
        .with("queue", &*queue.queue)
        .with("env", &*queue.environment_id);
    html! {
        div class="cols wide" {
            section class="p" id="queue" {
                header {
                    h2 { (queue.queue) }
                    @if queue.is_paused { span class="tag warn" { "paused" } }
                    @if queue.is_full() { span class="tag warn" { "full" } }
                    a class="more" href=(runs.at(&context.at("/runs"))) { "Its runs" }
                }
                div class="b" {
                    p { b { "Why it is where it is: " } (why(queue)) }
                    @if let Some(most) = queue.max_size {
                        p class="gap muted" { (plural(queue.queued, "run is", "runs are")) " queued, of at most " (count(most)) "." }
                    }
                }
                @if facts.may_operate() { (limit_form(context, queue)) }
            }
            @if !chosen.keys.is_empty() { (keys(queue, &chosen.keys)) }
        }
    }
}

fn why(queue: &Queue) -> String {
    let due = plural(queue.due, "run is", "runs are");
    match () {
        () if queue.is_paused => {
            format!("it is paused; {due} due, and none starts until it is resumed.")
        }
        () if queue.limit == Some(0) => format!("its limit is 0; {due} due."),
        () if queue.due == 0 => "nothing is due.".to_owned(),
        () if queue.is_full() => format!(
            "{} of {} slots are in use; {due} due.",
            count(queue.running),
            count(queue.limit.unwrap_or_default())
        ),
        () if queue.keys > 0 && queue.limit.is_some() => {
            format!(
                "{due} due, of {}; each key has its own limit.",
                plural(queue.keys, "key", "keys")
            )
        }
        () if queue.running == 0 => format!("{due} due, and no worker has taken any."),
        () => {
            format!("{due} due; slots are free, so workers are busy or their environment is full.")
        }
    }
}

fn limit_form(context: &Context, queue: &Queue) -> Markup {
    let fields = [
        ("queue", queue.queue.as_str()),
        ("of", queue.environment_id.as_str()),
    ];
    let (label, paused) = if queue.is_paused {
        ("Resume", "false")
    } else {
        ("Pause", "true")
    };
    html! {
        div class="bulk" {
            form class="acts" method="post" action=(context.at("/act/queue/limit")) id=(LIMIT_FORM) {
                (form::hidden(context, &fields))
                label { "Limit " input name="limit" size="6" inputmode="numeric" pattern="[0-9]*" value=[queue.limit]; }
                button { "Override" }
            }
            @if queue.overridden.is_some() {
                (form::button(context, "/act/queue/limit", &fields, "", "Take the override back", ""))
            }
            span class="muted small" {
                @if queue.overridden.is_some() { "An override stands in for the queue's own limit." }
                @else { "An override stands in for the queue's own limit until it is taken back." }
            }
            span class="grow" {}
            (form::button(context, "/act/queue/pause", &[fields[0], fields[1], ("paused", paused)],
                if queue.is_paused { "" } else { "danger" }, label, &queue.queue))
        }
    }
}

fn keys(queue: &Queue, keys: &[Key]) -> Markup {
    html! {
        section class="p" {
            header {
                h2 { (queue.queue) " by key" }
                span class="muted small" {
                    @if let Some(limit) = queue.limit { "limit " (count(limit)) " for each key" }
                }
            }
            table {
                thead { tr {
                    th scope="col" { "Key" } th scope="col" class="num" { "Queued" } th scope="col" class="num" { "Oldest" }
                    th scope="col" class="num" { "Running" }
                } }
                tbody {
                    @for key in keys {
                        tr {
                            th scope="row" class="cut" { (key.key) }
                            td class="num" { (count(key.queued)) }
                            td class="num" { @match key.oldest_ms { Some(ms) => (span(ms)), None => (none()) } }
                            td class="num" { (count(key.running)) }
                        }
                    }
                }
            }
        }
    }
}

fn environment_list(context: &Context, facts: &Facts, environments: &[Environment]) -> Markup {
    html! {
        section class="p" {
            header { h2 { "Environments" } }
            table class="cards" role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        th role="columnheader" scope="col" { "Environment" }
                        th role="columnheader" scope="col" class="num w1" { "Queued" }
                        th role="columnheader" scope="col" class="num" { "Due" }
                        th role="columnheader" scope="col" class="num" { "Oldest due" }
                        th role="columnheader" scope="col" { "Slots in use" }
                        th role="columnheader" scope="col" class="num w1" { "Burst" }
                        @if facts.may_operate() { th role="columnheader" scope="col" class="num" { span class="vh" { "Actions" } } }
                    }
                }
                tbody role="rowgroup" {
                    @for environment in environments { (environment_row(context, facts, environment)) }
                }
            }
        }
    }
}

fn environment_row(context: &Context, facts: &Facts, environment: &Environment) -> Markup {
    let name = &environment.environment_id;
    let (label, paused) = if environment.is_paused {
        ("Resume", "false")
    } else {
        ("Pause", "true")
    };
    html! {
        tr role="row" {
            th scope="row" role="rowheader" class="nw" {
                a href=(Words::default().with("env", name.as_str()).at(&context.at("/queues"))) { (name) }
                @if environment.is_paused { " " span class="tag warn" { "paused" } }
            }
            td role="cell" class="num w1" { (count(environment.queued)) }
            td role="cell" class="num" { (count(environment.due)) span class="muted only-small" { " due" } }
            td role="cell" class="num push" { @match environment.oldest_ms { Some(ms) => (span(ms)), None => (none()) } }
            td role="cell" class="nw full" { (slots(environment.running, environment.limit)) }
            td role="cell" class="num w1" { @if environment.limit.is_some() { (format!("{:.1}", environment.burst)) } @else { (none()) } }
            @if facts.may_operate() {
                td role="cell" class="num" {
                    div class="end acts" {
                        (form::button(context, "/act/environment/pause", &[("of", name), ("paused", paused)],
                            if environment.is_paused { "mini" } else { "mini danger" }, label, &format!("all of {name}")))
                    }
                }
            }
        }
    }
}
