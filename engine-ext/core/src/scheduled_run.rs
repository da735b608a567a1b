//! The run of a schedule, and its payload.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::{Beginning, Cron, Environment, Limits, Refusal, Schedule, Timestamp, TriggerOptions};

/// Number of upcoming ticks in the payload.
const UPCOMING: usize = 10;

impl Schedule {
    /// The run of one tick.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) if the stored options can no longer be read.
    pub fn run(&self, begins: Beginning) -> Result<TriggerOptions, Refusal> {
        let options = match &self.options {
            Some(options) => TriggerOptions::from_json(options.clone())?,
            None => TriggerOptions::default(),
        };
        Ok(TriggerOptions {
            task: Some(self.task.clone()),
            environment_id: Some(self.environment_id.clone()),
            payload: Some(self.payload_of(begins).to_string()),
            queue_timestamp: Some(begins.effective_at),
            annotations: Some(json!({
                "triggerSource": "schedule",
                "triggerAction": "trigger",
                "rootTriggerSource": "schedule",
                "rootScheduleId": self.id,
            })),
            ..options
        })
    }

    /// Refuses a schedule whose runs would be refused: at its ticks there is no caller to report to.
    ///
    /// # Errors
    /// As [`TriggerOptions::check`].
    pub fn check_run(
        &self,
        environment: Rc<Environment>,
        limits: Limits,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let some = Beginning {
            nominal_at: now,
            effective_at: now,
            at: now,
        };
        // The payload is longest once there was an earlier tick.
        let later = Self {
            last_nominal_at: Some(now),
            ..self.clone()
        };
        later.run(some)?.check(environment, limits, now).map(|_| ())
    }

    fn payload_of(&self, begins: Beginning) -> Value {
        let cron = Cron::read(&self.cron, &self.timezone).ok();
        let following = |at: &Timestamp| cron.as_ref()?.after(*at);
        let upcoming: Vec<String> = std::iter::successors(following(&begins.nominal_at), following)
            .take(UPCOMING)
            .map(Timestamp::to_rfc3339)
            .collect();
        let mut payload = json!({
            "scheduleId": self.id,
            "type": "IMPERATIVE",
            "timestamp": begins.nominal_at.to_rfc3339(),
            "timezone": self.timezone,
            "upcoming": upcoming,
        });
        let more = [
            (
                "lastTimestamp",
                self.last_nominal_at.map(|at| json!(at.to_rfc3339())),
            ),
            ("externalId", self.external_id.clone().map(Value::String)),
            ("payload", self.payload.clone()),
        ];
        if let Some(object) = payload.as_object_mut() {
            let said = more
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?)));
            object.extend(said);
        }
        payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::tests::{at, hourly, spreading};

    /// Spec: SC-1.
    #[test]
    fn a_run_is_told_its_tick_the_last_one_and_the_next_ten() {
        let schedule = Schedule {
            last_nominal_at: Some(at("2026-01-01T08:00:00Z")),
            external_id: Some("mine".to_owned()),
            payload: Some(json!({"n": 1})),
            options: Some(json!({"queue": "q", "ttl": "1h"})),
            ..hourly(None)
        };
        let begins = schedule.next(
            Some(at("2026-01-01T08:00:00Z")),
            at("2026-01-01T08:30:00Z"),
            &spreading(0.0),
        );
        let run = schedule.run(begins.unwrap()).unwrap();
        assert_eq!(
            (run.task.as_deref(), run.queue.as_deref()),
            (Some("test"), Some("q"))
        );
        assert_eq!(run.queue_timestamp, Some(at("2026-01-01T09:00:00Z")));
        let payload: Value = serde_json::from_str(&run.payload.unwrap()).unwrap();
        assert_eq!(payload["timestamp"], "2026-01-01T09:00:00Z");
        assert_eq!(payload["lastTimestamp"], "2026-01-01T08:00:00Z");
        assert_eq!(
            (&payload["externalId"], &payload["payload"]),
            (&json!("mine"), &json!({"n": 1}))
        );
        let upcoming = payload["upcoming"].as_array().unwrap();
        assert_eq!(
            (upcoming.len(), &upcoming[0], &upcoming[9]),
            (
                10,
                &json!("2026-01-01T10:00:00Z"),
                &json!("2026-01-01T19:00:00Z")
            )
        );
        let first = hourly(None).payload_of(begins.unwrap());
        assert_eq!(first.get("lastTimestamp"), None);
    }
}
