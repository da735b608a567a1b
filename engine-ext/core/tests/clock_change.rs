//! Compares schedules around clock changes with a reference that steps through time, in every time zone.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use engine_core::{Cron, Timestamp};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};

/// An expression, and whether a wall clock time matches it.
struct Case {
    cron: &'static str,
    fits: fn(DateTime) -> bool,
    names_every_hour: bool,
}

const CASES: &[Case] = &[
    times_of_day("30 2 * * *", |wall| wall.hour() == 2 && wall.minute() == 30),
    times_of_day("0,30 2 * * *", |wall| {
        wall.hour() == 2 && wall.minute() % 30 == 0
    }),
    times_of_day("30 2,14 * * *", |wall| {
        wall.hour() % 12 == 2 && wall.minute() == 30
    }),
    times_of_day("10-20 0-4 * * *", |wall| {
        wall.hour() <= 4 && (10..=20).contains(&wall.minute())
    }),
    times_of_day("* 1 * * *", |wall| wall.hour() == 1),
    times_of_day("0 */2 * * *", |wall| {
        wall.hour() % 2 == 0 && wall.minute() == 0
    }),
    times_of_day("45 1-3,23 * * 0,6", |wall| {
        [1, 2, 3, 23].contains(&wall.hour())
            && wall.minute() == 45
            && wall.weekday().to_sunday_zero_offset() % 6 == 0
    }),
    Case {
        cron: "*/15 * * * *",
        fits: |wall| wall.minute() % 15 == 0,
        names_every_hour: true,
    },
    Case {
        cron: "20 0-23 * * *",
        fits: |wall| wall.minute() == 20,
        names_every_hour: true,
    },
];

const SECONDS: &[Case] = &[
    times_of_day("0,30 30 2 * * *", |wall| {
        wall.hour() == 2 && wall.minute() == 30 && wall.second() % 30 == 0
    }),
    times_of_day("*/7 * 1-2 * * *", |wall| {
        (1..=2).contains(&wall.hour()) && wall.second() % 7 == 0
    }),
    Case {
        cron: "5 */10 * * * *",
        fits: |wall| wall.second() == 5 && wall.minute() % 10 == 0,
        names_every_hour: true,
    },
];

const fn times_of_day(cron: &'static str, fits: fn(DateTime) -> bool) -> Case {
    Case {
        cron,
        fits,
        names_every_hour: false,
    }
}

/// The ticks from `from` to `to`. Keeps the latest wall clock time seen so far: what lies between it and a later one is new,
/// whether clocks walked there or jumped.
fn reference(
    case: &Case,
    zone: &TimeZone,
    from: jiff::Timestamp,
    to: jiff::Timestamp,
    step: SignedDuration,
) -> Vec<jiff::Timestamp> {
    let mut ticks = Vec::new();
    let mut at = from;
    let mut latest = zone.to_datetime(from.checked_sub(step).unwrap());
    while at <= to {
        let wall = zone.to_datetime(at);
        let mut is_tick = case.names_every_hour && (case.fits)(wall);
        while latest < wall {
            latest = latest.checked_add(step).unwrap();
            is_tick |= !case.names_every_hour && (case.fits)(latest);
        }
        if is_tick {
            ticks.push(at);
        }
        at = at.checked_add(step).unwrap();
    }
    ticks
}

/// Compares both directions with the reference: from each of its ticks, and from moments in between.
fn compare(
    case: &Case,
    name: &str,
    zone: &TimeZone,
    middle: jiff::Timestamp,
    around: SignedDuration,
    step: SignedDuration,
) {
    let cron = Cron::read(case.cron, name).unwrap();
    let (from, to) = (middle - around, middle + around);
    let ticks = reference(case, zone, from, to, step);
    let stored = |at: jiff::Timestamp| Timestamp::from_unix_micros(at.as_microsecond());
    let mut found = Vec::new();
    let mut at = stored(from - step);
    while let Some(next) = cron.after(at).filter(|next| *next <= stored(to)) {
        found.push(next);
        at = next;
    }
    let expected: Vec<_> = ticks.iter().copied().map(stored).collect();
    assert_eq!(found, expected, "{} in {name} around {middle}", case.cron);
    let mut passed = 0;
    let mut at = from;
    while at <= to {
        passed += expected[passed..]
            .iter()
            .take_while(|tick| **tick <= stored(at))
            .count();
        let context = || format!("{} in {name} at {at}", case.cron);
        if let Some(next) = expected.get(passed) {
            assert_eq!(cron.after(stored(at)), Some(*next), "{}", context());
        }
        if let Some(last) = passed.checked_sub(1) {
            assert_eq!(
                cron.at_or_before(stored(at)),
                Some(expected[last]),
                "{}",
                context()
            );
        }
        at += step * 19;
    }
}

/// The jumps of a zone in ten years.
fn jumps(zone: &TimeZone) -> Vec<jiff::Timestamp> {
    let from: jiff::Timestamp = "2018-01-01T00:00:00Z".parse().unwrap();
    let to: jiff::Timestamp = "2028-01-01T00:00:00Z".parse().unwrap();
    let jumps = zone.following(from).map(|jump| jump.timestamp());
    jumps.take_while(|jump| *jump < to).collect()
}

#[test]
fn schedules_of_all_zones_do_what_a_walk_over_ten_years_says() {
    let mut seen = HashSet::new();
    let mut checked = 0;
    for name in jiff::tz::db().available() {
        let name = name.as_str();
        let zone = TimeZone::get(name).unwrap();
        let jumps = jumps(&zone);
        let clocks: Vec<_> = jumps
            .iter()
            .map(|jump| (*jump, zone.to_offset(*jump)))
            .collect();
        // Zones that share their clocks share their schedules.
        if jumps.is_empty() || !seen.insert(clocks) {
            continue;
        }
        for (number, jump) in jumps.iter().enumerate() {
            // Each jump with some of the expressions, and each expression at some jumps.
            let cases = CASES.iter().skip(number % 3).step_by(3);
            for case in cases {
                let around = SignedDuration::from_hours(4);
                compare(
                    case,
                    name,
                    &zone,
                    *jump,
                    around,
                    SignedDuration::from_mins(1),
                );
                checked += 1;
            }
        }
    }
    assert!(
        seen.len() > 50 && checked > 1000,
        "{} zones, {checked}",
        seen.len()
    );
}

#[test]
fn days_of_a_zone_are_what_a_walk_over_them_says() {
    // Half an hour, a jump at midnight, a whole day that was skipped, a month in which clocks go back, and no jumps at all.
    for (name, middle) in [
        ("Europe/Berlin", "2026-03-29T01:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ("Africa/Cairo", "2026-04-23T22:00:00Z"),
        ("Pacific/Apia", "2011-12-30T00:00:00Z"),
        ("Africa/Casablanca", "2026-02-15T02:00:00Z"),
        ("Asia/Kolkata", "2026-07-01T00:00:00Z"),
    ] {
        let zone = TimeZone::get(name).unwrap();
        for case in &CASES[..4] {
            let around = SignedDuration::from_hours(24 * 4);
            let middle = middle.parse().unwrap();
            compare(
                case,
                name,
                &zone,
                middle,
                around,
                SignedDuration::from_mins(1),
            );
        }
    }
}

#[test]
fn seconds_do_what_a_walk_second_by_second_says() {
    for name in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"] {
        let zone = TimeZone::get(name).unwrap();
        for jump in jumps(&zone).into_iter().take(4) {
            for case in SECONDS {
                let around = SignedDuration::from_hours(3);
                compare(
                    case,
                    name,
                    &zone,
                    jump,
                    around,
                    SignedDuration::from_secs(1),
                );
            }
        }
    }
}

#[test]
fn a_time_that_clocks_leave_out_comes_at_their_jump_and_one_that_they_repeat_at_its_first() {
    for (cron, on_spring, on_autumn) in [
        ("30 2 * * *", &["01:00"][..], &["00:30"][..]),
        ("0,30 2 * * *", &["01:00"], &["00:00", "00:30"]),
        ("30 2,14 * * *", &["01:00", "12:30"], &["00:30", "13:30"]),
        (
            "0 1-3 * * *",
            &["00:00", "01:00"],
            &["2026-10-24T23:00", "00:00", "02:00"],
        ),
    ] {
        let read = Cron::read(cron, "Europe/Berlin").unwrap();
        for (day, from, times) in [
            ("2026-03-29", "2026-03-28T23:00:00Z", on_spring),
            ("2026-10-25", "2026-10-24T22:00:00Z", on_autumn),
        ] {
            let from: jiff::Timestamp = from.parse().unwrap();
            let end = Timestamp::from_unix_micros((from + 23.hours()).as_microsecond());
            let mut at = Timestamp::from_unix_micros(from.as_microsecond() - 1);
            let mut found = Vec::new();
            while let Some(next) = read.after(at).filter(|next| *next < end) {
                found.push(next.to_rfc3339());
                at = next;
            }
            let whole = |time: &&str| {
                if time.contains('T') {
                    format!("{time}:00Z")
                } else {
                    format!("{day}T{time}:00Z")
                }
            };
            assert_eq!(
                found,
                times.iter().map(whole).collect::<Vec<_>>(),
                "{cron} on {day}"
            );
        }
    }
}
