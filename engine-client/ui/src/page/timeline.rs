//! The life of a run to scale: a table *what, when, took* whose middle column is drawn. Without pictures it still reads.

use maud::{Markup, html};

use crate::moment::{Moment, span};
use crate::part::status;
use crate::part::symbol::icon;
use crate::part::text::run_path;
use crate::query::run::{Relative, Run, Snapshot};
use crate::request::Context;

/// From so many rows on, those in the middle are folded.
const MOST_ROWS: usize = 40;

/// Most lines of the grid, and most of them with a time.
const LINES: i64 = 8;

/// Distances of lines, in milliseconds.
const STEPS: [i64; 20] = [
    1,
    5,
    10,
    50,
    100,
    500,
    1000,
    5000,
    10_000,
    30_000,
    60_000,
    300_000,
    900_000,
    3_600_000,
    14_400_000,
    43_200_000,
    86_400_000,
    604_800_000,
    2_592_000_000,
    31_536_000_000,
];

/// How a stretch of time is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fill {
    /// In a queue, or before its time.
    Queue,
    /// Between two attempts.
    Backoff,
    /// It holds a slot.
    Runs,
    /// It waits.
    Waits,
    Failed,
    Done,
}

impl Fill {
    fn colour(self) -> &'static str {
        match self {
            Self::Queue => "idle",
            Self::Backoff => "warn",
            Self::Runs => "run",
            Self::Waits => "wait",
            Self::Failed => "fail",
            Self::Done => "ok",
        }
    }

    fn pattern(self) -> Option<&'static str> {
        match self {
            Self::Queue => Some("fq"),
            Self::Backoff => Some("fh"),
            Self::Waits => Some("fd"),
            Self::Runs | Self::Failed | Self::Done => None,
        }
    }
}

/// A stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bar {
    from: Moment,
    to: Moment,
    fill: Fill,
    title: String,
}

/// A row of the table.
#[derive(Debug, Clone)]
struct Row {
    label: Markup,
    is_nested: bool,
    begins_group: bool,
    bars: Vec<Bar>,
    /// When a checkpoint was taken.
    checkpoints: Vec<Moment>,
}

/// An attempt of a run.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) number: i64,
    pub(super) began: Moment,
    /// Until when; null while it goes on.
    pub(super) ended: Option<Moment>,
    /// How it ended: the transition.
    pub(super) end: Option<String>,
    pub(super) error: Option<serde_json::Value>,
    pub(super) worker: Option<String>,
    bars: Vec<Bar>,
    checkpoints: Vec<Moment>,
}

impl Attempt {
    /// Whether it failed.
    pub(super) fn has_failed(&self) -> bool {
        self.end.as_deref().is_some_and(|end| {
            matches!(
                end,
                "FAILED" | "RETRIED" | "RETRIED_BY_QUEUE" | "ATTEMPT_FAILED" | "STALLED_FOR_GOOD"
            )
        })
    }
}

/// What lies between attempts.
enum Part {
    Between(Bar),
    Attempt(Attempt),
}

/// The parts of a run's life, from its history.
fn parts(run: &Run, now: Moment) -> Vec<Part> {
    let steps: Vec<&Snapshot> = run.history.iter().filter(|step| step.is_valid).collect();
    let mut parts: Vec<Part> = Vec::new();
    let mut is_open = false;
    for (place, step) in steps.iter().enumerate() {
        let to = steps.get(place + 1).map_or(now, |next| next.at);
        let is_last = step.execution_status == "FINISHED";
        let begins = matches!(step.transition.as_str(), "STARTED");
        if is_open && ends_attempt(step) {
            if let Some(Part::Attempt(attempt)) = parts
                .iter_mut()
                .rev()
                .find(|part| matches!(part, Part::Attempt(_)))
            {
                close(attempt, step, run);
            }
            is_open = false;
        }
        if is_last {
            continue;
        }
        if begins {
            is_open = true;
            parts.push(Part::Attempt(Attempt {
                number: step.attempt.unwrap_or(1),
                began: step.at,
                ended: None,
                end: None,
                error: None,
                worker: step.worker.clone().or_else(|| worker_before(&steps, place)),
                bars: vec![bar(step, step.at, to)],
                checkpoints: Vec::new(),
            }));
        } else if is_open {
            if let Some(Part::Attempt(attempt)) = parts
                .iter_mut()
                .rev()
                .find(|part| matches!(part, Part::Attempt(_)))
            {
                attempt.bars.push(bar(step, step.at, to));
                if step.checkpoint_id.is_some() && step.transition == "SUSPENDED" {
                    attempt.checkpoints.push(step.at);
                }
            }
        } else {
            between(&mut parts, step, to);
        }
    }
    parts
}

fn worker_before(steps: &[&Snapshot], place: usize) -> Option<String> {
    steps[..place]
        .iter()
        .rev()
        .find_map(|step| step.worker.clone())
}

fn ends_attempt(step: &Snapshot) -> bool {
    step.execution_status == "FINISHED"
        || matches!(
            step.transition.as_str(),
            "RETRIED"
                | "RETRIED_BY_QUEUE"
                | "ATTEMPT_FAILED"
                | "STALLED_FOR_GOOD"
                | "REQUEUED"
                | "REDRIVEN"
        )
}

fn close(attempt: &mut Attempt, step: &Snapshot, run: &Run) {
    attempt.ended = Some(step.at);
    attempt.end = Some(step.transition.clone());
    let is_final =
        step.execution_status == "FINISHED" && step.run_status != "COMPLETED_SUCCESSFULLY";
    attempt.error = step
        .error
        .clone()
        .or_else(|| run.error.clone().filter(|_| is_final));
    let has_failed = attempt.has_failed();
    let fill = match step.transition.as_str() {
        "SUCCEEDED" => Fill::Done,
        _ if has_failed => Fill::Failed,
        _ => Fill::Runs,
    };
    for bar in attempt.bars.iter_mut().filter(|bar| bar.fill == Fill::Runs) {
        bar.fill = fill;
    }
}

/// What it does from a step on, within an attempt.
fn bar(step: &Snapshot, from: Moment, to: Moment) -> Bar {
    let (fill, title) = match step.execution_status.as_str() {
        "EXECUTING_WITH_WAITPOINTS" => (Fill::Waits, "waits, holds a slot"),
        "SUSPENDED" => (Fill::Waits, "suspended, holds no slot"),
        "QUEUED" | "QUEUED_EXECUTING" => (Fill::Queue, "in its queue, to go on"),
        "PENDING_CANCEL" => (Fill::Backoff, "asked to stop"),
        _ => (Fill::Runs, "runs, holds a slot"),
    };
    Bar {
        from,
        to,
        fill,
        title: title.to_owned(),
    }
}

/// What it does from a step on, between attempts.
fn between(parts: &mut Vec<Part>, step: &Snapshot, to: Moment) {
    let retry_at = step
        .retry_at
        .as_ref()
        .and_then(|at| at.as_str())
        .and_then(Moment::parse);
    let mut add = |from: Moment, to: Moment, fill, title: &str| {
        if to > from || parts.is_empty() {
            parts.push(Part::Between(Bar {
                from,
                to,
                fill,
                title: title.to_owned(),
            }));
        }
    };
    match step.execution_status.as_str() {
        "DELAYED" => add(step.at, to, Fill::Queue, "delayed"),
        "RUN_CREATED" => add(step.at, to, Fill::Queue, "no version"),
        "PENDING_EXECUTING" if step.transition == "RETRIED" => {
            add(step.at, to, Fill::Backoff, "backoff")
        }
        "PENDING_EXECUTING" => add(step.at, to, Fill::Runs, "starting"),
        _ => {
            let due = retry_at.map_or(step.at, |at| at.clamp(step.at, to));
            if retry_at.is_some() {
                add(step.at, due, Fill::Backoff, "backoff");
            }
            add(due, to, Fill::Queue, "in its queue");
        }
    }
}

/// The attempts of a run, in order.
pub(super) fn attempts(run: &Run, now: Moment) -> Vec<Attempt> {
    let parts = parts(run, now).into_iter();
    parts
        .filter_map(|part| match part {
            Part::Attempt(attempt) => Some(attempt),
            Part::Between(_) => None,
        })
        .collect()
}

fn rows(context: &Context, run: &Run, family: &[Relative], chain: &[Run], now: Moment) -> Vec<Row> {
    let mut rows = Vec::new();
    for part in parts(run, now) {
        match part {
            Part::Between(bar) => rows.push(Row {
                label: between_label(&bar),
                is_nested: false,
                begins_group: matches!(bar.fill, Fill::Backoff),
                bars: vec![bar],
                checkpoints: Vec::new(),
            }),
            Part::Attempt(attempt) => add_attempt(&mut rows, attempt),
        }
    }
    for wait in run.waits.iter().filter(|wait| wait.status == "PENDING") {
        let child = wait
            .run_id
            .as_ref()
            .and_then(|id| family.iter().find(|other| other.run_id == *id));
        let what = match (child, wait.kind.as_str()) {
            (Some(child), _) => child.task.clone(),
            (None, "RUN") => "a run".to_owned(),
            (None, "DATETIME") => "a time".to_owned(),
            (None, "BATCH") => "a batch".to_owned(),
            (None, _) => "a caller".to_owned(),
        };
        rows.push(Row {
            label: html! { b { "wait for " (what) } },
            is_nested: true,
            begins_group: false,
            bars: vec![Bar {
                from: wait.since,
                to: now,
                fill: Fill::Waits,
                title: "waits".to_owned(),
            }],
            checkpoints: Vec::new(),
        });
        if let Some(child) = child {
            let life = chain.iter().find(|other| other.run_id == child.run_id);
            rows.push(child_row(context, child, life, now));
        }
    }
    rows
}

fn between_label(bar: &Bar) -> Markup {
    let (symbol, colour) = match (bar.fill, bar.title.as_str()) {
        (Fill::Backoff, _) => ("retrying", "warn"),
        (Fill::Runs, _) => ("running", "run"),
        (_, "delayed") => ("delayed", "idle"),
        (_, "no version") => ("parked", "warn"),
        _ => ("queued", "idle"),
    };
    html! { span class={ "st " (colour) } { (icon(symbol, "")) (bar.title) } }
}

fn add_attempt(rows: &mut Vec<Row>, attempt: Attempt) {
    let (symbol, colour) = match attempt.end.as_deref() {
        None if attempt
            .bars
            .last()
            .is_some_and(|bar| bar.fill == Fill::Waits) =>
        {
            ("waiting", "wait")
        }
        None => ("running", "run"),
        Some("SUCCEEDED") => ("succeeded", "ok"),
        Some(_) if attempt.has_failed() => ("failed", "fail"),
        Some(_) => ("cancelled", "idle"),
    };
    let waits: Vec<Bar> = attempt
        .bars
        .iter()
        .filter(|bar| bar.fill == Fill::Waits)
        .cloned()
        .collect();
    rows.push(Row {
        label: html! {
            a href={ "#a" (attempt.number) } { b { "Attempt " (attempt.number) } } " " span class=(colour) { (icon(symbol, "")) }
        },
        is_nested: false,
        begins_group: true,
        bars: attempt.bars,
        checkpoints: attempt.checkpoints,
    });
    let past = waits.into_iter().filter(|_| attempt.ended.is_some());
    rows.extend(past.map(|bar| Row {
        label: html! { "waited" },
        is_nested: true,
        begins_group: false,
        bars: vec![bar],
        checkpoints: Vec::new(),
    }));
}

/// A run that it waits for: its whole life, if that was read.
fn child_row(context: &Context, child: &Relative, life: Option<&Run>, now: Moment) -> Row {
    let bars = life.map(|life| {
        let bars = parts(life, now).into_iter().flat_map(|part| match part {
            Part::Between(bar) => vec![bar],
            Part::Attempt(attempt) => attempt.bars,
        });
        bars.collect()
    });
    Row {
        label: html! { "↳ " a href=(run_path(context, &child.run_id)) { (child.task) } },
        is_nested: false,
        begins_group: true,
        bars: bars.unwrap_or_else(|| vec![whole(child, now)]),
        checkpoints: Vec::new(),
    }
}

/// A run as one bar.
fn whole(child: &Relative, now: Moment) -> Bar {
    let shown = status::of(&child.run_status, &child.execution_status);
    let fill = match shown.colour {
        "fail" => Fill::Failed,
        "ok" => Fill::Done,
        "wait" => Fill::Waits,
        "run" => Fill::Runs,
        "warn" => Fill::Backoff,
        _ => Fill::Queue,
    };
    Bar {
        from: child.created_at,
        to: child.completed_at.unwrap_or(now),
        fill,
        title: shown.word.to_owned(),
    }
}

/// The scale of all rows.
struct Scale {
    from: Moment,
    to: Moment,
}

impl Scale {
    /// A place in percent; what lies outside is at the edge.
    fn x(&self, at: Moment) -> f64 {
        let length = (self.to.0 - self.from.0).max(1) as f64;
        ((at.0 - self.from.0) as f64 / length * 100.0).clamp(0.0, 100.0)
    }

    fn is_within(&self, bar: &Bar) -> bool {
        bar.to >= self.from && bar.from <= self.to
    }

    /// The times of the grid.
    fn lines(&self) -> (i64, Vec<Moment>) {
        let length = self.to.ms_since(self.from).max(1);
        let step = STEPS
            .into_iter()
            .find(|step| length / step <= LINES)
            .unwrap_or(length);
        let step_us = step * 1000;
        let first = (self.from.0.div_euclid(step_us) + 1) * step_us;
        let lines = (0..=LINES)
            .map(|line| Moment(first + line * step_us))
            .filter(|at| *at < self.to);
        (step, lines.collect())
    }
}

/// The panel of the timeline. `zoom` names an attempt, such as `attempt-2`.
pub(super) fn panel(
    context: &Context,
    run: &Run,
    family: &[Relative],
    chain: &[Run],
    now: Moment,
) -> Markup {
    let end = run.completed_at.unwrap_or(now);
    let attempts = attempts(run, now);
    let zoom = context
        .words
        .get("zoom")
        .and_then(|zoom| zoom.strip_prefix("attempt-")?.parse::<i64>().ok());
    let zoomed = zoom.and_then(|number| attempts.iter().find(|attempt| attempt.number == number));
    let scale = match zoomed {
        Some(attempt) => Scale {
            from: attempt.began,
            to: attempt.ended.unwrap_or(end),
        },
        None => Scale {
            from: run.history.first().map_or(run.created_at, |step| step.at),
            to: end,
        },
    };
    let rows = rows(context, run, family, chain, now);
    let rows: Vec<&Row> = rows
        .iter()
        .filter(|row| row.bars.iter().any(|bar| scale.is_within(bar)))
        .collect();
    let folded = rows.len().saturating_sub(MOST_ROWS);
    let here = |words: crate::url::Words| words.at(&context.at(&context.path));
    html! {
        section class="p" {
            header {
                h2 { "Timeline" }
                span class="muted small" { "to scale, " (span(scale.to.ms_since(scale.from))) " from " (scale.from.brief(now)) }
                @if attempts.len() > 1 || zoomed.is_some() {
                    div class="more acts" {
                        a class="btn mini" aria-current=[zoomed.is_none().then_some("true")]
                            href=(here(context.words.clone().without("zoom"))) { "All" }
                        @for attempt in attempts.iter().take(6) {
                            a class="btn mini" aria-current=[(zoom == Some(attempt.number)).then_some("true")]
                                href=(here(context.words.clone().set("zoom", format!("attempt-{}", attempt.number)))) {
                                "Attempt " (attempt.number)
                            }
                        }
                    }
                }
            }
            div id="timeline" data-live {
                table class="tl" {
                    thead { tr {
                        th class="what" scope="col" { "What" }
                        th class="r0" scope="col" { span class="vh" { "When" } (head(&scale, run, now)) }
                        th class="num took" scope="col" { "Took" }
                    } }
                    tbody {
                        @for (place, row) in rows.iter().enumerate() {
                            @if folded > 0 && place == MOST_ROWS / 2 {
                                tr { th scope="row" class="cut muted" { (folded) " rows are folded" } td {} td {} }
                            }
                            @if folded == 0 || place < MOST_ROWS / 2 || place >= MOST_ROWS / 2 + folded {
                                (drawn(row, &scale, !run.has_ended()))
                            }
                        }
                    }
                }
            }
            (legend())
        }
    }
}

fn head(scale: &Scale, run: &Run, now: Moment) -> Markup {
    let (step, lines) = scale.lines();
    let every = lines.len().div_ceil(4).max(1);
    let label = |at: Moment| match step {
        60_000.. => at.to_minute(),
        1000.. => at.brief(now),
        _ => at.exact(now),
    };
    html! {
        svg class="c" height="16" aria-hidden="true" {
            @for (place, at) in lines.iter().step_by(every).filter(|at| (4.0..88.0).contains(&scale.x(**at))).enumerate() {
                // Where it is narrow, the first one has room, and the end.
                text class=[(place > 0).then_some("w1")] x=(format!("{:.2}%", scale.x(*at))) y="12" text-anchor="middle" { (label(*at)) }
            }
            @if !run.has_ended() { text x="100%" y="12" text-anchor="end" { "now" } }
        }
    }
}

fn drawn(row: &Row, scale: &Scale, is_alive: bool) -> Markup {
    let took: i64 = row.bars.iter().map(|bar| bar.to.ms_since(bar.from)).sum();
    let (y, height) = if row.is_nested { (9, 8) } else { (6, 14) };
    html! {
        tr class=[row.begins_group.then_some("grp")] {
            th scope="row" class=(if row.is_nested { "lvl cut" } else { "cut" }) { (row.label) }
            td class="r0" {
                svg class="g" aria-hidden="true" {
                    @for at in scale.lines().1 {
                        line class="grid" x1=(format!("{:.2}%", scale.x(at))) x2=(format!("{:.2}%", scale.x(at))) y1="0" y2="26" {}
                    }
                    @for bar in row.bars.iter().filter(|bar| scale.is_within(bar)) { (drawn_bar(bar, scale, y, height)) }
                    @for at in &row.checkpoints {
                        svg class="wait" x=(format!("{:.2}%", scale.x(*at))) y="13" width="1" height="1" { path class="dia" d="M0 -6L6 0L0 6L-6 0z" {} }
                    }
                    @if is_alive { line class="now" x1="100%" x2="100%" y1="0" y2="26" {} }
                }
                span class="vh" { @for bar in &row.bars { (bar.title) " for " (span(bar.to.ms_since(bar.from))) ". " } }
            }
            td class="num" { (span(took)) }
        }
    }
}

/// A bar is two pixels wide at least: what was short is seen too.
fn drawn_bar(bar: &Bar, scale: &Scale, y: i64, height: i64) -> Markup {
    let (from, to) = (scale.x(bar.from), scale.x(bar.to));
    let x = format!("{from:.2}%");
    let width = format!("{:.2}%", (to - from).max(0.2));
    html! {
        g class=(bar.fill.colour()) {
            rect class=[bar.fill.pattern()] x=(x) y=(y) width=(width) height=(height) { title { (bar.title) } }
            @if bar.fill.pattern().is_some() { rect class="so" x=(x) y=(y) width=(width) height=(height) {} }
            @if bar.fill == Fill::Failed && to - from > 2.0 {
                svg x=(format!("{to:.2}%")) y=(y) width="1" height=(height) { path class="x" d="M-11 3l8 8m0 -8l-8 8" {} }
            }
        }
    }
}

fn legend() -> Markup {
    let entries = [
        ("idle", "fq so", "in a queue"),
        ("run", "", "runs, holds a slot"),
        ("ok", "", "succeeded"),
        ("fail", "", "failed"),
        ("warn", "fh so", "backoff"),
        ("wait", "fd so", "waits"),
    ];
    html! {
        div class="legend b key" {
            @for (colour, pattern, label) in entries {
                span class=(colour) {
                    svg width="22" height="10" aria-hidden="true" { rect class=(pattern) width="22" height="10" fill="currentColor" {} }
                    (label)
                }
            }
            span class="wait" {
                svg width="12" height="12" aria-hidden="true" { path class="dia" d="M6 0L12 6L6 12L0 6z" {} }
                "checkpoint, suspended from here"
            }
        }
    }
}
