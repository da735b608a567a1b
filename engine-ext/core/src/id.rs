//! Ids: their form, the shard they name, and how snapshot ids grow.
//!
//! The engine's ids are cuids: `c`, eight base-36 characters of Unix milliseconds, then counter, fingerprint and random
//! characters, 25 in all. Those of runs, waitpoints, batches and checkpoints end in two base-36 characters of their shard.

use crate::Refusal;

/// Characters of an id minted by the engine.
const LENGTH: usize = 25;
/// Characters of its time, after the first character.
const TIME_LENGTH: usize = 8;
/// Most characters of an id chosen by a caller.
const MAX_CHOSEN_LENGTH: usize = 64;

/// Identifies where an environment and all its rows live: 0..=1295.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Shard(i16);

impl Shard {
    /// The shard with this number; `None` outside 0..=1295.
    #[must_use]
    pub const fn new(number: i16) -> Option<Self> {
        if number >= 0 && number < 36 * 36 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number, as stored in the column `shard`.
    #[must_use]
    pub const fn number(self) -> i16 {
        self.0
    }
}

/// A run's id, without its prefix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(String);

impl RunId {
    /// Reads an id, bare or as `run_<id>`. Any text is an id; most name no run.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.strip_prefix("run_").unwrap_or(text).to_owned())
    }

    /// An id that a caller chose for a new run on `shard`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] if it is empty, too long, has characters other than letters, digits, `_` and `-`, or names
    /// another shard.
    pub fn choose(text: &str, shard: Shard) -> Result<Self, Refusal> {
        let id = Self::parse(text);
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if id.0.is_empty() || id.0.len() > MAX_CHOSEN_LENGTH || !id.0.bytes().all(legal) {
            return Err(Refusal::invalid(
                "run_id",
                format!("\"{text}\" is not an id."),
                "Pass 1 to 64 letters, digits, \"_\" or \"-\", or omit it.",
            ));
        }
        if id.shard() != shard {
            return Err(Refusal::invalid(
                "run_id",
                format!(
                    "\"{text}\" names shard {}, its environment lives on shard {}.",
                    id.shard().0,
                    shard.0
                ),
                "Leave the id out: the engine makes one that fits.",
            ));
        }
        Ok(id)
    }

    /// Makes a run id on `shard` from a fresh cuid.
    #[must_use]
    pub fn mint(cuid: &str, shard: Shard) -> Self {
        Self(mint_on(cuid, shard))
    }

    /// The shard that the id names; 0 for ids that callers chose in another form.
    #[must_use]
    pub fn shard(&self) -> Shard {
        shard_of(&self.0)
    }

    /// The bare id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as users see it.
    #[must_use]
    pub fn friendly(&self) -> String {
        format!("run_{}", self.0)
    }
}

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

/// A fresh cuid with `shard` at its end.
pub(crate) fn mint_on(cuid: &str, shard: Shard) -> String {
    let mut id = cuid[..LENGTH - 2].to_owned();
    id.push(digit(shard.0 / 36));
    id.push(digit(shard.0 % 36));
    id
}

/// The shard at the end of an id; 0 for ids that the engine did not mint.
pub(crate) fn shard_of(id: &str) -> Shard {
    let bytes = id.as_bytes();
    if bytes.len() != LENGTH || bytes[0] != b'c' || !bytes.iter().all(|byte| value(*byte).is_some())
    {
        return Shard::default();
    }
    match (value(bytes[LENGTH - 2]), value(bytes[LENGTH - 1])) {
        (Some(high), Some(low)) => Shard(high * 36 + low),
        _ => Shard::default(),
    }
}

/// `number` in [`TIME_LENGTH`] base-36 characters.
fn base36(number: i64) -> String {
    let mut rest = number;
    let mut text = [b'0'; TIME_LENGTH];
    for place in text.iter_mut().rev() {
        *place = digit((rest % 36) as i16) as u8;
        rest /= 36;
    }
    text.iter().map(|byte| char::from(*byte)).collect()
}

fn digit(value: i16) -> char {
    char::from(b"0123456789abcdefghijklmnopqrstuvwxyz"[value as usize])
}

fn value(byte: u8) -> Option<i16> {
    match byte {
        b'0'..=b'9' => Some(i16::from(byte - b'0')),
        b'a'..=b'z' => Some(i16::from(byte - b'a') + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUID: &str = "cmibtzv1k0000abcd12345678";

    #[test]
    fn a_run_id_says_its_shard() {
        for number in [0, 1, 35, 36, 1295] {
            let shard = Shard::new(number).unwrap();
            let id = RunId::mint(CUID, shard);
            assert_eq!(id.as_str().len(), 25);
            assert_eq!(id.shard(), shard);
        }
        assert_eq!(Shard::new(1296), None);
    }

    #[test]
    fn a_prefix_is_the_same_id() {
        assert_eq!(RunId::parse("run_1234"), RunId::parse("1234"));
        assert_eq!(RunId::parse("1234").friendly(), "run_1234");
        assert_eq!(SnapshotId::parse("snapshot_x"), SnapshotId::parse("x"));
    }

    #[test]
    fn a_chosen_id_lives_where_its_environment_lives() {
        let one = Shard::new(1).unwrap();
        assert!(RunId::choose("run_1234", Shard::default()).is_ok());
        assert!(RunId::choose("run_1234", one).is_err());
        assert!(RunId::choose(RunId::mint(CUID, one).as_str(), one).is_ok());
        for bad in ["", "run_", "a b", "ä", &"x".repeat(65)] {
            assert!(RunId::choose(bad, Shard::default()).is_err(), "{bad}");
        }
    }

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
}
