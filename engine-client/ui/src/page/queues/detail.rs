//! One queue: why it is behind, its limit, its keys.

use maud::{Markup, html};

use super::pause;
use crate::fault::Fault;
use crate::moment::{Moment, span};
use crate::number::{count, plural};
use crate::part::form;
use crate::part::text::none;
use crate::pool::Reader;
use crate::query::queue::{self, Asked, Key, Queue};
use crate::query::session::Facts;
use crate::request::Context;
use crate::url::Words;

/// A queue that was chosen, with its keys.
pub(super) struct Chosen {
    queue: Queue,
    keys: Vec<Key>,
}

impl Chosen {
    /// Reads it, if it exists.
    pub(super) async fn read(
        reader: &Reader<'_>,
        environment: &str,
        name: &str,
    ) -> Result<Option<Self>, Fault> {
        let asked = Asked {
            environment: Some(environment),
            name: Some(name),
            most: 1,
            ..Asked::default()
        };
        let (queues, _) = queue::queues(reader, asked).await?;
        let Some(queue) = queues.into_iter().next() else {
            return Ok(None);
        };
        let keys = queue::keys(reader, environment, name).await?;
        Ok(Some(Self { queue, keys }))
    }
}

/// The id of the form that sets a limit.
pub(super) const LIMIT_FORM: &str = "limit";

/// A queue: why it is behind, its limit, its keys.
pub(super) fn panel(context: &Context, facts: &Facts, chosen: &Chosen) -> Markup {
    let queue = &chosen.queue;
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
                    p { b { "Why it is where it is: " } (why(queue, facts.now)) }
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

fn why(queue: &Queue, now: Moment) -> String {
    let due = plural(queue.due, "run is", "runs are");
    let held = queue.held(now);
    match () {
        () if queue.is_paused => {
            let paused = queue.pause.words(now);
            format!("it is {paused}. {due} due, and none starts until it is resumed.")
        }
        () if queue.is_held_by_pause() => format!(
            "its {}. {due} due, and none starts until it is resumed.",
            held.unwrap_or_default()
        ),
        () if queue.limit == Some(0) => format!("its limit is 0; {due} due."),
        () if queue.due == 0 => "nothing is due.".to_owned(),
        () if queue.is_full() => format!(
            "{} of {} slots are in use; {due} due.",
            count(queue.running),
            count(queue.limit.unwrap_or_default())
        ),
        () if let Some(held) = held => format!("{due} due; {held}."),
        () if queue.keys > 0 && queue.limit.is_some() => {
            format!(
                "{due} due, of {}; each key has its own limit.",
                plural(queue.keys, "key", "keys")
            )
        }
        () if queue.running == 0 => format!("{due} due, and no worker has taken any."),
        () => {
            format!("{due} due; slots are free, so workers are busy.")
        }
    }
}

fn limit_form(context: &Context, queue: &Queue) -> Markup {
    let fields = [
        ("queue", queue.queue.as_str()),
        ("of", queue.environment_id.as_str()),
    ];
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
            (pause::with_reason(context, "/act/queue/pause", &fields, queue.is_paused, &queue.queue))
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
