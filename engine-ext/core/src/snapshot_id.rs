//! Ids of snapshots, and how they grow.

use crate::shard::digit;

/// Characters of the time in an id, after the first character.
const TIME_LENGTH: usize = 8;

/// A snapshot's id, without its prefix: the run's fencing token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotId(String);

impl SnapshotId {
    /// Reads an id, bare or as `snapshot_<id>`. Any text is an id; most name no snapshot.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.strip_prefix("snapshot_").unwrap_or(text).to_owned())
    }

    /// The id of a run's first snapshot: a fresh cuid.
    #[must_use]
    pub fn first(cuid: &str) -> Self {
        Self(cuid.to_owned())
    }

    /// The id of the snapshot after this one: the fresh `cuid`, moved to one millisecond after this id's time if it would
    /// not be greater as text (another process's counter in the same millisecond, or a clock that went back).
    #[must_use]
    pub fn next(&self, cuid: &str) -> Self {
        if cuid > self.0.as_str() {
            return Self(cuid.to_owned());
        }
        let time = self
            .0
            .get(1..=TIME_LENGTH)
            .and_then(|text| i64::from_str_radix(text, 36).ok())
            .unwrap_or_default();
        Self(format!("c{}{}", base36(time + 1), &cuid[1 + TIME_LENGTH..]))
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
    fn snapshot_ids_grow_although_the_clock_goes_back() {
        let newer = SnapshotId::first(CUID);
        let next = newer.next("cmibtzv1a0000abcd12345678");
        assert!(next > newer);
        assert_eq!(next.as_str(), "cmibtzv1l0000abcd12345678");
        let last_digit = SnapshotId::first("cmibtzvzz0000abcd12345678").next(CUID);
        assert_eq!(last_digit.as_str(), "cmibtzw000000abcd12345678");
        assert_eq!(last_digit.as_str().len(), 25);
    }

    #[test]
    fn a_greater_cuid_is_taken_as_it_is() {
        assert_eq!(
            SnapshotId::first(CUID)
                .next("cmibtzv1k0001abcd12345678")
                .as_str(),
            "cmibtzv1k0001abcd12345678"
        );
    }

    #[test]
    fn a_prefix_is_the_same_id() {
        assert_eq!(SnapshotId::parse("snapshot_x"), SnapshotId::parse("x"));
    }
}
