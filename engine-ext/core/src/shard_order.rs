//! The order of events where shards come from other databases.
//!
//! Each database numbers its events. What a shard brings along keeps the numbers that it has, and what follows gets greater ones: so
//! the events of one shard have an order for ever. Those of two shards have one only where both have always been in one database.

use crate::{Refusal, Shard, ShardRecord, ShardState, Shards};

/// Whose events are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventScope {
    /// Those of one shard.
    OfShard(Shard),
    /// Those of all shards but these, which are not here.
    AllBut(Vec<Shard>),
}

impl EventScope {
    /// The shard, if it is one.
    #[must_use]
    pub fn shard(&self) -> Option<Shard> {
        match self {
            Self::OfShard(shard) => Some(*shard),
            Self::AllBut(_) => None,
        }
    }

    /// The shards that are left out of all.
    #[must_use]
    pub fn away(&self) -> Vec<Shard> {
        match self {
            Self::OfShard(_) => Vec::new(),
            Self::AllBut(away) => away.clone(),
        }
    }
}

impl Shards {
    /// Whether the runs of a shard come from another database if it is set to `state` here.
    #[must_use]
    pub fn comes(&self, shard: Shard, state: ShardState, has_runs: bool) -> bool {
        use ShardState::{Away, Moving, Serving};
        match (self.state(shard), state) {
            (Away, Serving) => has_runs,
            // They may follow.
            (Away, Moving) => true,
            (Away, Away) | (Serving | Moving, Serving | Moving | Away) => false,
        }
    }

    /// The events of all shards, without those on record that are not here: their rows may be on their way, in whichever direction.
    #[must_use]
    pub fn here(&self) -> EventScope {
        let away = self
            .records()
            .filter(|(_, record)| record.state == ShardState::Away);
        EventScope::AllBut(away.map(|(shard, _)| shard).collect())
    }

    /// The events of all shards that are here, if they have one order.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) if the runs of a shard have come from another database.
    pub fn in_one_order(&self) -> Result<EventScope, Refusal> {
        match self.records().find(|(_, record)| record.has_come) {
            None => Ok(self.here()),
            Some((shard, _)) => Err(Refusal::invalid(
                "shard",
                format!(
                    "Shard {} has come from another database: its events have no order with those of others.",
                    shard.number()
                ),
                "Pass a shard, and read the events of each by itself; the view engine.shard_state lists them.",
            )),
        }
    }
}

impl ShardRecord {
    /// Refuses to serve a shard whose next events would come before some that it has, or has had.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) if its events `are_ahead` of the last position that the database has drawn.
    pub fn check_positions(&self, shard: Shard, are_ahead: bool) -> Result<(), Refusal> {
        match self.state {
            ShardState::Serving if are_ahead => Err(Refusal::invalid(
                "state",
                format!(
                    "Events of shard {} have positions that this database has not reached: new ones would come before them.",
                    shard.number()
                ),
                "Advance the sequence engine.event_position to that of the database where the shard was, and call again.",
            )),
            ShardState::Serving | ShardState::Moving | ShardState::Away => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(number: i16) -> Shard {
        Shard::new(number).unwrap()
    }

    fn record(state: ShardState, has_come: bool) -> ShardRecord {
        ShardRecord {
            state,
            place: None,
            has_come,
        }
    }

    #[test]
    fn events_have_one_order_until_a_shard_has_come_from_elsewhere() {
        let here = (shard(8), record(ShardState::Serving, false));
        let away = (shard(9), record(ShardState::Away, false));
        let one = Shards::new([here.clone(), away]).in_one_order();
        assert_eq!(one, Ok(EventScope::AllBut(vec![shard(9)])));
        // Also once it has gone again: what it has left may still be there.
        for state in ShardState::ALL {
            let both = Shards::new([here.clone(), (shard(7), record(*state, true))]);
            let refused = both.in_one_order().unwrap_err();
            assert_eq!(refused.sqlstate(), "22023");
            assert!(refused.detail().contains("Shard 7"), "{refused:?}");
            assert!(refused.hint().contains("Pass a shard"), "{refused:?}");
        }
    }

    #[test]
    fn a_shard_comes_from_elsewhere_if_it_was_away_and_has_runs() {
        use ShardState::{Away, Moving, Serving};
        let shards = Shards::new([
            (shard(7), record(Away, false)),
            (shard(8), record(Moving, false)),
        ]);
        for (number, state, has_runs, comes) in [
            (7, Serving, true, true),
            (7, Serving, false, false),
            (7, Moving, false, true),
            (7, Away, true, false),
            // It was not handed over after all.
            (8, Serving, true, false),
            // Served without a record.
            (9, Moving, true, false),
            (9, Serving, true, false),
            // Away without one.
            (900, Serving, true, true),
            (900, Serving, false, false),
        ] {
            let found = shards.comes(shard(number), state, has_runs);
            assert_eq!(found, comes, "{number} {state:?} {has_runs}");
        }
    }

    #[test]
    fn a_shard_is_not_served_before_its_events_are_reached() {
        for state in ShardState::ALL {
            let record = record(*state, false);
            assert_eq!(record.check_positions(shard(7), false), Ok(()));
            let refused = record.check_positions(shard(7), true).err();
            let code = refused.as_ref().map(Refusal::sqlstate);
            let expected = (*state == ShardState::Serving).then_some("22023");
            assert_eq!(code, expected, "{state:?}");
        }
    }
}
