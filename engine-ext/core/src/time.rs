//! Points in time, as Postgres counts them.

use crate::Refusal;

/// Microseconds from the Unix epoch to 2000-01-01 00:00:00 UTC.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// 0001-01-01 00:00:00 UTC, microseconds since 2000.
const FIRST_MICROS: i64 = -63_082_281_600_000_000;

/// 10000-01-01 00:00:00 UTC, microseconds since 2000.
const END_MICROS: i64 = 252_455_616_000_000_000;

/// Microseconds since 2000-01-01 00:00:00 UTC, the representation of `timestamptz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Reads the representation of `timestamptz`.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Converts microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self(micros.saturating_sub(EPOCH_MICROS))
    }

    /// Converts milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_ms(ms: i64) -> Self {
        Self::from_unix_micros(ms.saturating_mul(1000))
    }

    /// Formats the moment as ISO 8601, in UTC.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        match self.to_jiff() {
            Some(moment) => moment.to_string(),
            None => if self.0 > 0 { "infinity" } else { "-infinity" }.to_owned(),
        }
    }

    /// Converts to the time zone library's type; `None` outside the years that it supports.
    pub(crate) fn to_jiff(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_microsecond(self.0.saturating_add(EPOCH_MICROS)).ok()
    }

    /// Reads a moment in ISO 8601 with its offset.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let moment = text.parse::<jiff::Timestamp>().ok()?;
        Some(Self::from_unix_micros(moment.as_microsecond()))
    }

    /// The representation of `timestamptz`.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds from `earlier` to this moment; negative if `earlier` is later.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / 1000
    }

    /// Whether this is a moment, and not `infinity` or `-infinity`.
    #[must_use]
    pub const fn is_finite(self) -> bool {
        self.0 != i64::MAX && self.0 != i64::MIN
    }

    /// Checks a moment that a caller passes.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) outside the years 1 to 9999: what lies beyond has no form that every reader of
    /// JSON and SQL knows, and arithmetic with it ends at infinity.
    pub fn check(self, parameter: &'static str) -> Result<Self, Refusal> {
        if (FIRST_MICROS..END_MICROS).contains(&self.0) {
            return Ok(self);
        }
        let detail = if self.is_finite() {
            "It is outside the years 1 to 9999."
        } else {
            "It is infinite."
        };
        Err(Refusal::invalid(
            parameter,
            detail.to_owned(),
            "Pass a moment in the years 1 to 9999.",
        ))
    }

    /// This moment, rounded down to a whole number of `bucket_ms` milliseconds since the Unix epoch; 0 does not round.
    #[must_use]
    pub const fn floor_ms(self, bucket_ms: i64) -> Self {
        let bucket = bucket_ms.saturating_mul(1000);
        if bucket <= 0 || !self.is_finite() {
            return self;
        }
        let unix = self.0.saturating_add(EPOCH_MICROS);
        Self(self.0.saturating_sub(unix.rem_euclid(bucket)))
    }

    /// This moment plus `ms` milliseconds, limited to the representable range.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms.saturating_mul(1000)))
    }

    /// This moment, limited to the years 1 to 9999.
    #[must_use]
    pub const fn within_years(self) -> Self {
        match self.0 {
            ..FIRST_MICROS => Self(FIRST_MICROS),
            END_MICROS.. => Self(END_MICROS - 1),
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_that_is_given_lies_in_the_years_1_to_9999() {
        for inside in [
            "0001-01-01T00:00:00Z",
            "2026-01-01T00:00:00Z",
            "9999-12-30T21:00:00Z",
        ] {
            let at = Timestamp::parse_rfc3339(inside).unwrap();
            assert_eq!(at.check("at"), Ok(at), "{inside}");
        }
        for outside in [i64::MIN, i64::MAX, FIRST_MICROS - 1, END_MICROS] {
            let refused = Timestamp(outside).check("at").unwrap_err();
            assert_eq!(refused.sqlstate(), "22023", "{outside}");
        }
        let first = Timestamp::parse_rfc3339("0001-01-01T00:00:00Z").unwrap();
        assert_eq!(first.micros(), FIRST_MICROS);
        let last = Timestamp::parse_rfc3339("9999-12-30T00:00:00Z").unwrap();
        assert_eq!(last.micros() + 2 * 86_400_000_000, END_MICROS);
    }

    #[test]
    fn a_bucket_begins_at_a_whole_number_of_its_length() {
        let at = Timestamp::from_unix_ms(1_700_000_001_999);
        assert_eq!(
            at.floor_ms(1000),
            Timestamp::from_unix_ms(1_700_000_001_000)
        );
        assert_eq!(at.floor_ms(0), at);
        let before = Timestamp::from_unix_ms(-1);
        assert_eq!(before.floor_ms(1000), Timestamp::from_unix_ms(-1000));
    }

    #[test]
    fn a_moment_that_is_reckoned_can_be_kept_within_the_years_1_to_9999() {
        for (at, kept) in [
            (i64::MIN, FIRST_MICROS),
            (i64::MAX, END_MICROS - 1),
            (END_MICROS, END_MICROS - 1),
            (5, 5),
        ] {
            let kept = Timestamp::from_micros(kept);
            assert_eq!(Timestamp::from_micros(at).within_years(), kept);
            assert!(kept.check("at").is_ok());
        }
    }

    #[test]
    fn adding_stops_at_the_ends() {
        assert_eq!(
            Timestamp::from_micros(5).plus_ms(i64::MAX).micros(),
            i64::MAX
        );
        assert_eq!(Timestamp::from_micros(5).plus_ms(2).micros(), 2005);
    }
}
