//! Checks the options of a trigger.

use std::rc::Rc;

use crate::{
    BatchId, Debounce, Environment, IdempotencyKey, JSON_TYPE, Limits, NewRun, Refusal, RunId,
    Timestamp, TriggerOptions, check_delay_until, check_text, idempotency, ttl,
};

/// Greatest priority, milliseconds: ten years.
const MAX_PRIORITY_MS: u64 = 10 * 366 * 24 * 3_600_000;

impl TriggerOptions {
    /// Checks these options and fills in the defaults.
    ///
    /// # Errors
    /// - [`Refusal::MissingValue`] (`22004`) without a task.
    /// - [`Refusal::InvalidValue`] (`22023`) for a value out of bounds.
    /// - [`Refusal::TooLarge`] (`54000`) for a payload over the limit.
    /// - [`Refusal::TooDeep`], [`Refusal::ReservedKey`], [`Refusal::NotJson`] (`22032`) for a document that cannot be read.
    pub fn check(
        self,
        environment: Rc<Environment>,
        limits: Limits,
        now: Timestamp,
    ) -> Result<NewRun, Refusal> {
        let missing = Refusal::MissingValue { parameter: "task" };
        let mut options = self.check_each(&limits)?;
        let task = options.task.take().ok_or(missing)?;
        options.check_payload(&limits)?;
        let waiting = options.waiting(now)?;
        let queueing = options.queueing(waiting.delay_until, now)?;
        let chosen_id = options.run_id.take();
        let parent_run_id = options.parent_run_id.take();
        Ok(NewRun {
            ttl: ttl::resolve(options.ttl.as_deref(), environment.kind, limits.max_ttl_ms)?,
            delay_until: waiting.delay_until,
            idempotency_key: waiting.idempotency_key,
            debounce: waiting.debounce,
            version: options.version.take(),
            chosen_id: chosen_id
                .map(|id| RunId::choose(&id, environment.shard))
                .transpose()?,
            environment,
            queue: options
                .queue
                .take()
                .unwrap_or_else(|| format!("task/{task}")),
            worker_queue: options
                .worker_queue
                .take()
                .unwrap_or_else(|| "main".to_owned()),
            task,
            payload: options.payload.take().unwrap_or_else(|| "{}".to_owned()),
            payload_type: options
                .payload_type
                .take()
                .unwrap_or_else(|| JSON_TYPE.to_owned()),
            // An empty key means no key.
            concurrency_key: options.concurrency_key.take().filter(|key| !key.is_empty()),
            priority_ms: queueing.priority_ms,
            queue_timestamp: queueing.timestamp,
            available_at: queueing.available_at,
            replayed_from: options
                .replayed_from
                .take()
                .map(|id| RunId::parse(&id).as_str().to_owned()),
            // Without a parent no run waits.
            resume_parent: options.resume_parent.unwrap_or(false) && parent_run_id.is_some(),
            parent_run_id: parent_run_id.as_deref().map(RunId::parse),
            batch_id: options.batch_id.as_deref().map(BatchId::parse),
            batch_index: None,
            options,
        })
    }

    /// Refuses a payload that is too large, or that is not what its type says.
    fn check_payload(&self, limits: &Limits) -> Result<(), Refusal> {
        let payload = self.payload.as_deref().unwrap_or("{}");
        limits.check_payload("payload", payload.len())?;
        check_text("payload", payload, self.payload_type.as_deref())
    }

    /// Checks when the run becomes due, and what makes it unique.
    fn waiting(&self, now: Timestamp) -> Result<Waiting, Refusal> {
        let debounce = self.debounce.as_ref().map(Debounce::read).transpose()?;
        let postponed = debounce.as_ref().map(|debounce| debounce.delay_until(now));
        let delay_until = self.delay_until.map(check_delay_until).transpose()?;
        let expires_at = self.idempotency_key_expires_at;
        expires_at
            .map(|at| at.check("idempotency_key_expires_at"))
            .transpose()?;
        idempotency::check_key_expiry(expires_at, now)?;
        let idempotency_key = self
            .idempotency_key
            .clone()
            .map(|key| IdempotencyKey::check(key, expires_at, now))
            .transpose()?;
        Ok(Waiting {
            delay_until: delay_until.or(postponed),
            idempotency_key,
            debounce,
        })
    }

    /// Checks the order of the run in its queue.
    fn queueing(
        &self,
        delay_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Queueing, Refusal> {
        let priority_ms = self.priority_ms.unwrap_or(0);
        if priority_ms.unsigned_abs() > MAX_PRIORITY_MS {
            return Err(Refusal::invalid(
                "priority_ms",
                format!("{priority_ms} is more than ten years."),
                "Pass the milliseconds by which the run moves ahead.",
            ));
        }
        let timestamp = self.queue_timestamp.or(delay_until).unwrap_or(now);
        timestamp.check("queue_timestamp")?;
        let available_at = timestamp.plus_ms(-priority_ms);
        available_at.check("queue_timestamp")?;
        Ok(Queueing {
            priority_ms,
            timestamp,
            available_at,
        })
    }
}

/// When a run becomes due, and what makes it unique.
struct Waiting {
    delay_until: Option<Timestamp>,
    idempotency_key: Option<IdempotencyKey>,
    debounce: Option<Debounce>,
}

/// The order of a run in its queue.
struct Queueing {
    priority_ms: i64,
    timestamp: Timestamp,
    available_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);
    const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);
    const LIMITS: Limits = Limits {
        max_payload_bytes: 10,
        max_metadata_bytes: 10,
        max_ttl_ms: 0,
    };

    fn check(options: TriggerOptions) -> Result<NewRun, Refusal> {
        options.check(Rc::new(Environment::built_in()), LIMITS, NOW)
    }

    fn hello() -> TriggerOptions {
        TriggerOptions {
            task: Some("hello".to_owned()),
            ..TriggerOptions::default()
        }
    }

    #[test]
    fn a_task_alone_is_enough() {
        let run = check(hello()).unwrap();
        assert_eq!(
            (run.queue.as_str(), run.worker_queue.as_str()),
            ("task/hello", "main")
        );
        assert_eq!(
            (run.payload.as_str(), run.payload_type.as_str()),
            ("{}", "application/json")
        );
        assert_eq!((run.queue_timestamp, run.available_at), (NOW, NOW));
        assert_eq!(
            (run.options.max_attempts, run.options.is_test),
            (None, None)
        );
    }

    #[test]
    fn priority_moves_a_run_ahead_and_a_negative_one_back() {
        let ahead = check(TriggerOptions {
            priority_ms: Some(500),
            ..hello()
        })
        .unwrap();
        let back = check(TriggerOptions {
            priority_ms: Some(-1200),
            ..hello()
        })
        .unwrap();
        assert_eq!(ahead.available_at, NOW.plus_ms(-500));
        assert_eq!(back.available_at, NOW.plus_ms(1200));
    }

    #[test]
    fn a_delayed_run_is_ordered_by_its_time_unless_an_order_was_chosen() {
        let at = NOW.plus_ms(5_000);
        let delayed = TriggerOptions {
            delay_until: Some(at),
            ..hello()
        };
        assert_eq!(check(delayed.clone()).unwrap().queue_timestamp, at);
        let chosen = TriggerOptions {
            queue_timestamp: Some(NOW),
            ..delayed
        };
        assert_eq!(check(chosen).unwrap().queue_timestamp, NOW);
        let debounced = TriggerOptions {
            debounce: Some(serde_json::json!({"key": "k", "delay": "5s"})),
            ..hello()
        };
        assert_eq!(check(debounced).unwrap().delay_until, Some(at));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_with_its_name() {
        type Change = fn(&mut TriggerOptions);
        let refused: [(Change, &str); 18] = [
            (|new| new.task = None, "22004"),
            (|new| new.task = Some(String::new()), "22023"),
            (|new| new.task = Some("x".repeat(129)), "22023"),
            (|new| new.queue = Some("x".repeat(129)), "22023"),
            (|new| new.max_attempts = Some(0), "22023"),
            (|new| new.max_duration_seconds = Some(-1), "22023"),
            (|new| new.priority_ms = Some(i64::MIN), "22023"),
            (|new| new.machine = Some("huge".to_owned()), "22023"),
            (|new| new.tags = Some(vec!["t".to_owned(); 11]), "22023"),
            (|new| new.tags = Some(vec![String::new()]), "22023"),
            (|new| new.queue_timestamp = Some(NEVER), "22023"),
            (|new| new.run_id = Some("a b".to_owned()), "22023"),
            (|new| new.payload = Some("x".repeat(11)), "54000"),
            (|new| new.metadata = Some("x".repeat(9).into()), "54000"),
            (|new| new.delay_until = Some(NEVER), "22023"),
            (|new| new.ttl = Some("soon".to_owned()), "22023"),
            (|new| new.idempotency_key = Some("k".repeat(2049)), "22023"),
            (|new| new.one_time_use_token = Some(String::new()), "22023"),
        ];
        for (change, code) in refused {
            let mut options = hello();
            change(&mut options);
            assert_eq!(
                check(options.clone()).unwrap_err().sqlstate(),
                code,
                "{options:?}"
            );
        }
        assert!(
            check(TriggerOptions {
                payload: Some("1".repeat(10)),
                ..hello()
            })
            .is_ok()
        );
    }

    #[test]
    fn every_text_and_document_of_a_run_has_a_bound() {
        let opaque = [("payload_type", json!("text/plain"))];
        for (parameter, kind) in TriggerOptions::PARAMETERS {
            let long = match *kind {
                "text" => json!("1".repeat(1_000_000)),
                "text[]" => json!(["1".repeat(1_000_000)]),
                "jsonb" => nested(1_000),
                _ => continue,
            };
            // These find a row by the whole text, and return it as it is stored there.
            if matches!(*parameter, "environment_id" | "parent_run_id" | "batch_id") {
                continue;
            }
            let mut options = hello();
            for (name, value) in opaque.iter().cloned() {
                options.set(name, value).unwrap();
            }
            assert!(options.set(parameter, long).unwrap());
            let refusal = check(options).expect_err(parameter);
            assert!(
                ["22023", "22032", "54000"].contains(&refusal.sqlstate()),
                "{parameter}"
            );
        }
    }

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, _| json!([inner]))
    }
}
