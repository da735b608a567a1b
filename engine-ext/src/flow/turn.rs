//! Turns that have a name: a worker that has lost the answer to one takes it again, and gets the same answer.

use std::collections::{BTreeMap, HashMap};

use engine_core::{CompletionOf, NamedTurn, Refusal, RunId, Settings, Shard, SnapshotId};
use serde_json::{Map, Value, json};

use super::attempt::complete::{Completed, completed_before, refused as refused_now};
use crate::store::queue_item::hand_out::{Begun, Dequeued};
use crate::store::row::Caller;
use crate::store::turn::Last;
use crate::{flow, store};

/// The outcome of a turn.
pub(crate) struct Turn {
    /// The outcome of each completion, in order.
    pub(crate) completed: Vec<Answer>,
    /// The runs that execute, each with the attempt that has begun.
    pub(crate) started: Vec<(Dequeued, Begun)>,
    /// The settings that applied to the starts.
    pub(crate) settings: Settings,
}

/// The outcome of a completion.
pub(crate) type Answer = Result<Completed, Refused>;

/// Why a completion was refused.
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl From<&Refusal> for Refused {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: refusal.sqlstate().to_owned(),
            message: refusal.message(),
        }
    }
}

impl Refused {
    /// As the row of the turn has it.
    fn from_json(pair: &Value) -> Self {
        let text = |index: usize| pair[index].as_str().unwrap_or_default().to_owned();
        Self {
            code: text(0),
            message: text(1),
        }
    }
}

/// A turn that a worker takes, and the one before.
pub(crate) struct Named<'a> {
    turn: NamedTurn,
    last: Option<Last>,
    caller: Caller<'a>,
}

impl<'a> Named<'a> {
    /// Looks the worker's last turn up.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) if it has the same name, and another content.
    pub(crate) fn find(turn: NamedTurn, caller: Caller<'a>) -> Result<Self, Refusal> {
        let last = store::turn::last(caller, &turn);
        if let Some(last) = &last {
            turn.is_again(&last.id, last.has_same_content)?;
        }
        Ok(Self { turn, last, caller })
    }

    /// Whether the worker has taken a turn before, and so has executed runs.
    pub(crate) fn is_warm(&self) -> bool {
        self.last.is_some()
    }

    /// The answer to this turn, if it has been taken before. Runs that have moved on since are in it too: their worker sees
    /// that as it would have with an answer that took as long.
    pub(crate) fn answer(&self, completions: &[Result<CompletionOf, Refusal>]) -> Option<Turn> {
        let last = self.last.as_ref().filter(|last| last.id == self.turn.id)?;
        let settings = flow::settings(last.taken_at);
        Some(Turn {
            completed: self.completed(completions, last.refused.as_ref()),
            started: started(&last.started, &settings),
            settings,
        })
    }

    /// What the turn answered to these completions.
    fn completed(
        &self,
        completions: &[Result<CompletionOf, Refusal>],
        refused: Option<&Value>,
    ) -> Vec<Answer> {
        let mut shards: BTreeMap<Shard, Vec<(&RunId, &SnapshotId)>> = BTreeMap::new();
        for element in completions.iter().flatten() {
            let held = (&element.run_id, &element.snapshot_id);
            shards.entry(element.run_id.shard()).or_default().push(held);
        }
        let mut next = BTreeMap::new();
        for (shard, held) in shards {
            next.extend(store::repeat::next(shard, &held, self.caller));
        }
        let refused_now = refused_now(completions);
        next.retain(|(run_id, _), _| !refused_now.contains_key(run_id));
        let answer = |(index, element): (usize, &Result<CompletionOf, Refusal>)| {
            if let Some(refused) = refused.and_then(|refused| refused.get(index.to_string())) {
                return Err(Refused::from_json(refused));
            }
            let element = element.as_ref().map_err(Refused::from)?;
            let key = (element.run_id.clone(), element.snapshot_id.clone());
            match next.get(&key) {
                Some(next) => Ok(completed_before(&element.run_id, next)),
                // It has been removed since, or its shard has gone.
                None => Err(match refused_now.get(&element.run_id) {
                    Some(refusal) => Refused::from(refusal),
                    None => Refused::from(&Refusal::UnknownRun {
                        run_id: element.run_id.clone(),
                    }),
                }),
            }
        };
        completions.iter().enumerate().map(answer).collect()
    }

    /// Records the outcome of this turn.
    ///
    /// # Errors
    /// [`Refusal::TurnTaken`] (`40001`) if another call has taken the same turn meanwhile.
    pub(crate) fn record(&self, outcome: &Turn) -> Result<(), Refusal> {
        if outcome.completed.is_empty() && outcome.started.is_empty() {
            return Ok(());
        }
        let refused = outcome.completed.iter().enumerate();
        let refused: Map<String, Value> = refused
            .filter_map(|(index, answer)| {
                let refused = answer.as_ref().err()?;
                Some((index.to_string(), json!([refused.code, refused.message])))
            })
            .collect();
        let started: Vec<_> = outcome
            .started
            .iter()
            .map(|(dequeued, begun)| (&dequeued.candidate.run.id, &begun.snapshot_id))
            .collect();
        let is_written = store::turn::write(
            self.caller,
            &self.turn,
            (!refused.is_empty()).then_some(Value::Object(refused)),
            &started,
            outcome.settings.now,
        );
        if is_written {
            Ok(())
        } else {
            Err(Refusal::TurnTaken {
                turn_id: self.turn.id.clone(),
            })
        }
    }
}

/// The runs that a turn has started, in its order.
fn started(runs: &[(RunId, SnapshotId)], settings: &Settings) -> Vec<(Dequeued, Begun)> {
    let mut read = HashMap::new();
    for (shard, runs) in flow::by_shard(runs.iter().cloned(), |(run_id, _)| run_id.shard()) {
        let found = store::queue_item::started::read(shard, &runs, &settings.machines);
        read.extend(found.into_iter().map(|(dequeued, begun)| {
            let run_id = dequeued.candidate.run.id.clone();
            (run_id, (dequeued, begun))
        }));
    }
    let in_order = runs.iter().filter_map(|(run_id, _)| read.remove(run_id));
    in_order
        .filter(|(dequeued, _)| flow::right::allows(&dequeued.candidate.environment_id))
        .collect()
}
