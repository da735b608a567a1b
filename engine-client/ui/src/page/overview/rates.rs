//! What ended per minute, by outcome: a band for each.

use maud::{Markup, html};

use super::seen::Seen;
use super::verdict;
use crate::number::count;
use crate::part::status::{CANCELLED, FAILED, RETRYING, SUCCEEDED, Shown};
use crate::part::symbol::icon;
use crate::part::{chart, file};
use crate::request::Context;
use crate::series::{MINUTES, Series};
use crate::url::Words;

pub(super) fn panel(context: &Context, seen: &Seen) -> Markup {
    let outcomes = &seen.outcomes;
    let bands: [(Shown, &Series, i64, bool, &str); 4] = [
        (FAILED, &outcomes.failed, 56, false, "failed"),
        (RETRYING, &outcomes.retried, 44, true, "retried"),
        (SUCCEEDED, &outcomes.succeeded, 56, false, "succeeded"),
        (CANCELLED, &outcomes.cancelled, 16, false, "cancelled"),
    ];
    let mark = verdict::since(seen);
    html! {
        section class="p o2" {
            header {
                h2 { "Per minute, by outcome" }
                span class="muted small" {
                    "each band has its own scale"
                    @if let Some(since) = outcomes.since { ", complete since " (since.to_minute()) }
                }
                span class="more" { (file::link(context, "minutes.csv", &environment(context))) }
            }
            div class="b" {
                div class="multi" id="rates" data-live {
                    @for (status, series, height, is_hatched, word) in bands {
                        div { span class={ "st " (status.colour) } { (icon(status.symbol, "")) (word) } }
                        div class="rel" { (chart::band(series, height, status.colour, is_hatched, word, mark)) }
                        div class="num" { b { (count(series.last())) } span class="sub" { "most " (count(series.most())) } }
                    }
                    div {} div { (chart::axis(outcomes.failed.from, MINUTES)) } div {}
                }
            }
        }
    }
}

/// The words that choose the environment.
fn environment(context: &Context) -> Words {
    let words = context.environment().into_iter();
    words.fold(Words::default(), |words, environment| {
        words.with("env", environment)
    })
}
