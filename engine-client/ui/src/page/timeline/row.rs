//! The rows of the table: the parts of a run's life, and those of the runs that it waits for.

use maud::{Markup, html};

use super::bar::{Bar, Fill};
use super::life::{Attempt, Part, parts};
use crate::moment::Moment;
use crate::part::status;
use crate::part::symbol::icon;
use crate::part::text::run_path;
use crate::query::run::{Relative, Run};
use crate::request::Context;

/// A row of the table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) label: Markup,
    pub(super) is_nested: bool,
    pub(super) begins_group: bool,
    pub(super) bars: Vec<Bar>,
    /// When a checkpoint was taken.
    pub(super) checkpoints: Vec<Moment>,
}

pub(super) fn rows(
    context: &Context,
    run: &Run,
    family: &[Relative],
    chain: &[Run],
    now: Moment,
) -> Vec<Row> {
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
