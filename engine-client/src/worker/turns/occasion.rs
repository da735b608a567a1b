//! What the next turn is about.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};

use super::super::report::Ended;
use super::super::turn_state::State;
use super::Turns;
use super::call::Waiting;
use crate::Error;

/// What the next turn is about.
pub(super) enum Occasion {
    /// An attempt has ended.
    End(Ended),
    /// There may be runs, and there is room for them.
    Look(OwnedSemaphorePermit),
    /// The wait for runs has ended.
    Waited(Result<(), Error>),
    /// The worker stops: from now on it only reports.
    Stop,
    /// Nothing is left to report.
    Over,
}

impl Turns {
    /// Waits for something to do.
    pub(super) async fn occasion(
        &mut self,
        state: &State,
        waiting: &mut Option<Waiting>,
    ) -> Occasion {
        let wants_runs = self.wants_runs(state);
        let (permits, link) = (Arc::clone(&self.permits), Arc::clone(&self.link));
        let look = async {
            match state.look_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
            // A permit does not wait for a node that is down. What lasts is told by the call.
            let _ = link.connection().await;
            permits.take().await
        };
        let waited = async {
            match waiting {
                Some(waiting) => waiting.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled(), if wants_runs => Occasion::Stop,
            ended = self.ends.recv() => ended.map_or(Occasion::Over, Occasion::End),
            Some(permit) = look, if wants_runs => Occasion::Look(permit),
            result = waited => Occasion::Waited(result),
        }
    }

    /// The ends of a turn: those that are there; under load also those that come until some time after the last turn, as long
    /// as any can come. Without batching only one.
    pub(super) async fn gather(&mut self, first: Ended, sent_at: Option<Instant>) -> Vec<Ended> {
        let mut ends = vec![first];
        let Some(batching) = self.batching else {
            return ends;
        };
        let due = sent_at.map(|at| at + batching.linger);
        while ends.len() < batching.max_size.max(1) {
            if let Ok(next) = self.ends.try_recv() {
                ends.push(next);
                continue;
            }
            let Some(due) = due.filter(|_| ends.len() < self.held.len()) else {
                break;
            };
            match tokio::time::timeout_at(due, self.ends.recv()).await {
                Ok(Some(next)) => ends.push(next),
                Ok(None) | Err(_) => break,
            }
        }
        ends
    }
}
