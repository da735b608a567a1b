//! The life of a run to scale: a table *what, when, took* whose middle column is drawn. Without pictures it still reads.

mod bar;
mod draw;
mod life;
mod row;
mod scale;

use maud::{Markup, html};

pub(super) use self::life::{Attempt, attempts};

use self::row::{Row, rows};
use self::scale::Scale;
use crate::moment::{Moment, span};
use crate::query::run::{Relative, Run};
use crate::request::Context;
use crate::url::Words;

/// From so many rows on, those in the middle are folded.
const MOST_ROWS: usize = 40;

/// The panel of the timeline. `zoom` names an attempt, such as `attempt-2`.
pub(in crate::page) fn panel(
    context: &Context,
    run: &Run,
    family: &[Relative],
    chain: &[Run],
    now: Moment,
) -> Markup {
    let attempts = attempts(run, now);
    let zoomed = zoomed(context, &attempts);
    let scale = scale(run, zoomed, now);
    let rows = rows(context, run, family, chain, now);
    let rows: Vec<&Row> = rows
        .iter()
        .filter(|row| row.bars.iter().any(|bar| scale.is_within(bar)))
        .collect();
    html! {
        section class="p" {
            header {
                h2 { "Timeline" }
                span class="muted small" { "to scale, " (span(scale.to.ms_since(scale.from))) " from " (scale.from.brief(now)) }
                @if attempts.len() > 1 || zoomed.is_some() { (zooms(context, &attempts, zoomed)) }
            }
            div id="timeline" data-live {
                table class="tl" {
                    thead { tr {
                        th class="what" scope="col" { "What" }
                        th class="r0" scope="col" { span class="vh" { "When" } (draw::head(&scale, run, now)) }
                        th class="num took" scope="col" { "Took" }
                    } }
                    tbody { (folded(&rows, &scale, !run.has_ended())) }
                }
            }
            (draw::legend())
        }
    }
}

/// The attempt that the address names.
fn zoomed<'a>(context: &Context, attempts: &'a [Attempt]) -> Option<&'a Attempt> {
    let zoom = context.words.get("zoom")?.strip_prefix("attempt-")?;
    let number = zoom.parse::<i64>().ok()?;
    attempts.iter().find(|attempt| attempt.number == number)
}

fn scale(run: &Run, zoomed: Option<&Attempt>, now: Moment) -> Scale {
    let end = run.completed_at.unwrap_or(now);
    match zoomed {
        Some(attempt) => Scale {
            from: attempt.began,
            to: attempt.ended.unwrap_or(end),
        },
        None => Scale {
            from: run.history.first().map_or(run.created_at, |step| step.at),
            to: end,
        },
    }
}

/// Links to the whole life and to each attempt.
fn zooms(context: &Context, attempts: &[Attempt], zoomed: Option<&Attempt>) -> Markup {
    let number = zoomed.map(|attempt| attempt.number);
    let here = |words: Words| words.at(&context.at(&context.path));
    html! {
        div class="more acts" {
            a class="btn mini" aria-current=[zoomed.is_none().then_some("true")]
                href=(here(context.words.clone().without("zoom"))) { "All" }
            @for attempt in attempts.iter().take(6) {
                a class="btn mini" aria-current=[(number == Some(attempt.number)).then_some("true")]
                    href=(here(context.words.clone().set("zoom", format!("attempt-{}", attempt.number)))) {
                    "Attempt " (attempt.number)
                }
            }
        }
    }
}

/// The rows, without those in the middle if they are many.
fn folded(rows: &[&Row], scale: &Scale, is_alive: bool) -> Markup {
    let folded = rows.len().saturating_sub(MOST_ROWS);
    html! {
        @for (place, row) in rows.iter().enumerate() {
            @if folded > 0 && place == MOST_ROWS / 2 {
                tr { th scope="row" class="cut muted" { (folded) " rows are folded" } td {} td {} }
            }
            @if folded == 0 || place < MOST_ROWS / 2 || place >= MOST_ROWS / 2 + folded {
                (draw::row(row, scale, is_alive))
            }
        }
    }
}
