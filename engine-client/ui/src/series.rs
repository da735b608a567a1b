//! Numbers of the last hour, minute by minute.

use crate::moment::Moment;

/// The minutes of a series.
pub(crate) const MINUTES: usize = 60;

/// Values per minute; the last one is the minute of now.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) values: Vec<i64>,
    /// The first minute.
    pub(crate) from: Moment,
}

impl Series {
    /// A series with nothing in it, up to `now`.
    pub(crate) fn empty(now: Moment) -> Self {
        let minutes = i64::try_from(MINUTES).unwrap_or_default();
        Self {
            values: vec![0; MINUTES],
            from: now.minute().plus_minutes(1 - minutes),
        }
    }

    /// Adds to the minute of `at`, if it is one of these.
    pub(crate) fn add(&mut self, at: Moment, number: i64) {
        let place = at.ms_since(self.from).div_euclid(60_000);
        if let Some(value) = usize::try_from(place)
            .ok()
            .and_then(|place| self.values.get_mut(place))
        {
            *value += number;
        }
    }

    pub(crate) fn most(&self) -> i64 {
        self.values.iter().copied().max().unwrap_or_default()
    }

    pub(crate) fn sum(&self) -> i64 {
        self.values.iter().sum()
    }

    pub(crate) fn last(&self) -> i64 {
        self.values.last().copied().unwrap_or_default()
    }

    pub(crate) fn minute(&self, place: usize) -> Moment {
        self.from
            .plus_minutes(i64::try_from(place).unwrap_or_default())
    }

    /// The minutes with a value: their places and it.
    pub(crate) fn bars(&self) -> impl Iterator<Item = (usize, i64)> {
        self.values
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, value)| *value > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_counts_where_it_belongs_and_nothing_before_the_first() {
        let now = Moment::parse("2026-11-29T03:12:40Z").unwrap();
        let mut series = Series::empty(now);
        series.add(now, 2);
        series.add(now.plus_minutes(-59), 1);
        series.add(now.plus_minutes(-60), 5);
        assert_eq!((series.last(), series.values[0], series.sum()), (2, 1, 3));
    }
}
