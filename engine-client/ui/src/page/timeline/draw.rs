//! The drawing: the grid with its times, rows of bars, the legend.

use maud::{Markup, html};

use super::bar::{Bar, Fill};
use super::row::Row;
use super::scale::Scale;
use crate::moment::{Moment, span};
use crate::query::run::Run;

pub(super) fn head(scale: &Scale, run: &Run, now: Moment) -> Markup {
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

pub(super) fn row(row: &Row, scale: &Scale, is_alive: bool) -> Markup {
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

pub(super) fn legend() -> Markup {
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
