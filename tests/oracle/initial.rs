//! How runs of the oracle begin: triggers and replays.

use std::rc::Rc;

use engine_core::{
    Environment, EnvironmentType, ExecutionStatus, Limits, NewRun, Refusal, RunId, RunStatus,
    Transition, TriggerOptions,
};
use serde_json::{Value, json};

use crate::life::{Context, Life};
use crate::oracle::Oracle;
use crate::row::{RunRows, StateRow};

/// The environment of histories besides the default one.
pub const DEVELOPMENT: &str = "development";

impl Oracle {
    /// Triggers runs, all or none; `run_ids` are the ids that the server has minted.
    pub fn trigger(
        &mut self,
        options: Vec<TriggerOptions>,
        run_ids: &[String],
        context: &Context<'_>,
    ) -> Result<Vec<Value>, Refusal> {
        let mut runs = Vec::new();
        for options in options {
            let environment = environment(options.environment_id())?;
            let limits = Limits {
                max_payload_bytes: 1_000,
                max_metadata_bytes: 1_000,
                max_ttl_ms: 0,
            };
            runs.push(options.check(environment, limits, context.settings.now)?);
        }
        let parents = runs.iter().filter_map(|new| new.parent_run_id.as_ref());
        if let Some(unknown) = parents
            .into_iter()
            .find(|parent| self.find(parent).is_err())
        {
            return Err(Refusal::UnknownRun {
                run_id: unknown.clone(),
            });
        }
        let none = String::new();
        let ids = run_ids.iter().chain(std::iter::repeat(&none));
        let born: Vec<Life> = runs
            .into_iter()
            .zip(ids)
            .map(|(new, run_id)| self.born(new, run_id, context))
            .collect();
        let rows = born.iter().map(|life| triggered(life, context)).collect();
        self.add(born);
        Ok(rows)
    }

    /// Triggers a new run that does the work of another one again.
    pub fn replay(
        &mut self,
        run_id: &RunId,
        run_ids: &[String],
        context: &Context<'_>,
    ) -> Result<Vec<Value>, Refusal> {
        let of = &self.find(run_id)?.new;
        let again = TriggerOptions {
            task: Some(of.task.clone()),
            environment_id: Some(of.environment.id.clone()),
            worker_queue: Some(of.worker_queue.clone()),
            priority_ms: Some(of.priority_ms),
            max_attempts: of.options.max_attempts,
            machine: of.options.machine.clone(),
            retry: of.options.retry.clone(),
            replayed_from: Some(run_id.as_str().to_owned()),
            ..TriggerOptions::default()
        };
        self.trigger(vec![again], run_ids, context)
    }

    fn born(&self, new: NewRun, run_id: &str, context: &Context<'_>) -> Life {
        let parent = new.parent_run_id.as_ref().and_then(|id| self.find(id).ok());
        let root = parent.map(|parent| {
            let root = parent.rows.root_run_id.as_ref();
            root.unwrap_or(&parent.rows.run_id).clone()
        });
        let mut life = Life {
            rows: RunRows {
                run_id: run_id.to_owned(),
                parent_run_id: parent.map(|parent| parent.rows.run_id.clone()),
                root_run_id: root,
                depth: parent.map_or(0, |parent| parent.rows.depth + 1),
                replayed_from: new.replayed_from.clone(),
                state: StateRow::of_new_run(),
                available_at: Some(new.available_at),
                deadline: None,
                snapshots: Vec::new(),
            },
            new,
        };
        let to = (ExecutionStatus::Queued, RunStatus::Pending);
        life.write(Transition::Triggered, to, "Triggered", false, context);
        life
    }
}

/// One of the two environments that histories have.
///
/// # Errors
/// [`Refusal::UnknownEnvironment`].
pub fn environment(id: &str) -> Result<Rc<Environment>, Refusal> {
    match id {
        Environment::DEFAULT_ID => Ok(Rc::new(Environment::built_in())),
        DEVELOPMENT => Ok(Rc::new(Environment {
            id: id.to_owned(),
            kind: EnvironmentType::Development,
            ..Environment::built_in()
        })),
        _ => Err(Refusal::UnknownEnvironment {
            environment_id: id.to_owned(),
        }),
    }
}

fn triggered(life: &Life, context: &Context<'_>) -> Value {
    let state = &life.rows.state;
    json!({
        "run_id": life.rows.run_id,
        "snapshot_id": state.snapshot_id,
        "run_status": state.run_status.as_str(),
        "execution_status": state.execution_status.as_str(),
        "is_cached": false,
        "created_at": context.settings.now.to_rfc3339(),
    })
}
