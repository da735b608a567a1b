//! The facts of a run, with links to the runs that share them.

use maud::{Markup, html};

use super::seen::Seen;
use crate::moment::span;
use crate::number::count;
use crate::part::text::{exact_time, run_path, time};
use crate::request::Context;
use crate::url::Words;

pub(super) fn panel(context: &Context, seen: &Seen) -> Markup {
    let (run, now) = (&seen.run, seen.facts.now);
    let list = |key: &str, text: &str| context.link_with("/runs", Words::default().with(key, text));
    let queue = Words::default()
        .with("queue", &*run.queue)
        .with("of", &*run.environment_id);
    let optional = |text: &Option<String>| match text {
        Some(text) => html! { (text) },
        None => html! { span class="muted" { "none" } },
    };
    html! {
        section class="p" {
            header { h2 { "Facts" } }
            div class="b" {
                dl class="facts" {
                    dt { "Environment" } dd { (run.environment_id) }
                    dt { "Queue" } dd { a href=(context.link_with("/queues", queue)) { (run.queue) } @if run.priority_ms != 0 { ", priority " (span(run.priority_ms)) } }
                    dt { "Worker queue" } dd { (run.worker_queue) }
                    dt { "Key" } dd { @match &run.key { Some(key) => a href=(list("key", key)) { (key) }, None => span class="muted" { "none" } } }
                    dt { "Triggered" } dd { (exact_time(run.created_at, now)) ", " (span(now.ms_since(run.created_at))) " ago" }
                    @if let Some(at) = run.delay_until { dt { "Delayed until" } dd { (time(at, now)) } }
                    @if let Some(at) = run.completed_at { dt { "Ended" } dd { (exact_time(at, now)) ", " (span(now.ms_since(at))) " ago" } }
                    @if let Some(at) = run.heartbeat_deadline_at { dt { "Next beat by" } dd { (time(at, now)) } }
                    dt { "Worked" } dd { (span(run.usage_ms)) " in attempts" }
                    dt { "Version" } dd { (optional(&run.version)) }
                    dt { "Machine" } dd { (optional(&run.machine)) }
                    dt { "Tags" } dd { @if run.tags.is_empty() { span class="muted" { "none" } } @for tag in &run.tags { a class="tag" href=(list("tag", tag)) { (tag) } " " } }
                    dt { "Idempotency" } dd { (optional(&run.idempotency_key)) }
                    dt { "TTL" } dd { (optional(&run.ttl)) }
                    dt { "Lost workers" } dd { (count(run.queue_attempts)) }
                    @if let Some(batch) = &run.batch_id { dt { "Batch" } dd { a class="id" href=(list("batch", &format!("batch_{batch}"))) { "batch_" (batch) } } }
                    @if let Some(other) = &run.replayed_from { dt { "Replay of" } dd { a class="id" href=(run_path(context, other)) { "run_" (other) } } }
                    @if let Some(trace) = &run.trace { dt { "Trace" } dd class="id" { (trace) } }
                }
            }
        }
    }
}
