//! Cron expressions in time zones.

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::wall::{self, SECOND};
use crate::{Refusal, Timestamp};

/// Longest text of an expression, characters.
const MAX_LENGTH: usize = 256;

/// A cron expression in a time zone.
///
/// An expression that names every hour follows elapsed hours: a wall clock time that occurs twice is two ticks, and one that
/// is skipped is none. Any other expression names times of day: each occurs once, at its first appearance, and one that
/// clocks skip occurs at the moment they jump over it.
#[derive(Debug, Clone)]
pub struct Cron {
    /// Searched in wall clock time only, which has no jumps.
    pattern: croner::Cron,
    names_every_hour: bool,
    zone: TimeZone,
}

impl Cron {
    /// Reads an expression of five fields, or six if it begins with seconds, and the IANA name of a time zone.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for any other expression or name, and for an expression that never occurs.
    pub fn read(cron: &str, timezone: &str) -> Result<Self, Refusal> {
        let parser = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .build();
        let pattern = if cron.len() <= MAX_LENGTH {
            parser.parse(cron).map_err(|error| error.to_string())
        } else {
            Err("It is too long".to_owned())
        };
        let pattern =
            pattern.map_err(|reason| refused(format!("It is not a cron expression: {reason}")))?;
        let zone = TimeZone::get(timezone).map_err(|_| {
            Refusal::invalid(
                "timezone",
                format!("\"{timezone}\" is not a time zone."),
                "Pass an IANA name such as \"Europe/Berlin\", or \"UTC\".",
            )
        })?;
        let names_every_hour =
            (0..24).all(|hour| matches!(pattern.pattern.hour_match(hour), Ok(true)));
        let read = Self {
            pattern,
            names_every_hour,
            zone,
        };
        match read.after(Timestamp::from_unix_ms(0)) {
            Some(_) => Ok(read),
            None => Err(refused("It never occurs".to_owned())),
        }
    }

    /// The first tick after `at`.
    #[must_use]
    pub fn after(&self, at: Timestamp) -> Option<Timestamp> {
        let at = second(at)?;
        let next = if self.names_every_hour {
            self.after_by_hours_that_pass(at)
        } else {
            self.after_by_time_of_day(at)
        };
        next.map(moment)
    }

    /// The last tick at `at` or before.
    #[must_use]
    pub fn at_or_before(&self, at: Timestamp) -> Option<Timestamp> {
        let at = second(at)?;
        let last = if self.names_every_hour {
            self.at_or_before_by_hours_that_pass(at)
        } else {
            self.at_or_before_by_time_of_day(at)
        };
        last.map(moment)
    }

    fn after_by_time_of_day(&self, at: jiff::Timestamp) -> Option<jiff::Timestamp> {
        let (mut wall, mut is_inclusive) = match wall::end_of_repeat(&self.zone, at) {
            Some(end) => (end, true),
            None => (wall::read(&self.zone, at), false),
        };
        loop {
            wall = self.next(wall, is_inclusive)?;
            is_inclusive = false;
            let next = wall::first_appearance(&self.zone, wall)?;
            if next > at {
                return Some(next);
            }
        }
    }

    fn at_or_before_by_time_of_day(&self, at: jiff::Timestamp) -> Option<jiff::Timestamp> {
        let last = match wall::end_of_repeat(&self.zone, at) {
            Some(end) => self.previous(end, false)?,
            None => self.previous(wall::read(&self.zone, at), true)?,
        };
        wall::first_appearance(&self.zone, last)
    }

    /// Steps from one clock change to the next: between two changes, wall clock time and elapsed time agree.
    fn after_by_hours_that_pass(&self, mut at: jiff::Timestamp) -> Option<jiff::Timestamp> {
        let mut is_inclusive = false;
        loop {
            let offset = self.zone.to_offset(at);
            let wall = self.next(offset.to_datetime(at), is_inclusive)?;
            let next = offset.to_timestamp(wall).ok()?;
            match self.zone.following(at).next() {
                Some(jump) if next >= jump.timestamp() => at = jump.timestamp(),
                _ => return Some(next),
            }
            is_inclusive = true;
        }
    }

    fn at_or_before_by_hours_that_pass(&self, mut at: jiff::Timestamp) -> Option<jiff::Timestamp> {
        loop {
            let offset = self.zone.to_offset(at);
            let wall = self.previous(offset.to_datetime(at), true)?;
            let last = offset.to_timestamp(wall).ok()?;
            match wall::last_jump(&self.zone, last, at) {
                Some(jump) => at = jump.checked_sub(SECOND).ok()?,
                _ => return Some(last),
            }
        }
    }

    fn next(&self, wall: DateTime, is_inclusive: bool) -> Option<DateTime> {
        let from = wall.to_zoned(TimeZone::UTC).ok()?;
        let next = self.pattern.find_next_occurrence(&from, is_inclusive);
        next.ok().map(|next| next.datetime())
    }

    fn previous(&self, wall: DateTime, is_inclusive: bool) -> Option<DateTime> {
        let from = wall.to_zoned(TimeZone::UTC).ok()?;
        let previous = self.pattern.find_previous_occurrence(&from, is_inclusive);
        previous.ok().map(|previous| previous.datetime())
    }
}

/// Cuts a moment to the second: ticks fall on whole seconds.
fn second(at: Timestamp) -> Option<jiff::Timestamp> {
    at.floor_ms(1000).to_jiff()
}

fn moment(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from_unix_micros(at.as_microsecond())
}

fn refused(detail: String) -> Refusal {
    Refusal::invalid(
        "cron",
        format!("{}.", detail.trim_end_matches('.')),
        "Pass five fields, minute, hour, day of month, month and day of week, such as \"0 9 * * 1-5\", or \"0 23 L * *\".",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn next(cron: &str, zone: &str, after: &str) -> String {
        let cron = Cron::read(cron, zone).unwrap();
        cron.after(at(after)).unwrap().to_rfc3339()
    }

    /// Spec: SC-18.
    #[test]
    fn the_next_tick_comes_after_the_last_one_whatever_clocks_do() {
        let every_minute = next("* * * * *", "UTC", "2026-01-01T09:00:00Z");
        assert_eq!(every_minute, "2026-01-01T09:01:00Z");
        let midnight = |after| next("0 0 * * *", "America/New_York", after);
        assert_eq!(
            midnight("2026-03-08T05:00:00Z"),
            "2026-03-09T04:00:00Z",
            "23 hours"
        );
        assert_eq!(
            midnight("2026-11-01T04:00:00Z"),
            "2026-11-02T05:00:00Z",
            "25 hours"
        );
        let last_day = next("0 23 L * *", "UTC", "2026-01-31T23:00:00Z");
        assert_eq!(last_day, "2026-02-28T23:00:00Z");
    }

    #[test]
    fn a_time_that_clocks_leave_out_or_repeat_comes_once() {
        let morning = |after| next("30 2 * * *", "Europe/Berlin", after);
        // Half past two does not exist on the day on which clocks go from two to three.
        let spring = morning("2026-03-28T02:00:00Z");
        assert!(spring.starts_with("2026-03-29T01:"), "{spring}");
        let first = morning("2026-10-24T12:00:00Z");
        assert_eq!(first, "2026-10-25T00:30:00Z");
        assert_eq!(morning(&first), "2026-10-26T01:30:00Z");
    }

    #[test]
    fn seconds_may_be_given() {
        let soon = next("* * * * * *", "UTC", "2026-01-01T00:00:00.7Z");
        assert_eq!(soon, "2026-01-01T00:00:01Z");
        assert_eq!(
            next("*/15 * * * * *", "UTC", "2026-01-01T00:00:01Z"),
            "2026-01-01T00:00:15Z"
        );
    }

    #[test]
    fn the_last_tick_is_the_present_one_where_there_is_one() {
        let hourly = Cron::read("0 * * * *", "UTC").unwrap();
        for (now, last) in [
            ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z"),
            ("2026-01-01T12:00:00.5Z", "2026-01-01T12:00:00Z"),
            ("2026-01-01T12:59:59Z", "2026-01-01T12:00:00Z"),
        ] {
            assert_eq!(hourly.at_or_before(at(now)), Some(at(last)), "{now}");
        }
    }

    #[test]
    fn what_is_no_expression_or_never_comes_is_refused() {
        let long = "1,".repeat(200);
        for cron in [
            "",
            "* * * *",
            "* * * * * * *",
            "60 * * * *",
            "a b c d e",
            "0 0 30 2 *",
            &long,
        ] {
            let refused = Cron::read(cron, "UTC").unwrap_err();
            assert_eq!(refused.sqlstate(), "22023", "{cron}");
            assert!(refused.message().contains("cron"), "{cron}");
            assert!(
                refused.detail().ends_with('.') && !refused.detail().contains('\n'),
                "{refused:?}"
            );
        }
        for zone in ["", "Mars/Olympus", "+25:00"] {
            let refused = Cron::read("* * * * *", zone).unwrap_err();
            assert!(refused.message().contains("timezone"), "{zone}");
        }
    }
}
