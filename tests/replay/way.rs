//! A way of a model: where it begins, and the steps from there.

use std::fmt::{self, Display};

use crate::played::Played;

pub struct Way<M: Played> {
    pub beginning: M::State,
    pub actions: Vec<M::Action>,
}

impl<M: Played> Way<M> {
    /// As much of it as a model allows.
    pub fn possible(&self, model: &M) -> Self {
        let mut state = self.beginning.clone();
        let mut actions = Vec::new();
        for action in &self.actions {
            if !model.playable(&state).contains(action) {
                break;
            }
            state = model.step(&state, action);
            actions.push(action.clone());
        }
        Self {
            beginning: self.beginning.clone(),
            actions,
        }
    }
}

impl<M: Played> Display for Way<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", M::name(&self.beginning))?;
        self.actions
            .iter()
            .try_for_each(|action| write!(f, "; {action:?}"))
    }
}
