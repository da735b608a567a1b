//! Charts, drawn as SVG: x in percent, y in pixels, so that nothing is stretched. Fill tells what colour tells.

use maud::{Markup, html};

use crate::moment::Moment;
use crate::number::count;
use crate::series::{MINUTES, Series};

/// The place of a bar, in percent.
fn x(place: usize) -> String {
    format!("{:.2}%", place as f64 * 100.0 / MINUTES as f64)
}

/// The height of a value: a bar is seen, however low it is.
fn rise(value: i64, most: i64, height: i64) -> f64 {
    (value as f64 / most.max(1) as f64 * height as f64).max(1.5)
}

/// Bars per minute, in a band of its own scale; a dotted vertical is where `at` is.
pub(crate) fn band(
    series: &Series,
    height: i64,
    colour: &str,
    is_hatched: bool,
    what: &str,
    at: Option<Moment>,
) -> Markup {
    let most = series.most();
    let label = format!(
        "{what} per minute over the last {MINUTES} minutes: now {}, most {}",
        count(series.last()),
        count(most)
    );
    html! {
        svg class={ "c " (colour) } height=(height) role="img" aria-label=(label) {
            line class="base" x1="0" x2="100%" y1=(height as f64 + 0.5) y2=(height as f64 + 0.5) {}
            @for (place, value) in series.bars() {
                @let rise = rise(value, most, height);
                rect class=[is_hatched.then_some("fh")] x=(x(place)) y=(format!("{:.1}", height as f64 - rise)) width="1.33%"
                    height=(format!("{rise:.1}")) {
                    title { (series.minute(place).to_minute()) ", " (count(value)) }
                }
            }
            @if let Some(x) = at.and_then(|at| place(series.from, MINUTES, at)) { (mark(&x, height as f64)) }
        }
    }
}

/// The same with bars that are links: each narrows a filter to its minute.
pub(crate) fn linked(
    series: &Series,
    height: i64,
    label: &str,
    link: impl Fn(Moment) -> String,
) -> Markup {
    let most = series.most();
    html! {
        svg class="c fail" height=(height) role="group" aria-label=(label) {
            line class="base" x1="0" x2="100%" y1=(height as f64 + 0.5) y2=(height as f64 + 0.5) {}
            @for (place, value) in series.bars() {
                @let rise = rise(value, most, height);
                @let minute = series.minute(place);
                a href=(link(minute)) aria-label={ (minute.to_minute()) ", " (count(value)) " runs" } {
                    rect class="hit" x=(x(place)) y="0" width="1.67%" height=(height) {}
                    rect x=(x(place)) y=(format!("{:.1}", height as f64 - rise)) width="1.33%" height=(format!("{rise:.1}")) {
                        title { (minute.to_minute()) ", " (count(value)) }
                    }
                }
            }
        }
    }
}

/// Where the minute of a moment is in a chart of so many minutes, in percent, if it is there.
pub(crate) fn place(from: Moment, minutes: usize, at: Moment) -> Option<String> {
    let share = at.minute().ms_since(from) as f64 / (minutes as f64 * 60_000.0);
    (0.0..=1.0)
        .contains(&share)
        .then(|| format!("{:.2}%", share * 100.0))
}

/// A dotted vertical there.
pub(crate) fn mark(x: &str, height: f64) -> Markup {
    html! { line class="mark" x1=(x) x2=(x) y1="0" y2=(height) {} }
}

/// The times below a chart of so many minutes.
pub(crate) fn axis(from: Moment, minutes: usize) -> Markup {
    let half = from.plus_minutes(i64::try_from(minutes / 2).unwrap_or_default());
    html! {
        svg class="c" height="16" aria-hidden="true" {
            text x="0%" y="12" text-anchor="start" { (from.to_minute()) }
            text x="50%" y="12" text-anchor="middle" { (half.to_minute()) }
            text x="100%" y="12" text-anchor="end" { "now" }
        }
    }
}

/// Bars beside a row of a table.
pub(crate) fn spark(series: &Series, colour: &str, label: &str) -> Markup {
    let (width, height, most) = (120.0, 22, series.most());
    html! {
        svg class={ "spark " (colour) } width="120" height="22" role="img" aria-label=(label) {
            line class="base" x1="0" x2="120" y1="22" y2="22" {}
            @for (place, value) in series.bars() {
                @let rise = rise(value, most, height);
                rect x=(format!("{:.1}", place as f64 * width / MINUTES as f64)) y=(format!("{:.1}", height as f64 - rise))
                    width="1.5" height=(format!("{rise:.1}")) {}
            }
        }
    }
}
