//! What a model tells that is played on a server.

use std::fmt::Debug;
use std::hash::Hash;

use anyhow::Result;
use stateright::Model;

use crate::stage::Stage;

/// A model of which every step is calls to a server.
pub trait Played: Model<State: Clone + Eq + Hash, Action: Clone + Debug + PartialEq> {
    /// What makes a step differ from others: what is done, by whom, and how that changes the state.
    type Change: Clone + Eq + Hash;
    /// Who makes the calls.
    type Player: Player<Self>;

    /// States that are looked at: changes that are further away are left to random walks.
    const STATES: usize;
    /// Steps of a random walk.
    const STEPS: usize;
    /// Settings under which the server decides as the model does.
    const SETTINGS: &[(&str, &str)];
    /// The statement that sets the environments of runs.
    const ENVIRONMENTS: &str;

    /// The states in which calls can bring a run to life.
    fn beginnings(&self) -> Vec<Self::State>;

    /// The steps from this state that can be played.
    fn playable(&self, state: &Self::State) -> Vec<Self::Action>;

    /// The state after a step. Snapshots keep their numbers: those of the server are found by them.
    fn step(&self, state: &Self::State, action: &Self::Action) -> Self::State;

    /// The same state with snapshots renumbered, so that equal states are found.
    fn renumbered(state: Self::State) -> Self::State;

    /// What this step changes.
    fn change(
        &self,
        before: &Self::State,
        action: &Self::Action,
        after: &Self::State,
    ) -> Self::Change;

    /// How a way is named that begins in this state.
    fn name(state: &Self::State) -> String;
}

/// Plays one way of a model.
pub trait Player<M: Played>: Sized {
    /// Brings the server to where the way begins; `place` is a name that no other way has.
    async fn begin(stage: &Stage, place: String, beginning: &M::State) -> Result<Self>;

    /// Does a step; fails if the server is elsewhere than the model after it.
    async fn go(&mut self, model: &M, action: &M::Action) -> Result<()>;
}
