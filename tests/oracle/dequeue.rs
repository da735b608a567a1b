//! How the oracle dequeues runs.

use std::collections::BTreeSet;

use engine_core::{Command, DequeueRequest, ExecutionStatus, Refusal, Run, RunStatus, decide};
use serde_json::{Value, json};

use crate::initial::environment;
use crate::life::{Context, Life};
use crate::oracle::Oracle;

impl Oracle {
    /// Dequeues due runs, of every environment its share, and a second round for what others left.
    pub fn dequeue(
        &mut self,
        max_runs: i32,
        environment_id: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Vec<Value>, Refusal> {
        let max_runs = DequeueRequest::new(max_runs, 0, 1000)?.max_runs as usize;
        let mut environments = match environment_id {
            Some(id) => vec![environment(id)?.id.clone()],
            None => self.environments(context),
        };
        let mut claimed: Vec<Run> = Vec::new();
        for _ in 0..2 {
            let mut more = Vec::new();
            let count = environments.len();
            for (index, id) in environments.into_iter().enumerate() {
                let left = max_runs - claimed.len();
                if left == 0 {
                    break;
                }
                let share = (left / (count - index)).max(1);
                let taken = self.dequeue_in(&id, share, context)?;
                if taken.len() == share {
                    more.push(id.clone());
                }
                if environment_id.is_none() && !taken.is_empty() {
                    self.served = Some(id);
                }
                claimed.extend(taken);
            }
            environments = more;
        }
        let rows = claimed
            .iter()
            .filter_map(|run| self.dequeued_row(run, context));
        Ok(rows.collect())
    }

    /// The environments with due runs in the queue, in rotation.
    fn environments(&self, context: &Context<'_>) -> Vec<String> {
        let queued = self.lives.values().filter(|life| {
            life.rows
                .available_at
                .is_some_and(|at| at <= context.settings.now)
        });
        let ids: BTreeSet<&String> = queued.map(|life| &life.new.environment.id).collect();
        let is_served = |id: &&String| self.served.as_ref().is_some_and(|served| *id <= served);
        let (before, behind): (Vec<&String>, Vec<&String>) = ids.into_iter().partition(is_served);
        behind.into_iter().chain(before).cloned().collect()
    }

    /// Dequeues due runs of an environment in order; if that is all, it deletes items of runs that are not queued.
    fn dequeue_in(
        &mut self,
        id: &str,
        max_runs: usize,
        context: &Context<'_>,
    ) -> Result<Vec<Run>, Refusal> {
        let due = self.due(id, context);
        let is_queued = |life: &&Life| life.rows.state.execution_status.is_queued();
        let (queued, others): (Vec<&Life>, Vec<&Life>) = due.into_iter().partition(is_queued);
        let claimed: Vec<Run> = queued
            .iter()
            .take(max_runs)
            .map(|life| life.candidate())
            .collect();
        let strays: Vec<Run> = others.iter().map(|life| life.run()).collect();
        let mut plans = Vec::new();
        for run in &claimed {
            let plan = decide(run, Command::Dequeue, context.settings)?;
            plans.push((run.clone(), plan));
        }
        self.apply(plans, context);
        if claimed.len() < max_runs {
            self.clear(strays, context)?;
        }
        Ok(claimed)
    }

    /// The due runs of an environment in the queue, in its order.
    fn due(&self, environment_id: &str, context: &Context<'_>) -> Vec<&Life> {
        let mut due: Vec<(_, &Life)> = self
            .lives
            .values()
            .filter(|life| life.new.environment.id == environment_id)
            .filter_map(|life| Some((life.rows.available_at?, life)))
            .filter(|(available_at, _)| *available_at <= context.settings.now)
            .collect();
        due.sort_by_key(|(available_at, life)| (*available_at, &life.rows.run_id));
        due.into_iter().map(|(_, life)| life).collect()
    }

    fn clear(&mut self, strays: Vec<Run>, context: &Context<'_>) -> Result<(), Refusal> {
        let mut plans = Vec::new();
        for run in strays {
            if let Some(life) = self.lives.get_mut(run.id.as_str()) {
                life.rows.available_at = None;
            }
            let plan = decide(&run, Command::Stray, context.settings)?;
            plans.push((run, plan));
        }
        self.apply(plans, context);
        Ok(())
    }

    fn dequeued_row(&self, run: &Run, context: &Context<'_>) -> Option<Value> {
        let Life { new, rows } = self.lives.get(run.id.as_str())?;
        let machines = &context.settings.machines;
        let status = ExecutionStatus::PendingExecuting;
        Some(json!({
            "run_id": rows.run_id,
            "run_friendly_id": run.id.friendly(),
            "snapshot_id": rows.state.snapshot_id,
            "execution_status": status.as_str(),
            "run_status": RunStatus::Pending.as_str(),
            "attempt_number": run.attempt_number.unwrap_or(0) + 1,
            "task": new.task,
            "worker_queue": new.worker_queue,
            "environment_id": new.environment.id,
            "environment_type": new.environment.kind.as_str(),
            "machine": machines.to_json(machines.resolve(run.machine.as_deref())),
            "max_attempts": run.attempts(),
            "is_replay": new.replayed_from.is_some(),
            "heartbeat_ms": context.settings.heartbeats.interval_ms(status),
            "dequeued_at": context.settings.now.to_rfc3339(),
        }))
    }
}
