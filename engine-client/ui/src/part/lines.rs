//! Percentiles as lines on a logarithmic scale: p50 solid, p95 dashed, p99 dotted. The lines are in a picture of their own, which is
//! stretched to the width; texts and strokes are not.

use maud::{Markup, html};

use super::chart;
use crate::durations::{Durations, MINUTES, Percentiles};
use crate::moment::{Moment, span};

const HEIGHT: f64 = 88.0;

/// What is free above the highest line and below the lowest.
const MARGIN: f64 = 8.0;

/// The names of the percentiles, also as classes.
const NAMES: [&str; 3] = ["p50", "p95", "p99"];

/// Milliseconds that a scale may name, a power of ten or a unit of time.
const TICKS: [i64; 11] = [
    1,
    10,
    100,
    1_000,
    10_000,
    60_000,
    600_000,
    3_600_000,
    36_000_000,
    86_400_000,
    864_000_000,
];

/// A logarithmic scale from one tick to another.
struct Scale {
    low: i64,
    high: i64,
}

impl Scale {
    /// The narrowest one that has all of these durations between its ends.
    fn of(all: impl Iterator<Item = Percentiles>) -> Self {
        let (mut least, mut most) = (f64::MAX, 0.0_f64);
        for [p50, _, p99] in all {
            least = least.min(p50);
            most = most.max(p99);
        }
        let below = |tick: &&i64| **tick as f64 <= least;
        let above = |tick: &&i64| **tick as f64 >= most && **tick > 1;
        Self {
            low: TICKS.iter().rev().find(below).copied().unwrap_or(1),
            high: TICKS.iter().find(above).copied().unwrap_or(TICKS[10]),
        }
    }

    fn y(&self, ms: f64) -> f64 {
        let (low, high) = ((self.low as f64).ln(), (self.high as f64).ln());
        let share = (ms.max(1.0).ln() - low) / (high - low);
        HEIGHT - MARGIN - share.clamp(0.0, 1.0) * (HEIGHT - 2.0 * MARGIN)
    }

    fn ticks(&self) -> impl Iterator<Item = i64> {
        let between = |tick: &i64| (self.low..=self.high).contains(tick);
        TICKS.into_iter().filter(between)
    }
}

/// The percentiles of each minute as lines, those of all beside them; a dotted vertical is where `mark` is.
pub(crate) fn percentiles(
    name: &str,
    durations: &Durations,
    all: Percentiles,
    mark: Option<Moment>,
) -> Markup {
    let scale = Scale::of(durations.by_minute().flatten());
    let shown = all.map(|ms| span(ms.round() as i64));
    let label = format!(
        "{name} of the last {MINUTES} minutes, logarithmic: p50 {}, p95 {}, p99 {}",
        shown[0], shown[1], shown[2]
    );
    html! {
        div class="axes" {
            (ticks(&scale))
            div {
                svg class="c" height=(HEIGHT) role="img" aria-label=(label) {
                    @for tick in scale.ticks() {
                        @let y = format!("{:.1}", scale.y(tick as f64));
                        line class="base" x1="0" x2="100%" y1=(y) y2=(y) {}
                    }
                    svg x="0" y="0" width="100%" height=(HEIGHT) viewBox={ "0 0 " (MINUTES - 1) " " (HEIGHT) } preserveAspectRatio="none" {
                        @for (place, name) in NAMES.into_iter().enumerate() {
                            @for points in points(durations, &scale, place) { polyline class={ "l " (name) } points=(points) {} }
                        }
                    }
                    @if let Some(x) = mark.and_then(|at| chart::place(durations.from, MINUTES - 1, at)) { (chart::mark(&x, HEIGHT)) }
                }
                (chart::axis(durations.from, MINUTES - 1))
            }
            div class="ends" {
                @for place in [2, 1, 0] {
                    div class="nw" {
                        svg class="inl" width="20" height="4" aria-hidden="true" { line class={ "l " (NAMES[place]) } x1="0" x2="20" y1="2" y2="2" {} }
                        " " span class="muted" { (NAMES[place]) } br; b { (shown[place]) }
                    }
                }
            }
        }
    }
}

fn ticks(scale: &Scale) -> Markup {
    html! {
        svg class="c" height=(HEIGHT) aria-hidden="true" {
            @for tick in scale.ticks() {
                text x="100%" y=(format!("{:.1}", scale.y(tick as f64) + 4.0)) text-anchor="end" { (span(tick)) }
            }
        }
    }
}

/// The lines of a percentile: minutes in which nothing was measured part them.
fn points(durations: &Durations, scale: &Scale, percentile: usize) -> Vec<String> {
    let mut lines: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for (minute, percentiles) in durations.by_minute().enumerate() {
        match (percentiles, lines.last_mut()) {
            (Some(percentiles), Some(line)) => {
                line.push((minute as f64, scale.y(percentiles[percentile])));
            }
            (None, Some(line)) if line.is_empty() => {}
            (_, _) => lines.push(Vec::new()),
        }
    }
    let drawn = lines.into_iter().filter(|line| !line.is_empty());
    drawn.map(|line| text(&line)).collect()
}

/// A line of one point is as wide as a stroke needs to be seen.
fn text(line: &[(f64, f64)]) -> String {
    let points = match line {
        [(x, y)] => vec![(x - 0.2, *y), (x + 0.2, *y)],
        line => line.to_vec(),
    };
    let points = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}"));
    points.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durations::Counts;

    #[test]
    fn a_minute_without_durations_parts_a_line() {
        let now = Moment::parse("2026-11-29T03:12:40Z").unwrap();
        let mut durations = Durations::empty(now);
        for back in [0, 1, 3] {
            durations.add(now.plus_minutes(-back), Counts::from([(0, 1)]));
        }
        let scale = Scale::of(durations.by_minute().flatten());
        assert_eq!((scale.low, scale.high), (1, 10));
        let lines = points(&durations, &scale, 0);
        assert_eq!(lines, ["10.8,76.4 11.2,76.4", "13.0,76.4 14.0,76.4"]);
    }
}
