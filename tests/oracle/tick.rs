//! The oracle's tick.

use engine_core::{Cancel, Command, Plan, Run, decide};
use serde_json::{Value, json};

use crate::life::Context;
use crate::oracle::Oracle;

impl Oracle {
    /// Does what is due.
    pub fn tick(&mut self, context: &Context<'_>) -> Vec<Value> {
        let stalled = self.recover(context);
        let cancelled = self.cancel_children(context);
        vec![
            json!({"kind": "stalled_heartbeat", "processed": stalled}),
            json!({"kind": "cancelled_child", "processed": cancelled}),
        ]
    }

    /// Checks the deadlines that are due: a beat may have moved one of them since.
    fn recover(&mut self, context: &Context<'_>) -> usize {
        let now = context.settings.now;
        let mut stalled = Vec::new();
        for life in self.lives.values_mut() {
            let run = life.run();
            match &mut life.rows.deadline {
                Some(deadline) if deadline.check_at <= now && deadline.deadline_at > now => {
                    deadline.check_at = deadline.deadline_at;
                }
                Some(deadline) if deadline.check_at <= now => stalled.push(run),
                Some(_) | None => {}
            }
        }
        let order = |run: &Run| Some(self.lives.get(run.id.as_str())?.timing().available_at());
        let plan = |run: Run| match decide(
            &run,
            Command::Stall { order: order(&run) },
            context.settings,
        ) {
            Ok(plan) => Some((run, plan)),
            Err(_) => None,
        };
        let plans: Vec<(Run, Plan)> = stalled.into_iter().filter_map(plan).collect();
        let recovered = plans.len();
        self.apply(plans, context);
        recovered
    }

    /// Cancels the children of runs that ended cancelled; their own children are for the next tick.
    fn cancel_children(&mut self, context: &Context<'_>) -> usize {
        let due = self.timers.clone();
        let plan = |(run_id, detail): (&String, &Value)| {
            let run = self.lives.get(run_id)?.run();
            let cancel = Cancel::of_child(Some(detail));
            let plan = decide(&run, Command::Cancel(&cancel), context.settings).ok()?;
            Some((run, plan))
        };
        let plans = due.iter().filter_map(plan).collect();
        self.apply(plans, context);
        self.timers.retain(|run_id, _| !due.contains_key(run_id));
        due.len()
    }
}
