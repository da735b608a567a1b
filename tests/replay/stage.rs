//! A server on which ways are played.

use std::cell::Cell;
use std::rc::Rc;

use anyhow::{Context, Result};
use engine_harness::{Database, Session};

use crate::played::{Played, Player};
use crate::way::Way;

/// The check reads every run. It comes once more when the test has ended.
const WAYS_PER_CHECK: u32 = 20;

pub struct Stage {
    /// The one that makes the calls.
    pub session: Rc<Session>,
    /// Another one, which holds locks.
    pub other: Rc<Session>,
    /// How many ways were played: each has worker queues of its own.
    played: Cell<u32>,
}

impl Stage {
    /// A server of this kind of models.
    ///
    /// # Errors
    /// If it refuses the settings of the model.
    pub async fn set<M: Played>() -> Result<Self> {
        let database = Database::fresh().await?;
        for (name, value) in M::SETTINGS {
            database.set(name, value).await?;
        }
        let session = Session::open(&database).await?;
        session.client.batch_execute(M::ENVIRONMENTS).await?;
        let keep = "select engine_set_retention(keep => null)";
        session.client.batch_execute(keep).await?;
        Ok(Self {
            session: Rc::new(session),
            other: Rc::new(Session::open(&database).await?),
            played: Cell::new(0),
        })
    }

    /// Plays a way; returns how many steps it has.
    ///
    /// # Errors
    /// If the server is elsewhere than the model after one of them.
    pub async fn play<M: Played>(&self, model: &M, way: &Way<M>) -> Result<usize> {
        self.played.set(self.played.get() + 1);
        let place = format!("way_{}", self.played.get());
        let mut player = M::Player::begin(self, place, &way.beginning).await?;
        for (number, action) in way.actions.iter().enumerate() {
            let place = || format!("step {number} of {way}");
            player.go(model, action).await.with_context(place)?;
        }
        if self.played.get().is_multiple_of(WAYS_PER_CHECK) {
            self.session.check().await?;
        }
        Ok(way.actions.len())
    }
}
