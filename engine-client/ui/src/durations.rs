//! How long things took, minute by minute: counts by steps of durations, and the percentiles that they have.

use std::collections::BTreeMap;

use crate::moment::Moment;

/// The minutes that are shown.
pub(crate) const MINUTES: usize = 15;

/// p50, p95, p99.
const SHARES: [f64; 3] = [0.5, 0.95, 0.99];

/// How many took how long: step n has those from 2^(n/3) to 2^((n+1)/3) milliseconds.
pub(crate) type Counts = BTreeMap<u8, i64>;

/// p50, p95 and p99 in milliseconds, to an eighth.
pub(crate) type Percentiles = [f64; 3];

/// Durations of the last minutes.
#[derive(Debug, Clone)]
pub(crate) struct Durations {
    counts: Vec<Counts>,
    /// The first minute.
    pub(crate) from: Moment,
}

impl Durations {
    /// Nothing yet, up to `now`.
    pub(crate) fn empty(now: Moment) -> Self {
        let minutes = i64::try_from(MINUTES).unwrap_or_default();
        Self {
            counts: vec![Counts::new(); MINUTES],
            from: now.minute().plus_minutes(1 - minutes),
        }
    }

    /// Adds to a minute, if it is one of these.
    pub(crate) fn add(&mut self, minute: Moment, counts: Counts) {
        let place = minute.ms_since(self.from).div_euclid(60_000);
        let place = usize::try_from(place).ok();
        if let Some(sum) = place.and_then(|place| self.counts.get_mut(place)) {
            merge(sum, &counts);
        }
    }

    /// Of each minute; nothing, if nothing was measured in it.
    pub(crate) fn by_minute(&self) -> impl Iterator<Item = Option<Percentiles>> {
        self.counts.iter().map(percentiles)
    }

    /// Of all minutes together.
    pub(crate) fn of_all(&self) -> Option<Percentiles> {
        let mut all = Counts::new();
        for counts in &self.counts {
            merge(&mut all, counts);
        }
        percentiles(&all)
    }
}

fn merge(sum: &mut Counts, counts: &Counts) {
    for (step, number) in counts {
        *sum.entry(*step).or_default() += number;
    }
}

/// The middle of the step that has the one at each share.
fn percentiles(counts: &Counts) -> Option<Percentiles> {
    let total: i64 = counts.values().sum();
    let last = *counts.keys().next_back()?;
    Some(SHARES.map(|share| {
        let mut rank = 0;
        let step = counts.iter().find(|(_, number)| {
            rank += **number;
            rank as f64 >= total as f64 * share
        });
        let step = step.map_or(last, |(step, _)| *step);
        ((f64::from(step) + 0.5) / 3.0).exp2()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_a_minute_and_of_all() {
        let now = Moment::parse("2026-11-29T03:12:40Z").unwrap();
        let mut durations = Durations::empty(now);
        assert_eq!(durations.of_all(), None);
        durations.add(now, Counts::from([(0, 98), (30, 2)]));
        durations.add(now.plus_minutes(-1), Counts::from([(30, 100)]));
        durations.add(now.plus_minutes(-15), Counts::from([(60, 1000)]));
        let (short, long) = (1.122_462, 1_149.401);
        let of = |percentiles: Option<Percentiles>| {
            percentiles.map(|ms| ms.map(|ms| (ms * 1000.0).round() / 1000.0))
        };
        let minutes: Vec<_> = durations.by_minute().map(of).collect();
        let rounded = |ms: f64| (ms * 1000.0).round() / 1000.0;
        let (short, long) = (rounded(short), rounded(long));
        assert_eq!(minutes[MINUTES - 1], Some([short, short, long]));
        assert_eq!(minutes[MINUTES - 2], Some([long, long, long]));
        assert_eq!(minutes[0], None);
        assert_eq!(of(durations.of_all()), Some([long, long, long]));
    }
}
