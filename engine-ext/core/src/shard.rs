//! Shards, and the form of ids that name them.
//!
//! The engine's ids are cuids: `c`, eight base-36 characters of Unix milliseconds, then counter, fingerprint and random
//! characters, 25 in all. Those of runs, waitpoints, batches and checkpoints end in two base-36 characters of their shard.

use crate::Refusal;

/// Characters of an id minted by the engine.
const LENGTH: usize = 25;

/// Number of shards that there can be: as many as two base-36 characters name.
const COUNT: i16 = 36 * 36;

/// Identifies where an environment and all its rows live: 0..=1295.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(i16);

impl Shard {
    /// The shard of the default environment, and of rows that belong to no environment.
    pub const FIRST: Self = Self(0);

    /// The shard with this number; `None` outside 0..=1295.
    #[must_use]
    pub const fn new(number: i16) -> Option<Self> {
        if number >= 0 && number < COUNT {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Every shard, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..COUNT).map(Self)
    }

    /// Reads the number of a shard.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) outside 0..=1295.
    pub fn check(parameter: &'static str, number: i32) -> Result<Self, Refusal> {
        let shard = i16::try_from(number).ok().and_then(Self::new);
        shard.ok_or_else(|| {
            Refusal::invalid(
                parameter,
                format!("{number} is not between 0 and {}.", COUNT - 1),
                "Pass the number of a shard.",
            )
        })
    }

    /// The two characters with which ids name it.
    #[must_use]
    pub fn suffix(self) -> String {
        [digit(self.0 / 36), digit(self.0 % 36)].iter().collect()
    }

    /// The number, as stored in the column `shard`.
    #[must_use]
    pub const fn number(self) -> i16 {
        self.0
    }
}

/// A fresh cuid with `shard` at its end.
pub(crate) fn mint_on(cuid: &str, shard: Shard) -> String {
    let mut id = cuid[..LENGTH - 2].to_owned();
    id.push_str(&shard.suffix());
    id
}

/// The shard at the end of an id; 0 for ids that the engine did not mint.
pub(crate) fn shard_of(id: &str) -> Shard {
    let bytes = id.as_bytes();
    if bytes.len() != LENGTH || bytes[0] != b'c' || !bytes.iter().all(|byte| value(*byte).is_some())
    {
        return Shard::FIRST;
    }
    match (value(bytes[LENGTH - 2]), value(bytes[LENGTH - 1])) {
        (Some(high), Some(low)) => Shard(high * 36 + low),
        _ => Shard::FIRST,
    }
}

/// A digit of a base-36 number.
pub(crate) fn digit(value: i16) -> char {
    char::from(b"0123456789abcdefghijklmnopqrstuvwxyz"[value as usize])
}

fn value(byte: u8) -> Option<i16> {
    match byte {
        b'0'..=b'9' => Some(i16::from(byte - b'0')),
        b'a'..=b'z' => Some(i16::from(byte - b'a') + 10),
        _ => None,
    }
}
