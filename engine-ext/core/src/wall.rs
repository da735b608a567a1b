//! Wall clocks, and their jumps.
//!
//! Jumps are searched among offsets: the library's list of the jumps before a moment omits the last one of a zone whose
//! rules have changed since, such as America/Metlakatla's of January 2019.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// Offsets of time zones are whole seconds.
pub(crate) const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// Shorter than the time between two jumps of any zone.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The reading of a wall clock at `at`.
pub(crate) fn read(zone: &TimeZone, at: Timestamp) -> DateTime {
    zone.to_offset(at).to_datetime(at)
}

/// When a wall clock shows `wall` for the first time, or jumps over it.
pub(crate) fn first_appearance(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(wall).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(wall).ok(),
        AmbiguousOffset::Gap { before, after } => {
            let earlier = after.to_timestamp(wall).ok()?;
            let later = before.to_timestamp(wall).ok()?;
            Some(jump_between(zone, earlier, later))
        }
    }
}

/// When a wall clock that repeats earlier readings at `at` stops repeating them; `None` if it does not repeat any.
pub(crate) fn end_of_repeat(zone: &TimeZone, at: Timestamp) -> Option<DateTime> {
    let wall = read(zone, at);
    let AmbiguousOffset::Fold { before, after } = zone.to_ambiguous_timestamp(wall).offset() else {
        return None;
    };
    if zone.to_offset(at) != after {
        return None;
    }
    let first = before.to_timestamp(wall).ok()?;
    Some(before.to_datetime(jump_between(zone, first, at)))
}

/// The last clock change between two moments.
pub(crate) fn last_jump(zone: &TimeZone, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
    let offset = zone.to_offset(to);
    let mut later = to;
    while later > from {
        let earlier = later.checked_sub(DAY).map_or(from, |day| day.max(from));
        if zone.to_offset(earlier) != offset {
            return Some(jump_between(zone, earlier, later));
        }
        later = earlier;
    }
    None
}

/// The only jump after `earlier` and not after `later`, to the second.
fn jump_between(zone: &TimeZone, earlier: Timestamp, later: Timestamp) -> Timestamp {
    let offset = zone.to_offset(later);
    let (mut before, mut after) = (earlier, later);
    while after.duration_since(before) > SECOND {
        let half = SignedDuration::from_secs(after.duration_since(before).as_secs() / 2);
        let Ok(middle) = before.checked_add(half) else {
            break;
        };
        if zone.to_offset(middle) == offset {
            after = middle;
        } else {
            before = middle;
        }
    }
    after
}
