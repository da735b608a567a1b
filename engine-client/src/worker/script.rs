//! What a rehearsal answers instead of a server.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Failure, RunResult, Trigger};

/// How a token of the rehearsal ends.
#[derive(Debug, Clone)]
pub(crate) enum TokenEnd {
    Output(String),
    Error(String),
    TimedOut,
}

/// Stands for the handler of a child: from its trigger to its result.
pub(crate) type Child = Box<dyn Fn(&Trigger) -> RunResult + Send + Sync>;

#[derive(Default)]
pub(crate) struct Script {
    pub(crate) tokens: HashMap<String, TokenEnd>,
    pub(crate) children: HashMap<String, Child>,
    pub(crate) told: Mutex<Told>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("tokens", &self.tokens)
            .field("told", &self.told)
            .finish_non_exhaustive()
    }
}

/// What the handler has done, in order; it stays when the next attempt begins.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Names of steps, with their outputs as text.
    pub(crate) steps: Vec<(String, String)>,
    pub(crate) waits: Vec<(String, SystemTime)>,
    pub(crate) triggered: Vec<Trigger>,
    children: HashMap<String, Vec<RunResult>>,
}

impl Script {
    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn step<T, W>(&self, key: String, work: W) -> Result<T, Failure>
    where
        T: Serialize + DeserializeOwned,
        W: AsyncFnOnce() -> Result<T, Failure>,
    {
        let unfit = |error| Failure::internal("TASK_OUTPUT_ERROR", error);
        let done = self
            .told()
            .steps
            .iter()
            .find(|(name, _)| *name == key)
            .cloned();
        let output = match done {
            Some((_, output)) => output,
            None => {
                let output = serde_json::to_string(&work().await?).map_err(unfit)?;
                self.told().steps.push((key, output.clone()));
                output
            }
        };
        serde_json::from_str(&output).map_err(unfit)
    }

    /// Time passes at once.
    pub(super) fn wait(&self, key: String, moment: SystemTime) {
        let mut told = self.told();
        if told.waits.iter().all(|(name, _)| *name != key) {
            told.waits.push((key, moment));
        }
    }

    pub(super) fn token<T: DeserializeOwned>(&self, token: &str) -> Result<Option<T>, Failure> {
        let name = token.strip_prefix("token/").unwrap_or(token);
        match self.tokens.get(name) {
            Some(TokenEnd::Output(output)) => match serde_json::from_str(output) {
                Ok(output) => Ok(Some(output)),
                Err(error) => Err(Failure::internal("TASK_INPUT_ERROR", error)),
            },
            Some(TokenEnd::Error(error)) => Err(Failure::reported(error)),
            Some(TokenEnd::TimedOut) => Ok(None),
            None => Err(unknown(format!(
                "the rehearsal has no end for token \"{name}\""
            ))),
        }
    }

    pub(super) fn trigger(
        &self,
        key: String,
        runs: impl IntoIterator<Item = Trigger>,
    ) -> Result<Vec<RunResult>, Failure> {
        if let Some(results) = self.told().children.get(&key) {
            return Ok(results.clone());
        }
        let mut results = Vec::new();
        for run in runs {
            let task = run.task.as_deref().unwrap_or_default();
            let Some(child) = self.children.get(task) else {
                return Err(unknown(format!("the rehearsal has no child \"{task}\"")));
            };
            results.push(child(&run));
            self.told().triggered.push(run);
        }
        self.told().children.insert(key, results.clone());
        Ok(results)
    }
}

fn unknown(message: String) -> Failure {
    Failure::message(message).no_retry()
}
