//! Workers: the processes that hold runs or are ready to, their versions, and the tick.

use maud::{Markup, html};

use crate::fault::Fault;
use crate::moment::{Moment, span};
use crate::number::{count, plural};
use crate::part::status::{self, RUNNING};
use crate::part::symbol::icon;
use crate::part::text::{none, time};
use crate::part::verdict::{Verdict, Weight};
use crate::part::{Frame, Page, file, form, table};
use crate::query::session::Facts;
use crate::query::tick::{self, Overdue, Tick};
use crate::query::worker::{self, Version, Worker};
use crate::request::Context;

pub(super) async fn page(context: &Context) -> Result<Page, Fault> {
    let environment = context.environment();
    let (facts, workers, versions, tick, overdue) = context
        .read(async |reader| {
            let facts = Facts::read(reader).await?;
            let workers = worker::workers(reader, environment).await?;
            let versions = worker::versions(reader, environment).await?;
            let tick = Tick::read(reader).await?;
            Ok((facts, workers, versions, tick, tick::overdue(reader).await?))
        })
        .await?;
    let runs: i64 = workers.iter().map(|worker| worker.runs).sum();
    let capacity: i64 = workers.iter().filter_map(|worker| worker.capacity).sum();
    let number = i64::try_from(workers.len()).unwrap_or_default();
    let content = html! {
        div class="head" {
            h1 { "Workers" }
            span class="muted" {
                (plural(number, "process holds", "processes hold")) " " (plural(runs, "run", "runs"))
                @if capacity > 0 { ", of at most " (count(capacity)) }
            }
            div class="acts" { (file::link(context, "workers.csv", &context.words)) }
        }
        @if let Some(late) = workers.iter().find(|worker| worker.late > 0) { (late_one(late).section("A worker that is late", false)) }
        (processes(&workers))
        div class="cols" { (version_list(context, &facts, &versions)) (ticking(&tick, &overdue, facts.now)) }
    };
    Ok(Page::new(
        context,
        &Frame {
            title: "Workers",
            section: "/workers",
            facts: &facts,
            content,
        },
    ))
}

/// A worker that is ready tells of itself every ten seconds; one that has told nothing for so long is silent.
const SILENT_MS: i64 = 35_000;

fn name(worker: &Worker) -> &str {
    worker
        .worker
        .as_deref()
        .unwrap_or("a worker without a name")
}

fn late_one(worker: &Worker) -> Verdict {
    Verdict {
        weight: Weight::Note,
        symbol: "crashed",
        colour: "warn",
        sentence: format!(
            "{} has not beaten for {}",
            name(worker),
            span(worker.beat_ms)
        ),
        error: None,
        facts: html! {
            "It holds " (plural(worker.runs, "run", "runs")) ". "
            @if worker.left_ms > 0 { "In " (span(worker.left_ms)) " the tick gives them to others" } @else { "The tick gives them to others now" }
            "; what it still does by then is refused (RE002)."
        },
        links: Vec::new(),
    }
}

fn processes(workers: &[Worker]) -> Markup {
    html! {
        section class="p" {
            header { h2 { "Processes" } span class="muted small" { "seen by their beats in the last 10 min" } }
            div id="processes" data-live {
                @if workers.is_empty() { div class="empty" { b { "No worker is there" } "A worker is listed here while it beats. Those of other languages call engine_report_worker, or hold a run." } } @else {
                    table class="cards" role="table" {
                        (table::head(&[
                            ("Worker", ""), ("State", ""), ("Last beat", "num"), ("Worker queue", "w2"),
                            ("Version", "w1"), ("Runs held", "num"), ("Longest run", "num w1"),
                        ], false))
                        tbody role="rowgroup" { @for worker in workers { (process(worker)) } }
                    }
                }
            }
        }
    }
}

/// `16 / 32`, or as much of it as it has told.
fn held(worker: &Worker) -> String {
    match worker.capacity {
        Some(capacity) => format!("{} / {}", count(worker.runs), count(capacity)),
        None => count(worker.runs),
    }
}

fn process(worker: &Worker) -> Markup {
    let is_late = worker.late > 0;
    html! {
        tr role="row" data-row {
            th scope="row" role="rowheader" class="nw" {
                b { (name(worker)) }
                @if let Some(group) = &worker.group { span class="sub" { (group) } }
            }
            td role="cell" class="nw push" {
                @if is_late { span class="st fail" { (icon("crashed", "")) "late" } }
                @else if worker.beat_ms > SILENT_MS { span class="st warn" { (icon("crashed", "")) "silent" } }
                @else if worker.runs == 0 { span class="st idle" { (icon("queued", "")) "ready" } }
                @else { span class={ "st " (RUNNING.colour) } { (icon(RUNNING.symbol, "")) "beats" } }
            }
            td role="cell" class={ "num nw " (if is_late { "fail" } else { "" }) } { (span(worker.beat_ms)) " ago" }
            td role="cell" class="w2" { (worker.worker_queues.join(", ")) }
            td role="cell" class="w1 nw" { @match &worker.versions { Some(versions) => (versions.join(", ")), None => (none()) } }
            td role="cell" class="num nw" { (held(worker)) span class="only-small muted" { " runs" } }
            td role="cell" class="num w1 nw" { @match worker.longest_ms { Some(ms) => (span(ms)), None => (none()) } }
        }
    }
}

fn version_list(context: &Context, facts: &Facts, versions: &[Version]) -> Markup {
    html! {
        section class="p" {
            header { h2 { "Versions" } }
            @if versions.is_empty() {
                div class="empty" { b { "No version is registered" } "Runs are executed by whichever worker takes them." }
            } @else {
                table class="cards" role="table" {
                    (table::head(&[
                        ("Version", ""), ("Environment", "w2"), ("Tasks", "num w1"),
                        ("Waiting for it", "num"), ("Failed of late", "num w1"), ("Registered", "w1"),
                    ], facts.may_operate()))
                    tbody role="rowgroup" { @for version in versions { (version_row(context, facts, version)) } }
                }
            }
        }
    }
}

fn version_row(context: &Context, facts: &Facts, version: &Version) -> Markup {
    html! {
        tr role="row" data-row {
            th scope="row" role="rowheader" class="nw" {
                (version.version)
                @if version.is_current { " " span class="tag" { "current" } }
                @if !version.is_registered { " " span class="tag warn" { "unregistered" } }
            }
            td role="cell" class="w2 muted" { (version.environment_id) }
            td role="cell" class="num w1" { @match version.tasks { Some(tasks) => (count(tasks)), None => (none()) } }
            td role="cell" class="num" { (count(version.waiting)) span class="only-small muted" { " waiting" } }
            td role="cell" class="num nw w1" title="Of runs that are bound to it, among the newest 1,000 events" { (failed_share(version)) }
            td role="cell" class="nw w1" { @match version.registered_at { Some(at) => (time(at, facts.now)), None => (none()) } }
            @if facts.may_operate() {
                td role="cell" class="num" {
                    @if version.is_registered && !version.is_current {
                        (form::button(context, "/act/version/promote",
                            &[("of", &version.environment_id), ("version", &version.version)], "mini", "Make current", &version.version))
                    }
                }
            }
        }
    }
}

/// `4.2 % of 310`: how many of its runs that ended of late have failed.
fn failed_share(version: &Version) -> Markup {
    if version.ended == 0 {
        return none();
    }
    let share = version.failed as f64 * 100.0 / version.ended as f64;
    html! {
        span class=[(version.failed > 0).then_some("fail")] { (format!("{share:.1} %")) }
        span class="muted" { " of " (count(version.ended)) }
    }
}

fn ticking(tick: &Tick, overdue: &[Overdue], now: Moment) -> Markup {
    html! {
        section class="p" {
            header { h2 { "Tick" } }
            div class="b" id="tick" data-live {
                dl class="facts" {
                    dt { "Led by" } dd { (tick.led_by()) }
                    dt { "Last history" } dd { @match tick.gathered_at { Some(at) => (time(at, now)), None => (none()) } }
                    dt { "Overdue" }
                    dd {
                        @if overdue.is_empty() { span class=(status::SUCCEEDED.colour) { (icon("succeeded", "")) } " nothing" }
                        @for (place, work) in overdue.iter().enumerate() {
                            @if place > 0 { br; }
                            span class="warn" { (icon("crashed", "")) } " " (count(work.count)) " of kind " (work.kind) ", the oldest for " (span(work.oldest_ms))
                        }
                    }
                }
            }
        }
    }
}
