//! Ids of snapshots, and how they grow.

use crate::shard::digit;

/// Characters of the time in an id, after the first character.
const TIME_LENGTH: usize = 8;

/// Characters that all ids of a run have in common: the first one, a time, and chance.
const STEM_LENGTH: usize = 17;

/// A snapshot's id, without its prefix: the run's fencing token.
///
/// It is what the ids of its run have in common, then the snapshot's ordinal in hexadecimal: the history need not store it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotId(String);

impl SnapshotId {
    /// Reads an id, bare or as `snapshot_<id>`. Any text is an id; most name no snapshot.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.strip_prefix("snapshot_").unwrap_or(text).to_owned())
    }

    /// The id of a run's first snapshot, from a fresh cuid: its time and its random end are those of the run's ids.
    #[must_use]
    pub fn first(cuid: &str) -> Self {
        let (time, chance) = (&cuid[..=TIME_LENGTH], &cuid[STEM_LENGTH..]);
        Self(with_ordinal(&format!("{time}{chance}"), 1))
    }

    /// The id of a later snapshot of this one's run. Versions before 0.2.0 gave each a time of its own: one that would not be greater
    /// as text than such an id begins one millisecond after it.
    #[must_use]
    pub fn next(&self, ordinal: i32) -> Self {
        let stem = self.0.get(..STEM_LENGTH).unwrap_or(&self.0);
        let next = Self(with_ordinal(stem, ordinal));
        if next > *self {
            return next;
        }
        let time = stem
            .get(1..=TIME_LENGTH)
            .and_then(|text| i64::from_str_radix(text, 36).ok())
            .unwrap_or_default();
        let chance = stem.get(1 + TIME_LENGTH..).unwrap_or_default();
        Self(with_ordinal(
            &format!("c{}{chance}", base36(time + 1)),
            ordinal,
        ))
    }

    /// The bare id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as users see it.
    #[must_use]
    pub fn friendly(&self) -> String {
        format!("snapshot_{}", self.0)
    }
}

fn with_ordinal(stem: &str, ordinal: i32) -> String {
    format!("{stem}{ordinal:08x}")
}

/// `number` in [`TIME_LENGTH`] base-36 characters.
fn base36(number: i64) -> String {
    let mut rest = number;
    let mut text = [b'0'; TIME_LENGTH];
    for character in text.iter_mut().rev() {
        *character = digit((rest % 36) as i16) as u8;
        rest /= 36;
    }
    text.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUID: &str = "cmibtzv1k0000abcd12345678";

    #[test]
    fn snapshot_ids_of_a_run_differ_in_their_ordinals_and_grow() {
        let mut id = SnapshotId::first(CUID);
        assert_eq!(id.as_str(), "cmibtzv1k1234567800000001");
        for (ordinal, expected) in [
            (2, "cmibtzv1k1234567800000002"),
            (16, "cmibtzv1k1234567800000010"),
            (i32::MAX, "cmibtzv1k123456787fffffff"),
        ] {
            let next = id.next(ordinal);
            assert!(next > id);
            assert_eq!(next.as_str(), expected);
            id = next;
        }
    }

    #[test]
    fn snapshot_ids_grow_after_those_of_older_versions() {
        let old = SnapshotId::parse("cmibtzvzz0000abcd12345678");
        let next = old.next(3);
        assert!(next > old);
        assert_eq!(next.as_str(), "cmibtzw000000abcd00000003");
        assert_eq!(next.next(4).as_str(), "cmibtzw000000abcd00000004");
    }

    #[test]
    fn a_prefix_is_the_same_id() {
        assert_eq!(SnapshotId::parse("snapshot_x"), SnapshotId::parse("x"));
    }
}
