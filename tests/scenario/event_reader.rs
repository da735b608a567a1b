//! A reader of events that compares each with the rows that it describes.

use anyhow::Result;
use engine_harness::{Database, Event, Held, Session};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

/// A reader of events that compares each with the rows.
pub struct Reader {
    /// The reader's session.
    pub session: Session,
    /// The position of the last event that it has read.
    pub after: i64,
}

/// The rows that events describe, as JSON.
struct Rows {
    run: Value,
    state: Value,
    snapshot: Value,
}

impl Reader {
    /// Opens a database with these settings, whose environment `e` belongs to a project and an organization.
    pub async fn open(settings: &[(&str, &str)]) -> Result<Self> {
        let database = Database::fresh().await?;
        for (setting, value) in settings {
            database.set(setting, value).await?;
        }
        let session = Session::open(&database).await?;
        let sql = "select engine_set_environment('e', project_id => 'proj', organization_id => 'org'), \
                          engine_set_machine('small-1x', 0.5, 0.5, 0.0001)";
        session.client.batch_execute(sql).await?;
        Ok(Self { session, after: 0 })
    }

    /// Triggers a run with a value in every field.
    pub async fn trigger(&self, more: &str) -> Result<Held> {
        let arguments = format!(
            r#"'test', environment_id => 'e', tags => array['t'], max_duration_seconds => 60,
               trace_context => '{{"spanId": "s12345"}}'{more}"#
        );
        self.session.trigger_with(&arguments).await
    }

    /// Triggers such a run and starts it; none of that is compared.
    pub async fn take(&mut self, more: &str) -> Result<Held> {
        self.trigger(more).await?;
        let held = self.session.take().await?;
        self.skip().await?;
        Ok(held)
    }

    /// Reads all events so far.
    pub async fn skip(&mut self) -> Result<()> {
        let events = self.session.all_events(self.after).await?;
        self.after = events.last().map_or(self.after, |event| event.position);
        Ok(())
    }

    /// The events since the last call, which must have these names and match the rows.
    pub async fn next_events(&mut self, names: &[&str]) -> Result<Vec<Event>> {
        let events = self.session.all_events(self.after).await?;
        let given: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(given, names);
        for event in &events {
            assert!(
                event.position > self.after,
                "{} is out of order",
                event.name
            );
            self.after = event.position;
            self.compare(event).await?;
        }
        Ok(events)
    }

    async fn compare(&self, event: &Event) -> Result<()> {
        if event.name == "runMetadataUpdated" {
            return Ok(());
        }
        let rows = self.rows(event).await?;
        assert_eq!(event.body, rows.expected(&event.name), "{}", event.name);
        assert_eq!(event.time, rows.snapshot["created_at"], "{}", event.name);
        Ok(())
    }

    /// The run of an event, and the snapshot: the one that it names, or the run's last one.
    async fn rows(&self, event: &Event) -> Result<Rows> {
        let sql = "select to_jsonb(r), to_jsonb(s) || jsonb_build_object('started_at', coalesce(s.started_at, s.dequeued_at), \
                          'cost_in_cents', coalesce(s.cost_in_cents, 0), 'base_cost_in_cents', coalesce(s.base_cost_in_cents, 0), \
                          'output_type', coalesce(s.output_type, 'application/json')), to_jsonb(p) \
                   from engine.run as r \
                   join engine.run_state as s on s.run_id = r.id \
                   join engine.history as p on p.run_id = r.id \
                   where r.id = $1 and p.id = coalesce($2, s.snapshot_id)";
        let snapshot = event.body["snapshot"]["id"].as_str();
        let row = self
            .session
            .client
            .query_one(sql, &[&event.run_id, &snapshot])
            .await?;
        let json = |column: usize| row.get::<_, Json<Value>>(column).0;
        Ok(Rows {
            run: json(0),
            state: json(1),
            snapshot: json(2),
        })
    }
}

impl Rows {
    /// The expected body of an event with this name.
    fn expected(&self, name: &str) -> Value {
        let Self {
            run,
            state,
            snapshot,
        } = self;
        if name == "executionSnapshotCreated" {
            return json!({"run": {"id": run["id"]}, "snapshot": {
                "id": snapshot["id"],
                "executionStatus": snapshot["execution_status"],
                "description": snapshot["description"],
                "runStatus": snapshot["run_status"],
                "attemptNumber": snapshot["attempt_number"],
                "checkpointId": snapshot["checkpoint_id"],
                "workerId": snapshot["worker_id"],
                "runnerId": snapshot["runner_id"],
                "completedWaitpointIds": [],
                "isValid": snapshot["is_valid"],
                "error": snapshot["error"],
            }});
        }
        if name == "workerNotification" {
            let reported =
                json!({"id": snapshot["id"], "executionStatus": snapshot["execution_status"]});
            return json!({"run": {"id": run["id"]}, "snapshot": reported});
        }
        let mut body = json!({
            "run": {
                "id": run["id"],
                "friendlyId": format!("run_{}", run["id"].as_str().unwrap_or_default()),
                "status": state["run_status"],
                "createdAt": run["created_at"],
                "updatedAt": state["updated_at"],
                "runTags": run["tags"],
                "batchId": run["batch_id"],
                "spanId": run["trace_context"]["spanId"],
            },
            "organization": {"id": run["organization_id"]},
            "project": {"id": run["project_id"]},
            "environment": {"id": run["environment_id"]},
        });
        let more = self.more(name);
        if let (Some(run), Value::Object(more)) = (body["run"].as_object_mut(), more) {
            run.extend(more);
        }
        if name == "runRetryScheduled" {
            body["retryAt"] = snapshot["detail"]["retryAt"].clone();
            body["environment"] = json!({
                "id": run["environment_id"],
                "slug": run["environment_id"],
                "type": run["environment_type"],
                "organization": body["organization"],
                "project": body["project"],
            });
        }
        body
    }

    /// The additional keys of an event with this name.
    fn more(&self, name: &str) -> Value {
        let Self {
            run,
            state,
            snapshot,
        } = self;
        let attempt_number = match &snapshot["attempt_number"] {
            Value::Null => json!(1),
            number => number.clone(),
        };
        match name {
            "runCreated" | "runStatusChanged" => json!({}),
            "runLocked" => json!({
                "lockedAt": state["dequeued_at"],
                "startedAt": state["started_at"],
                "baseCostInCents": state["base_cost_in_cents"],
                "machinePreset": state["machine"],
                "lockedById": run["task"],
                "lockedToVersionId": state["version"],
                "lockedQueueId": run["queue"],
                "taskVersion": state["version"],
                "sdkVersion": null,
                "cliVersion": null,
                "maxDurationInSeconds": run["max_duration_seconds"],
                "maxAttempts": state["max_attempts"],
            }),
            "runAttemptStarted" => json!({
                "attemptNumber": state["attempt_number"],
                "baseCostInCents": state["base_cost_in_cents"],
                "executedAt": state["executed_at"],
            }),
            "runAttemptFailed" => {
                let own = ["attemptError", "error"]
                    .iter()
                    .find_map(|key| snapshot["detail"].get(key));
                json!({
                    "taskEventStore": "taskEvent",
                    "attemptNumber": attempt_number,
                    "error": own.unwrap_or(&state["error"]),
                    "completedAt": state["completed_at"],
                })
            }
            "runRetryScheduled" => {
                let mut keys = json!({
                    "attemptNumber": state["attempt_number"].as_i64().unwrap_or(0) + 1,
                    "queue": run["queue"],
                    "taskIdentifier": run["task"],
                    "traceContext": run["trace_context"],
                    "baseCostInCents": state["base_cost_in_cents"],
                    "error": snapshot["detail"]["error"],
                });
                if let Some(machine) = snapshot["detail"].get("nextMachineAfterOOM") {
                    assert_eq!(machine, &state["machine"]);
                    keys["nextMachineAfterOOM"] = machine.clone();
                }
                keys
            }
            "runSucceeded" => json!({
                "taskEventStore": "taskEvent",
                "attemptNumber": attempt_number,
                "output": state["output"],
                "outputType": state["output_type"],
                "completedAt": state["completed_at"],
                "usageDurationMs": state["usage_duration_ms"],
                "costInCents": state["cost_in_cents"],
            }),
            "runFailed" => json!({
                "taskEventStore": "taskEvent",
                "attemptNumber": attempt_number,
                "error": state["error"],
                "completedAt": state["completed_at"],
                "usageDurationMs": state["usage_duration_ms"],
                "costInCents": state["cost_in_cents"],
            }),
            "runCancelled" => json!({
                "taskEventStore": "taskEvent",
                "attemptNumber": attempt_number,
                "error": state["error"],
                "completedAt": state["completed_at"],
            }),
            other => panic!("no transition emits {other}"),
        }
    }
}
