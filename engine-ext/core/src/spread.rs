//! Spreads schedules over the time after their ticks, so that they do not all begin at once.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::{Refusal, Timestamp};

/// One more than the greatest phase.
const PHASES: i64 = 1 << 31;

/// The shortest time over which a schedule is spread, milliseconds.
const MIN_RANGE_MS: i64 = 60_000;

const DAY_MS: i64 = 24 * 3_600_000;

/// Position of a schedule in its window: 0 at the beginning, 2147483647 at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Phase(i32);

impl Phase {
    /// The phase with this number; `None` below 0.
    #[must_use]
    pub const fn new(number: i32) -> Option<Self> {
        if number < 0 { None } else { Some(Self(number)) }
    }

    /// Derives the phase of a schedule, the same in every process that knows the secret; `None` without a secret.
    #[must_use]
    pub fn of(secret: &str, environment_id: &str, key: &str) -> Option<Self> {
        if secret.is_empty() {
            return None;
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
        mac.update(
            json!(["cron-phase-v1", environment_id, key])
                .to_string()
                .as_bytes(),
        );
        let digest = mac.finalize().into_bytes();
        let first = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        i32::try_from(first & 0x7fff_ffff).ok().and_then(Self::new)
    }

    /// The number, as stored.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Whether it is among the first `fraction` of all phases.
    #[must_use]
    pub fn is_within(self, fraction: f64) -> bool {
        f64::from(self.0) < fraction * PHASES as f64
    }
}

/// How long after its ticks a schedule may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// A fixed time, milliseconds.
    Ms(i64),
    /// A percentage of the time between two ticks.
    Percent(i64),
}

impl Window {
    /// Reads a window: minutes, `30m`, or hours, `2h`, up to a day, or a percentage of the time between two ticks, `10%`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for any other text.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        Self::parse(text).ok_or_else(|| {
            let shown: String = text.chars().take(20).collect();
            Refusal::invalid(
                "spread_window",
                format!("\"{shown}\" is not a window."),
                "Pass minutes or hours up to a day, such as \"30m\" or \"2h\", or a percentage, such as \"10%\".",
            )
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let unit = text.chars().last()?;
        let number = text.strip_suffix(unit)?;
        let is_canonical = !number.is_empty()
            && number.len() <= 4
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && (number == "0" || !number.starts_with('0'));
        let number: i64 = number.parse().ok().filter(|_| is_canonical)?;
        match unit {
            'm' => Some(Self::Ms(number * 60_000)).filter(|_| number * 60_000 <= DAY_MS),
            'h' => Some(Self::Ms(number * 3_600_000)).filter(|_| number * 3_600_000 <= DAY_MS),
            '%' => Some(Self::Percent(number)).filter(|_| number <= 100),
            _ => None,
        }
    }

    /// Its duration if ticks are `interval_ms` milliseconds apart.
    const fn ms(self, interval_ms: i64) -> i64 {
        match self {
            Self::Ms(ms) => ms,
            Self::Percent(percent) => interval_ms * percent / 100,
        }
    }
}

/// When a schedule begins for the tick `nominal` followed by `next`: after the tick, and before the next one.
#[must_use]
pub fn spread(
    nominal: Timestamp,
    next: Timestamp,
    window: Option<Window>,
    phase: Phase,
) -> Timestamp {
    let interval_ms = next.ms_since(nominal).max(1);
    let window_ms = window.map_or(0, |window| window.ms(interval_ms));
    let range_ms = interval_ms.min(window_ms.max(MIN_RANGE_MS));
    let offset_ms = i128::from(phase.0) * i128::from(range_ms) / i128::from(PHASES);
    nominal.plus_ms(i64::try_from(offset_ms).unwrap_or(0))
}

/// Milliseconds by which the run of a schedule is made in advance, up to `window_ms`: the same in every process.
#[must_use]
pub fn ahead_ms(at: Timestamp, schedule_id: &str, window_ms: i64) -> i64 {
    if window_ms <= 0 {
        return 0;
    }
    let text = format!("{}{schedule_id}", at.to_rfc3339());
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    i64::from(hash) % window_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn phase(number: i32) -> Phase {
        Phase::new(number).unwrap()
    }

    const HALF: i32 = 1 << 30;

    /// Spec: SC-11.
    #[test]
    fn minutes_hours_and_percentages_are_windows() {
        for (text, window) in [
            ("30m", Window::Ms(1_800_000)),
            ("2h", Window::Ms(7_200_000)),
            ("24h", Window::Ms(86_400_000)),
            ("1440m", Window::Ms(86_400_000)),
            ("0m", Window::Ms(0)),
            ("0h", Window::Ms(0)),
            ("0%", Window::Percent(0)),
            ("12%", Window::Percent(12)),
            ("100%", Window::Percent(100)),
        ] {
            assert_eq!(Window::read(text), Ok(window), "{text}");
        }
    }

    /// Spec: SC-12.
    #[test]
    fn nothing_but_minutes_hours_and_percentages_is_a_window() {
        for text in [
            "",
            "m",
            "%",
            "00m",
            "01m",
            "1.5h",
            "0d",
            "1d",
            "25h",
            "1441m",
            "30s",
            "0.01%",
            "1.0%",
            "12.3%",
            "100.01%",
            "101%",
            "1.234%",
            "1e2%",
            " 30m",
            "30m ",
            "-1m",
            "-100%",
            "+5m",
            "30M",
            "30",
            "99999999999999999999m",
            "ä",
        ] {
            assert_eq!(
                Window::read(text).map_err(|error| error.sqlstate()),
                Err("22023"),
                "{text}"
            );
        }
    }

    /// Spec: SC-13.
    #[test]
    fn a_percentage_is_of_the_time_between_two_ticks() {
        assert_eq!(Window::Percent(33).ms(300_000), 99_000);
        assert_eq!(Window::Percent(10).ms(300_000), 30_000);
    }

    /// Spec: SC-14.
    #[test]
    fn a_schedule_begins_within_its_range() {
        let begins = |window: Option<&str>, number| {
            let window = window.map(|text| Window::read(text).unwrap());
            let (nominal, next) = (at("2026-01-01T10:00:00Z"), at("2026-01-01T10:05:00Z"));
            spread(nominal, next, window, phase(number)).ms_since(nominal)
        };
        for window in [None, Some("0%"), Some("10%")] {
            assert_eq!(begins(window, HALF), 30_000, "{window:?}");
        }
        assert_eq!(begins(Some("30%"), HALF), 45_000);
        assert_eq!(begins(Some("100%"), i32::MAX), 299_999);
        assert_eq!(
            begins(Some("30m"), HALF),
            150_000,
            "no more than to the next tick"
        );
    }

    /// Spec: SC-15.
    #[test]
    fn a_schedule_keeps_its_distance() {
        let cron = crate::Cron::read("*/5 * * * *", "UTC").unwrap();
        let first = at("2026-01-01T10:00:00Z");
        let second = cron.after(first).unwrap();
        let third = cron.after(second).unwrap();
        let all = Some(Window::Percent(100));
        let (a, b) = (
            spread(first, second, all, phase(1_610_612_735)),
            spread(second, third, all, phase(1_610_612_735)),
        );
        assert_eq!(b.ms_since(a), 300_000);
    }

    /// Spec: SC-16.
    #[test]
    fn a_window_may_reach_into_the_next_year() {
        let (nominal, next) = (at("2026-12-31T23:00:00Z"), at("2027-01-01T23:00:00Z"));
        let begins = spread(nominal, next, Some(Window::Ms(3 * 3_600_000)), phase(HALF));
        assert_eq!(begins, at("2027-01-01T00:30:00Z"));
    }

    /// Spec: SC-17.
    #[test]
    fn the_phase_depends_on_secret_environment_and_key() {
        fn of(secret: &str, environment: &str, key: &str) -> Option<i32> {
            Phase::of(secret, environment, key).map(Phase::number)
        }
        let known = of("test-secret", "env_789", "daily-report");
        assert_eq!(known, Some(43_063_717));
        assert_eq!(of("", "env_789", "daily-report"), None);
        for other in [
            of("other", "env_789", "daily-report"),
            of("test-secret", "env_1", "daily-report"),
            of("test-secret", "env_789", "other"),
        ] {
            assert_ne!(other, known);
        }
        for number in 0..1000 {
            assert!(of("s", "e", &number.to_string()).unwrap() >= 0);
        }
        assert_eq!(Phase::new(-1), None);
    }

    #[test]
    fn a_fraction_of_all_phases_is_spread() {
        assert!(!phase(0).is_within(0.0));
        assert!(phase(i32::MAX).is_within(1.0));
        assert!(phase(HALF - 1).is_within(0.5) && !phase(HALF).is_within(0.5));
    }

    #[test]
    fn a_run_is_made_ahead_of_its_time_by_the_same_for_all() {
        let time = at("2026-01-01T10:00:00Z");
        assert_eq!(ahead_ms(time, "s", 0), 0);
        for id in ["a", "b", "c", "d"] {
            let ahead = ahead_ms(time, id, 10_000);
            assert!((0..10_000).contains(&ahead));
            assert_eq!(ahead, ahead_ms(time, id, 10_000));
        }
        assert_ne!(ahead_ms(time, "a", 10_000), ahead_ms(time, "b", 10_000));
    }
}
