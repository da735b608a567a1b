//! Which shards a database serves, and where new environments live.

use std::collections::BTreeMap;

use crate::status::named;
use crate::{Refusal, Shard, check_label};

named! {
    /// What a database does with a shard.
    ShardState {
        /// Serves it.
        Serving = "SERVING",
        /// Hands it over: what is there stays as it is.
        Moving = "MOVING",
        /// Nothing: another database serves it, or none does.
        Away = "AWAY",
    }
}

/// What a database has on record about a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardRecord {
    /// What it does with the shard.
    pub state: ShardState,
    /// Where the shard is, as an operator has put it.
    pub place: Option<String>,
    /// Whether its runs have come from another database.
    pub has_come: bool,
}

impl ShardRecord {
    /// Checks what an operator sets.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for an unknown state, a place of more than 1024 bytes, or one of a shard that is served
    /// here.
    pub fn check(state: &str, place: Option<&str>) -> Result<Self, Refusal> {
        let state = ShardState::parse(state).ok_or_else(|| {
            Refusal::invalid(
                "state",
                format!("\"{state}\" is none."),
                "Pass SERVING, MOVING or AWAY.",
            )
        })?;
        let place = check_label("place", place)?;
        if state == ShardState::Serving && place.is_some() {
            return Err(Refusal::invalid(
                "place",
                "A shard that this database serves is here.".to_owned(),
                "Pass a place with MOVING or AWAY only.",
            ));
        }
        Ok(Self {
            state,
            place: place.map(str::to_owned),
            has_come: false,
        })
    }
}

/// The shards of a database: those on record, and the first ones, which it serves unless a record says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shards(BTreeMap<Shard, ShardRecord>);

impl Shards {
    /// Number of shards, from the first on, that a database serves without a record.
    pub const SERVED: i16 = 64;

    /// The shards with these records.
    #[must_use]
    pub fn new(records: impl IntoIterator<Item = (Shard, ShardRecord)>) -> Self {
        Self(records.into_iter().collect())
    }

    /// What is done with a shard.
    #[must_use]
    pub fn state(&self, shard: Shard) -> ShardState {
        match self.0.get(&shard) {
            Some(record) => record.state,
            None if shard.number() < Self::SERVED => ShardState::Serving,
            None => ShardState::Away,
        }
    }

    /// Whether a shard is served.
    #[must_use]
    pub fn serves(&self, shard: Shard) -> bool {
        self.state(shard) == ShardState::Serving
    }

    /// What is on record.
    pub(crate) fn records(&self) -> impl Iterator<Item = (Shard, &ShardRecord)> {
        self.0.iter().map(|(shard, record)| (*shard, record))
    }

    /// The served shards, in order.
    pub fn serving(&self) -> impl Iterator<Item = Shard> {
        Shard::all().filter(|shard| self.serves(*shard))
    }

    /// Where a new environment lives: on the shard that was asked for, else on the one that its name chooses among the first
    /// `spread` shards, of those that are served. The same name chooses the same shard, as long as these are the same.
    ///
    /// # Errors
    /// [`Refusal::ShardElsewhere`] (`RE020`), [`Refusal::ShardMoving`] (`RE021`), or [`Refusal::InvalidValue`] (`22023`) if
    /// none is served.
    pub fn place(
        &self,
        environment_id: &str,
        asked: Option<Shard>,
        spread: i32,
    ) -> Result<Shard, Refusal> {
        if let Some(shard) = asked {
            return self.check_writable(shard).map(|()| shard);
        }
        let all: Vec<Shard> = self.serving().collect();
        let first = all
            .iter()
            .filter(|shard| i32::from(shard.number()) < spread);
        let first: Vec<Shard> = first.copied().collect();
        let serving = if first.is_empty() { all } else { first };
        let index = (u128::from(hash(environment_id)) * serving.len() as u128) >> 64;
        let chosen = serving.get(usize::try_from(index).unwrap_or(0));
        chosen.copied().ok_or_else(|| {
            Refusal::invalid(
                "environment_id",
                "This database serves no shard on which a new environment could live.".to_owned(),
                "Create it in a database that serves one; the view engine.shard_state lists them.",
            )
        })
    }

    /// Refuses to write to a shard that is not served.
    ///
    /// # Errors
    /// [`Refusal::ShardElsewhere`] (`RE020`), [`Refusal::ShardMoving`] (`RE021`).
    pub fn check_writable(&self, shard: Shard) -> Result<(), Refusal> {
        match self.state(shard) {
            ShardState::Serving => Ok(()),
            ShardState::Moving => Err(Refusal::ShardMoving { shard }),
            ShardState::Away => self.check_readable(shard),
        }
    }

    /// Refuses to look at a shard that is not here.
    ///
    /// # Errors
    /// [`Refusal::ShardElsewhere`] (`RE020`).
    pub fn check_readable(&self, shard: Shard) -> Result<(), Refusal> {
        match self.state(shard) {
            ShardState::Serving | ShardState::Moving => Ok(()),
            ShardState::Away => Err(Refusal::ShardElsewhere {
                shard,
                place: self.0.get(&shard).and_then(|record| record.place.clone()),
            }),
        }
    }
}

/// A hash of a name, the same on every server and in every version: 64-bit FNV-1a, mixed so that its upper bits differ as well.
fn hash(name: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn shard(number: i16) -> Shard {
        Shard::new(number).unwrap()
    }

    fn record(state: ShardState, place: Option<&str>) -> ShardRecord {
        let place = place.map(str::to_owned);
        ShardRecord {
            state,
            place,
            has_come: false,
        }
    }

    #[test]
    fn a_database_without_records_serves_the_first_64_shards() {
        let shards = Shards::default();
        assert_eq!(shards.serving().count(), 64);
        assert_eq!(shards.state(shard(63)), ShardState::Serving);
        assert_eq!(shards.state(shard(64)), ShardState::Away);
    }

    #[test]
    fn the_record_of_a_shard_holds() {
        let shards = Shards::new([
            (shard(7), record(ShardState::Away, Some("b"))),
            (shard(8), record(ShardState::Moving, None)),
            (shard(900), record(ShardState::Serving, None)),
        ]);
        assert_eq!(shards.serving().count(), 63);
        assert_eq!(shards.check_writable(shard(900)), Ok(()));
        let elsewhere = shards.check_readable(shard(7)).unwrap_err();
        assert_eq!(elsewhere.sqlstate(), "RE020");
        assert!(elsewhere.detail().contains("\"b\""), "{elsewhere:?}");
        assert_eq!(shards.check_readable(shard(8)), Ok(()));
        assert_eq!(
            shards.check_writable(shard(8)).unwrap_err().sqlstate(),
            "RE021"
        );
    }

    #[test]
    fn a_served_shard_has_no_place() {
        let check = |state, place| ShardRecord::check(state, place).map(|record| record.state);
        assert_eq!(check("SERVING", None), Ok(ShardState::Serving));
        assert_eq!(check("MOVING", Some("b")), Ok(ShardState::Moving));
        assert_eq!(check("AWAY", None), Ok(ShardState::Away));
        let long = "x".repeat(1025);
        for (state, place) in [
            ("serving", None),
            ("SERVING", Some("a")),
            ("AWAY", Some(&*long)),
        ] {
            assert_eq!(check(state, place).unwrap_err().sqlstate(), "22023");
        }
    }

    #[test]
    fn names_spread_over_the_served_shards_and_keep_theirs() {
        let shards = Shards::default();
        let place = |name: &str| shards.place(name, None, 64).unwrap();
        let used: BTreeSet<Shard> = (0..1000).map(|n| place(&format!("tenant-{n}"))).collect();
        assert_eq!(used.len(), 64);
        // Clients may compute them: these never change.
        let numbers = ["a", "staging", "acme"].map(|name| place(name).number());
        assert_eq!(numbers, [59, 62, 15]);
        assert_eq!(shards.place("staging", None, 1), Ok(Shard::FIRST));
    }

    #[test]
    fn a_new_environment_lives_on_a_shard_that_is_served() {
        let only = Shards::new(Shard::all().map(|other| match other.number() {
            5 => (other, record(ShardState::Serving, None)),
            _ => (other, record(ShardState::Away, None)),
        }));
        assert_eq!(only.place("x", None, 1), Ok(shard(5)));
        assert_eq!(
            only.place("x", Some(shard(6)), 1).unwrap_err().sqlstate(),
            "RE020"
        );
        let none = Shards::new(Shard::all().map(|other| (other, record(ShardState::Away, None))));
        assert_eq!(none.place("x", None, 64).unwrap_err().sqlstate(), "22023");
    }
}
