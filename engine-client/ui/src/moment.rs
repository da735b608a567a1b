//! Moments and durations, as pages print them: in UTC, with at most two units.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A moment: microseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

/// A calendar date and a time of day.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    millisecond: i64,
}

impl Moment {
    /// Milliseconds from `earlier` to this moment.
    pub(crate) fn ms_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0) / 1000
    }

    /// This moment, moved by minutes.
    pub(crate) fn plus_minutes(self, minutes: i64) -> Self {
        Self(self.0 + minutes * 60 * SECOND)
    }

    /// The beginning of its minute.
    pub(crate) fn minute(self) -> Self {
        Self(self.0 - self.0.rem_euclid(60 * SECOND))
    }

    /// `03:12`.
    pub(crate) fn to_minute(self) -> String {
        let civil = self.civil();
        format!("{:02}:{:02}", civil.hour, civil.minute)
    }

    /// `03:12:38` of the day of `now`; `28 Nov, 16:20` of another one; with the year of another year.
    pub(crate) fn brief(self, now: Self) -> String {
        let (civil, today) = (self.civil(), now.civil());
        if self.0.div_euclid(DAY) == now.0.div_euclid(DAY) {
            return format!("{:02}:{:02}:{:02}", civil.hour, civil.minute, civil.second);
        }
        self.date(&civil, civil.year != today.year)
    }

    /// [`Moment::brief`] with milliseconds.
    pub(crate) fn exact(self, now: Self) -> String {
        let civil = self.civil();
        let brief = self.brief(now);
        if self.0.div_euclid(DAY) == now.0.div_euclid(DAY) {
            format!("{brief}.{:03}", civil.millisecond)
        } else {
            format!("{brief}:{:02}.{:03}", civil.second, civil.millisecond)
        }
    }

    fn date(self, civil: &Civil, with_year: bool) -> String {
        let month = MONTHS[usize::try_from(civil.month - 1).unwrap_or_default()];
        let year = if with_year {
            format!(" {}", civil.year)
        } else {
            String::new()
        };
        format!(
            "{} {month}{year}, {:02}:{:02}",
            civil.day, civil.hour, civil.minute
        )
    }

    /// `2026-11-29T03:12:38.204Z`, for machines.
    pub(crate) fn iso(self) -> String {
        let civil = self.civil();
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            civil.year,
            civil.month,
            civil.day,
            civil.hour,
            civil.minute,
            civil.second,
            civil.millisecond
        )
    }

    /// By Howard Hinnant's algorithm, with years that begin in March.
    fn civil(self) -> Civil {
        let days = self.0.div_euclid(DAY) + 719_468;
        let within = self.0.rem_euclid(DAY);
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
            hour: within / (3600 * SECOND),
            minute: within / (60 * SECOND) % 60,
            second: within / SECOND % 60,
            millisecond: within / 1000 % 1000,
        }
    }

    /// Reads what Postgres writes in JSON where the time zone is UTC: `2026-11-29T03:12:38.204+00:00`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once(['T', ' '])?;
        let time = time
            .strip_suffix("+00:00")
            .or_else(|| time.strip_suffix('Z'))
            .unwrap_or(time);
        let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (date.next()??, date.next()??, date.next()??);
        let mut clock = time.splitn(3, ':');
        let hour: i64 = clock.next()?.parse().ok()?;
        let minute: i64 = clock.next()?.parse().ok()?;
        let (second, fraction) = match clock.next().unwrap_or("0").split_once('.') {
            Some((second, fraction)) => (second.to_owned(), format!("{fraction:0<6}")),
            None => (
                time.splitn(3, ':').nth(2).unwrap_or("0").to_owned(),
                "0".to_owned(),
            ),
        };
        let second: i64 = second.parse().ok()?;
        let micros: i64 = fraction.get(..6).unwrap_or(&fraction).parse().ok()?;
        let shifted_year = if month <= 2 { year - 1 } else { year };
        let era = shifted_year.div_euclid(400);
        let year_of_era = shifted_year.rem_euclid(400);
        let shifted_month = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        Some(Self(
            days * DAY + (hour * 3600 + minute * 60 + second) * SECOND + micros,
        ))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Moment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a moment in UTC")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Moment, E> {
                Moment::parse(text).ok_or_else(|| E::custom(format_args!("no moment: {text}")))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

/// A duration in its two greatest units: `840 ms`, `41.8 s`, `9 min 40 s`, `2 h 05 min`, `6 d 21 h`.
pub(crate) fn span(ms: i64) -> String {
    let ms = ms.max(0);
    let seconds = ms / 1000;
    match () {
        () if ms < 1000 => format!("{ms} ms"),
        () if ms < 59_950 => format!("{:.1} s", ms as f64 / 1000.0),
        () if seconds < 3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        () if seconds < 86_400 => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
        () => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        Moment::parse(text).unwrap()
    }

    #[test]
    fn a_moment_is_read_and_written_to_the_millisecond() {
        for text in [
            "1970-01-01T00:00:00.000Z",
            "2026-11-29T03:12:38.204Z",
            "2024-02-29T23:59:59.999Z",
            "2000-03-01T00:00:00.000Z",
            "1999-12-31T12:00:00.100Z",
        ] {
            assert_eq!(moment(text).iso(), text);
        }
        assert_eq!(
            moment("2026-11-29T03:12:38.2+00:00").iso(),
            "2026-11-29T03:12:38.200Z"
        );
        assert_eq!(
            moment("2026-11-29T03:12:38+00:00").iso(),
            "2026-11-29T03:12:38.000Z"
        );
    }

    #[test]
    fn a_moment_says_its_day_only_where_it_is_another_one() {
        let now = moment("2026-11-29T03:12:40Z");
        assert_eq!(moment("2026-11-29T03:12:38.204Z").brief(now), "03:12:38");
        assert_eq!(
            moment("2026-11-29T03:12:38.204Z").exact(now),
            "03:12:38.204"
        );
        assert_eq!(moment("2026-11-28T16:20:00Z").brief(now), "28 Nov, 16:20");
        assert_eq!(
            moment("2025-11-28T16:20:00Z").brief(now),
            "28 Nov 2025, 16:20"
        );
    }

    #[test]
    fn a_span_has_two_units_at_most() {
        let spans = [840, 41_800, 580_000, 7_500_000, 594_000_000, 59_980].map(span);
        assert_eq!(
            spans,
            [
                "840 ms",
                "41.8 s",
                "9 min 40 s",
                "2 h 05 min",
                "6 d 21 h",
                "0 min 59 s"
            ]
        );
    }
}
