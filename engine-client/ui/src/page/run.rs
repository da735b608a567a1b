//! One run: what became of it and why, its life to scale, its family, its values.

use maud::{Markup, html};

use super::reason::{error_line, error_text};
use super::runs::attempts as attempts_of;
use super::timeline::{self, Attempt};
use crate::fault::Fault;
use crate::moment::{Moment, span};
use crate::number::{count, plural, size};
use crate::part::status::{self, Shown};
use crate::part::symbol::icon;
use crate::part::text::{exact_time, none, run_path, time};
use crate::part::verdict::{Verdict, Weight};
use crate::part::{Frame, Page, form, value};
use crate::query::queue::{self, Queue};
use crate::query::run::{Payload, Relative, Run, Wait};
use crate::query::session::Facts;
use crate::request::Context;
use crate::url::Words;

/// How far a chain of waits is followed.
const CHAIN: usize = 5;

/// What the page shows.
struct Seen {
    facts: Facts,
    run: Run,
    family: Vec<Relative>,
    /// Runs that it waits for, each waiting for the next.
    chain: Vec<Run>,
    queue: Option<Queue>,
    /// None, if the role may not read it.
    payload: Option<Payload>,
}

/// Values, decrypted and ready to be shown.
struct Values {
    payload: Option<String>,
    metadata: Option<String>,
    output: Option<String>,
}

pub(super) async fn page(context: &Context, id: &str) -> Result<Page, Fault> {
    let id = id.strip_prefix("run_").unwrap_or(id);
    let seen = context.read(async |reader| {
        let facts = Facts::read(reader).await?;
        let run = Run::read(reader, id).await?;
        let family = run.family(reader).await?;
        let mut chain: Vec<Run> = Vec::new();
        while chain.len() < CHAIN
            && let Some(next) = awaited(chain.last().unwrap_or(&run))
        {
            chain.push(Run::read(reader, &next).await?);
        }
        let is_queued = matches!(run.execution_status.as_str(), "QUEUED" | "QUEUED_EXECUTING");
        let queues = if is_queued {
            queue::queues(reader, Some(&run.environment_id), Some(&run.queue), 100).await?
        } else {
            Vec::new()
        };
        let queue = queues.into_iter().find(|queue| queue.queue == run.queue);
        let payload = if facts.sees_payloads() {
            run.payload(reader).await?
        } else {
            None
        };
        Ok(Seen {
            facts,
            run,
            family,
            chain,
            queue,
            payload,
        })
    });
    let seen = seen.await?;
    let redactor = &context.served.redactor;
    let decrypt = async |text: &Option<String>| match text {
        Some(text) => Some(redactor.decrypt(text).await),
        None => None,
    };
    let values = Values {
        payload: decrypt(&seen.payload.as_ref().map(|payload| payload.payload.clone())).await,
        metadata: decrypt(&seen.run.metadata).await,
        output: decrypt(&seen.run.output).await,
    };
    let title = format!("{} run_{}", seen.run.task, seen.run.run_id);
    let content = content(context, &seen, &values);
    Ok(Page::new(
        context,
        &Frame {
            title: &title,
            section: "/runs",
            facts: &seen.facts,
            content,
        },
    ))
}

/// The run that a run waits for, if it waits for one.
fn awaited(run: &Run) -> Option<String> {
    let pending = run.waits.iter().filter(|wait| wait.status == "PENDING");
    pending.filter_map(|wait| wait.run_id.clone()).next()
}

fn content(context: &Context, seen: &Seen, values: &Values) -> Markup {
    let (run, now) = (&seen.run, seen.facts.now);
    let shown = status::of(&run.run_status, &run.execution_status);
    let attempts = timeline::attempts(run, now);
    html! {
        div class="head" {
            h1 { (run.task) }
            span id="status" data-live { (shown.badge(&run.run_status)) }
            span class="id" id="run-id" data-copy { "run_" (run.run_id) }
            button class="mini script" type="button" data-copies="run-id" { "Copy id" }
            @if run.is_test { span class="tag" { "test" } }
            (actions(context, &seen.facts, run))
        }
        (confirmation(context, &seen.facts, run))
        @if let Some(verdict) = verdict(context, seen, &attempts) { (verdict.section("What became of it", false)) }
        (timeline::panel(context, run, &seen.family, &seen.chain, now))
        div class="cols wide" {
            div {
                (attempt_table(context, seen, &attempts))
                (family(context, seen))
                (history(run, now))
            }
            div {
                (facts(context, seen))
                (documents(context, seen, values))
            }
        }
    }
}

/// What may be done with it; what its status forbids is shown with the reason.
fn actions(context: &Context, facts: &Facts, run: &Run) -> Markup {
    if !facts.may_cancel(&run.environment_id) {
        return html! {};
    }
    let ask = |action: &str| {
        context
            .words
            .clone()
            .set("confirm", action)
            .at(&context.at(&context.path))
    };
    let path = |action: &str| format!("/act/run/{action}");
    let id = [("run", run.run_id.as_str())];
    let can_redrive = matches!(
        run.run_status.as_str(),
        "SYSTEM_FAILURE" | "CRASHED" | "TIMED_OUT" | "EXPIRED" | "INTERRUPTED"
    );
    html! {
        div class="acts" {
            (form::button(context, &path("replay"), &id, "", "Replay", ""))
            @if facts.may_operate() {
                @if can_redrive { (form::button(context, &path("redrive"), &id, "", "Redrive", "")) }
                @else { button type="button" disabled title="Only a run that ended without its handler's decision can be redriven" { "Redrive" } }
            }
            @if run.run_status == "DELAYED" && facts.may_trigger(&run.environment_id) {
                (form::button(context, &path("now"), &id, "", "Run now", ""))
            }
            @if run.has_ended() { button type="button" disabled title="It has ended" { "Cancel" } }
            @else { a class="btn danger" href=(ask("cancel")) { "Cancel…" } }
        }
    }
}

/// A question before what cannot be undone.
fn confirmation(context: &Context, facts: &Facts, run: &Run) -> Markup {
    let is_asked = context.words.get("confirm") == Some("cancel");
    if !is_asked || run.has_ended() || !facts.may_cancel(&run.environment_id) {
        return html! {};
    }
    let back = context
        .words
        .clone()
        .without("confirm")
        .at(&context.at(&context.path));
    html! {
        section class="verdict note" aria-label="Confirm" {
            (icon("crashed", "warn"))
            div class="grow" {
                h2 { "Cancel this run?" }
                p { "It cannot be undone. Its children that have not ended are cancelled with it; a worker that holds it is asked to stop." }
                form method="post" action=(context.at("/act/run/cancel")) {
                    (form::hidden(context, &[("run", &run.run_id)]))
                    p { label { "Reason, kept in the history " input name="reason" maxlength="200" size="40"; } }
                    p class="acts" { button class="danger main" { "Cancel the run" } a class="btn" href=(back) { "Back" } }
                }
            }
        }
    }
}

fn verdict(context: &Context, seen: &Seen, attempts: &[Attempt]) -> Option<Verdict> {
    let run = &seen.run;
    let shown = status::of(&run.run_status, &run.execution_status);
    match () {
        () if shown.is_failure() => Some(failed(context, seen, attempts, shown)),
        () if !run.waits.is_empty() && !run.has_ended() => Some(waits(context, seen)),
        () if run.run_status == "RETRYING_AFTER_FAILURE" => Some(retries(context, seen, attempts)),
        () if seen.queue.is_some() => Some(queued(context, seen)),
        () => None,
    }
}

fn failed(context: &Context, seen: &Seen, attempts: &[Attempt], shown: Shown) -> Verdict {
    let (run, now) = (&seen.run, seen.facts.now);
    let redactor = &context.served.redactor;
    let lines: Vec<String> = attempts
        .iter()
        .filter_map(|attempt| attempt.error.as_ref())
        .map(|error| error_line(redactor, error))
        .collect();
    let at = run
        .completed_at
        .map_or_else(String::new, |at| format!(" at {}", at.brief(now)));
    let all_same = lines.len() > 1 && lines.iter().all(|line| *line == lines[0]);
    let how = match attempts.len() {
        _ if run.is_dead_lettered => format!(
            ": a dead letter, after {}",
            plural(run.queue_attempts, "lost worker", "lost workers")
        ),
        0 => " before its first attempt".to_owned(),
        1 => " in its only attempt".to_owned(),
        number if all_same => format!(": all {number} attempts ended the same way"),
        number => format!(" in attempt {number}"),
    };
    let word = format!("{}{}", shown.word[..1].to_uppercase(), &shown.word[1..]);
    let parent = seen
        .family
        .iter()
        .find(|other| other.is_parent == Some(true));
    let mut links = vec![(
        "The failure".to_owned(),
        context.link_with("/failures", Words::default().with("task", &*run.task)),
    )];
    if let Some(parent) = parent {
        links.push(("The parent".to_owned(), run_path(context, &parent.run_id)));
    }
    Verdict {
        weight: Weight::Failure,
        symbol: shown.symbol,
        colour: "fail",
        sentence: format!("{word}{at}{how}"),
        error: run.error.as_ref().map(|error| error_line(redactor, error)),
        facts: html! {
            @if let Some(reason) = &run.status_reason { (reason) ". " }
            @if let Some(parent) = parent {
                "Its parent " (parent.task) " is " (status::of(&parent.run_status, &parent.execution_status).word) "."
            }
        },
        links,
    }
}

/// Why it waits, down to the run at the end of the chain.
fn waits(context: &Context, seen: &Seen) -> Verdict {
    let (run, now) = (&seen.run, seen.facts.now);
    let redactor = &context.served.redactor;
    let pending: Vec<&Wait> = run
        .waits
        .iter()
        .filter(|wait| wait.status == "PENDING")
        .collect();
    let since = pending
        .iter()
        .map(|wait| wait.since)
        .min()
        .unwrap_or(run.created_at);
    let what = match (seen.chain.last(), pending.first()) {
        (Some(last), _) => format!("{}, which {}", last.task, state_of(last, now)),
        (None, Some(wait)) => for_what(wait, now),
        (None, None) => "what has ended; it goes on at once".to_owned(),
    };
    let through = seen.chain.len().saturating_sub(1);
    let mut links: Vec<(String, String)> = Vec::new();
    if let Some(first) = seen.chain.first() {
        links.push(("The child run".to_owned(), run_path(context, &first.run_id)));
    }
    if seen.chain.len() > 1
        && let Some(last) = seen.chain.last()
    {
        links.push((
            "The run at the end".to_owned(),
            run_path(context, &last.run_id),
        ));
    }
    Verdict {
        weight: Weight::Note,
        symbol: "waiting",
        colour: "wait",
        sentence: format!("Waits {} for {what}", span(now.ms_since(since))),
        error: seen
            .chain
            .last()
            .and_then(|last| last.error.as_ref())
            .map(|error| error_line(redactor, error)),
        facts: html! {
            @if through > 0 { "Through " (plural(i64::try_from(through).unwrap_or_default(), "other run", "other runs")) ". " }
            @if pending.len() > 1 { "It waits for " (pending.len()) " in all. " }
            @if run.execution_status == "SUSPENDED" { "It is suspended: it holds no slot and no worker, and goes on when that ends." }
            @else { "It holds its slot, and its worker, meanwhile." }
        },
        links,
    }
}

fn for_what(wait: &Wait, now: Moment) -> String {
    let tags = wait.tags.as_deref().unwrap_or_default().join(", ");
    match (wait.kind.as_str(), wait.due_at) {
        ("DATETIME", Some(at)) => format!("a time: {}", at.brief(now)),
        ("BATCH", _) => "a batch".to_owned(),
        ("MANUAL", at) => {
            let tags = if tags.is_empty() {
                String::new()
            } else {
                format!(" ({tags})")
            };
            let until = at.map_or_else(String::new, |at| format!(", until {}", at.brief(now)));
            format!("a caller{tags}{until}")
        }
        _ => "a run".to_owned(),
    }
}

/// What a run does, as a clause: `has failed 3 of 5 times and tries again at 03:13:22`.
fn state_of(run: &Run, now: Moment) -> String {
    match run.run_status.as_str() {
        "RETRYING_AFTER_FAILURE" => {
            let failed = attempts_of(run.attempt, run.max_attempts).replace(" / ", " of ");
            let again = run.available_at.filter(|at| *at > now);
            let again =
                again.map_or_else(|| "soon".to_owned(), |at| format!("at {}", at.brief(now)));
            format!("has failed {failed} times and tries again {again}")
        }
        "PENDING" => format!("is due in queue {}", run.queue),
        "DELAYED" => run.delay_until.map_or_else(
            || "is delayed".to_owned(),
            |at| format!("is delayed until {}", at.brief(now)),
        ),
        "PENDING_VERSION" => "waits for a version".to_owned(),
        _ => match run.waits.iter().find(|wait| wait.status == "PENDING") {
            Some(wait) => format!("waits for {}", for_what(wait, now)),
            None => format!(
                "is {}",
                status::of(&run.run_status, &run.execution_status).word
            ),
        },
    }
}

fn retries(context: &Context, seen: &Seen, attempts: &[Attempt]) -> Verdict {
    let (run, now) = (&seen.run, seen.facts.now);
    let failed = attempts
        .iter()
        .rev()
        .find_map(|attempt| attempt.error.as_ref());
    let next = match run.available_at {
        Some(at) if at > now => format!("tries again at {}", at.brief(now)),
        Some(_) => format!("is due again in queue {}", run.queue),
        None => "is about to try again".to_owned(),
    };
    let done = attempts_of(run.attempt, run.max_attempts).replace(" / ", " of ");
    Verdict {
        weight: Weight::Note,
        symbol: "retrying",
        colour: "warn",
        sentence: format!("Has failed {done} times and {next}"),
        error: failed.map(|error| error_line(&context.served.redactor, error)),
        facts: html! {},
        links: vec![(
            "Others of the task".to_owned(),
            context.link_with(
                "/runs",
                Words::default()
                    .with("status", "retrying")
                    .with("task", &*run.task),
            ),
        )],
    }
}

fn queued(context: &Context, seen: &Seen) -> Verdict {
    let (run, now) = (&seen.run, seen.facts.now);
    let queue = seen.queue.as_ref();
    let name = &run.queue;
    let why = match queue {
        Some(queue) if queue.is_paused => format!("queue {name} is paused"),
        Some(queue) if queue.is_full() => {
            format!(
                "queue {name} is full, {} of {}",
                count(queue.running),
                count(queue.limit.unwrap_or_default())
            )
        }
        Some(queue) if queue.running == 0 => format!("no run of queue {name} is executed"),
        _ => format!("others of queue {name} are before it"),
    };
    let sentence = match run.available_at {
        Some(at) if at > now => format!("Is due in {}", span(at.ms_since(now))),
        Some(at) => format!("Due for {}: {why}", span(now.ms_since(at))),
        None => "Is in its queue".to_owned(),
    };
    Verdict {
        weight: Weight::Note,
        symbol: "queued",
        colour: "idle",
        sentence,
        error: None,
        facts: html! { @if let Some(queue) = queue { (plural(queue.due, "run is", "runs are")) " due in the queue." } },
        links: vec![(
            "The queue".to_owned(),
            context.link_with(
                "/queues",
                Words::default()
                    .with("queue", &*run.queue)
                    .with("of", &*run.environment_id),
            ),
        )],
    }
}

fn attempt_table(context: &Context, seen: &Seen, attempts: &[Attempt]) -> Markup {
    let (run, now) = (&seen.run, seen.facts.now);
    html! {
        section class="p" {
            header {
                h2 { "Attempts" }
                span class="muted small" {
                    (attempts.len()) @if let Some(most) = run.max_attempts { " of at most " (most) }
                    @if attempts.len() > 1 { ", the last first" }
                }
            }
            div id="attempts" data-live {
                @if attempts.is_empty() { div class="empty" { "No attempt has begun." } } @else {
                    table class="cards" role="table" {
                        thead role="rowgroup" { tr role="row" {
                            th role="columnheader" scope="col" class="num" { "No" }
                            th role="columnheader" scope="col" { "End" }
                            th role="columnheader" scope="col" { "Error" }
                            th role="columnheader" scope="col" class="w2" { "Worker" }
                            th role="columnheader" scope="col" class="num" { "Began" }
                            th role="columnheader" scope="col" class="num" { "Took" }
                        } }
                        tbody role="rowgroup" {
                            @for (place, attempt) in attempts.iter().rev().enumerate() { (attempt_row(context, run, attempt, place == 0, now)) }
                        }
                    }
                }
            }
        }
    }
}

fn attempt_row(
    context: &Context,
    run: &Run,
    attempt: &Attempt,
    is_last: bool,
    now: Moment,
) -> Markup {
    let redactor = &context.served.redactor;
    let shown = match attempt.end.as_deref() {
        None => status::of(&run.run_status, &run.execution_status),
        Some("SUCCEEDED") => status::SUCCEEDED,
        Some(_) if attempt.has_failed() && is_last && run.has_ended() => {
            status::of_run(&run.run_status)
        }
        Some(_) if attempt.has_failed() => status::FAILED,
        Some(_) => status::CANCELLED,
    };
    html! {
        tr role="row" id={ "a" (attempt.number) } {
            td role="cell" class="num" { (attempt.number) }
            td role="cell" { (shown.badge("")) }
            td role="cell" class="full" {
                @if let Some(error) = &attempt.error {
                    details open[is_last] {
                        summary { span class="err" { (error_line(redactor, error)) } }
                        pre class="wrap" { (error_text(redactor, error)) }
                    }
                } @else { span class="muted" { "none" } }
            }
            td role="cell" class="w2 cut" { @match &attempt.worker { Some(worker) => (worker), None => (none()) } }
            td role="cell" class="num nw" { (time(attempt.began, now)) }
            td role="cell" class="num nw" { (span(attempt.ended.unwrap_or(now).ms_since(attempt.began))) }
        }
    }
}

fn family(context: &Context, seen: &Seen) -> Markup {
    let (run, now) = (&seen.run, seen.facts.now);
    let (parents, children): (Vec<&Relative>, Vec<&Relative>) = seen
        .family
        .iter()
        .partition(|other| other.is_parent == Some(true));
    if parents.is_empty() && children.is_empty() {
        return html! {};
    }
    let depth = parents.len();
    let shown = status::of(&run.run_status, &run.execution_status);
    html! {
        section class="p" {
            header {
                h2 { "Family" }
                span class="muted small" { (plural(i64::try_from(seen.family.len() + 1).unwrap_or_default(), "run", "runs")) }
            }
            ul class="tree" id="family" data-live {
                @for parent in &parents { (relative(context, parent, "", "parent", now)) }
                li class={ "here" @if depth > 0 { " d1" } } aria-current="true" {
                    (shown.badge("")) b { (run.task) } span class="muted" { "this run" }
                }
                @for child in &children { (relative(context, child, if depth > 0 { "d2" } else { "d1" }, "", now)) }
            }
        }
    }
}

fn relative(context: &Context, other: &Relative, class: &str, role: &str, now: Moment) -> Markup {
    let shown = status::of(&other.run_status, &other.execution_status);
    html! {
        li class=(class) {
            (shown.badge(&other.run_status)) " "
            a href=(run_path(context, &other.run_id)) { b { (other.task) } } " "
            span class="id muted" { "run_" (other.run_id) } " "
            span class="muted" {
                @if !role.is_empty() { (role) ", " }
                @match other.completed_at {
                    Some(at) => { "ended " (time(at, now)) }
                    None => {
                        (attempts_of(other.attempt, other.max_attempts)) ", queue " (other.queue)
                        @if let Some(at) = other.available_at.filter(|at| *at > now) { ", next " (time(at, now)) }
                    }
                }
            }
        }
    }
}

fn history(run: &Run, now: Moment) -> Markup {
    html! {
        details class="p" id="history" {
            summary {
                h2 { "History" } " "
                span class="muted small" {
                    (plural(i64::try_from(run.history.len()).unwrap_or_default(), "snapshot", "snapshots")) ", what the engine did and when"
                }
            }
            div class="scroll" tabindex="0" role="region" aria-label="History" {
                table {
                    thead { tr { th scope="col" class="num" { "No" } th scope="col" { "At" } th scope="col" { "Execution" } th scope="col" { "What" } } }
                    tbody {
                        @for step in run.history.iter().rev() {
                            tr {
                                td class="num" { (step.ordinal) }
                                td class="nw" { (exact_time(step.at, now)) }
                                td class="nw" { (step.execution_status) }
                                td { (step.description.as_deref().unwrap_or_default()) @if let Some(worker) = &step.worker { span class="muted" { " by " (worker) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn facts(context: &Context, seen: &Seen) -> Markup {
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
        @if !run.waits.is_empty() { (waitpoints(context, run, now)) }
    }
}

fn waitpoints(context: &Context, run: &Run, now: Moment) -> Markup {
    html! {
        section class="p" {
            header { h2 { "Waitpoints" } span class="muted small" { (run.waits.len()) } }
            ul class="tree" {
                @for wait in &run.waits {
                    li {
                        span class=(if wait.status == "PENDING" { "st wait" } else { "st ok" }) {
                            (icon(if wait.status == "PENDING" { "waiting" } else { "succeeded" }, "")) (for_what(wait, now))
                        }
                        " " span class="id muted" { "waitpoint_" (wait.waitpoint_id) }
                        @if let Some(other) = &wait.run_id { " " a class="id" href=(run_path(context, other)) { "run_" (other) } }
                        @if let Some(batch) = &wait.batch_id { " " span class="id muted" { "batch_" (batch) } }
                        " " span class="muted" { "since " (time(wait.since, now)) }
                    }
                }
            }
        }
    }
}

fn documents(context: &Context, seen: &Seen, values: &Values) -> Markup {
    let redactor = &context.served.redactor;
    let run = &seen.run;
    let size_of = |text: &Option<String>| {
        text.as_ref()
            .map_or_else(String::new, |text| size(text.len()))
    };
    html! {
        details class="p" id="payload" open {
            summary { h2 { "Payload" } " " span class="muted small" {
                @if let Some(payload) = &seen.payload { (size(usize::try_from(payload.bytes).unwrap_or_default())) }
            } }
            @match &values.payload {
                Some(text) => (value::document(redactor, text)),
                None => div class="b" { span class="redacted" { "payload hidden: the role may not select engine.run.payload" } },
            }
        }
        details class="p" id="metadata" {
            summary { h2 { "Metadata" } " " span class="muted small" { (size_of(&run.metadata)) } }
            @match &values.metadata {
                Some(text) => (value::document(redactor, text)),
                None => div class="empty" { "The run has none." },
            }
        }
        details class="p" id="output" open[run.run_status == "COMPLETED_SUCCESSFULLY"] {
            summary { h2 { "Output" } " " span class="muted small" {
                @if run.output.is_some() { (run.output_type) ", " (size_of(&run.output)) } @else if !run.has_ended() { "none before its end" }
            } }
            @match &values.output {
                Some(text) => (value::document(redactor, text)),
                None => div class="empty" { @if run.has_ended() { "It ended without one." } @else { "The run has not ended." } },
            }
        }
    }
}
