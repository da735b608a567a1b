//! How operators change environments and queues.

use serde_json::Value;

use crate::{
    Environment, EnvironmentType, Limits, PauseChange, Queue, Refusal, RetrySettings, Shard,
    Timestamp, check_label,
};

/// A requested change of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitChange {
    /// Keeps the limit.
    Keep,
    /// Sets the limit; `None` removes it.
    Set(Option<i32>),
}

impl LimitChange {
    /// The parameter value that keeps a limit.
    pub const KEEP: i32 = -1;

    /// Reads the parameter of a limit: -1 keeps it, NULL removes it.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) below -1.
    pub fn read(parameter: &'static str, given: Option<i32>) -> Result<Self, Refusal> {
        match given {
            Some(Self::KEEP) => Ok(Self::Keep),
            Some(limit) if limit < 0 => Err(Refusal::invalid(
                parameter,
                format!("{limit} is less than 0."),
                "Pass 0 or more, NULL for no limit, or -1 to keep it as it is.",
            )),
            limit => Ok(Self::Set(limit)),
        }
    }

    fn apply(self, limit: &mut Option<i32>) {
        if let Self::Set(new) = self {
            *limit = new;
        }
    }
}

/// A requested change of an environment; `None` keeps a field.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvironmentChange {
    /// Name of the kind.
    pub kind: Option<String>,
    /// Project id.
    pub project_id: Option<String>,
    /// Organization id.
    pub organization_id: Option<String>,
    /// Limit on its slots.
    pub concurrency_limit: LimitChange,
    /// Factor by which several queues together may exceed the limit.
    pub burst_factor: Option<f64>,
    /// Queued runs per queue at which triggers are refused.
    pub max_queue_size: LimitChange,
    /// Whether dequeues skip it.
    pub pause: PauseChange,
    /// Whether runs wait for a version that knows their task.
    pub requires_version: Option<bool>,
    /// Whether it accepts no new work.
    pub is_archived: Option<bool>,
    /// Retry policy; a JSON null or false removes it.
    pub retry: Option<Value>,
    /// Where it lives; only a new one can be told.
    pub shard: Option<Shard>,
}

impl EnvironmentChange {
    /// Applies the change to `environment` that role `by` asks for at `now`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for an unknown kind, a burst factor below 1, an id that is too long, a policy
    /// that cannot be read, or another shard; [`Refusal::TooDeep`], [`Refusal::ReservedKey`] (`22032`), [`Refusal::TooLarge`]
    /// (`54000`) for one that is too deep, has such a key or is too large.
    pub fn apply(
        self,
        environment: &mut Environment,
        limits: &Limits,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if let Some(shard) = self.shard.filter(|shard| *shard != environment.shard) {
            return Err(Refusal::invalid(
                "shard",
                format!(
                    "Environment \"{}\" lives on shard {}, not on {}: the ids of its runs name it for ever.",
                    environment.id,
                    environment.shard.number(),
                    shard.number()
                ),
                "Leave the shard out, or create another environment.",
            ));
        }
        if let Some(kind) = self.kind {
            environment.kind = EnvironmentType::parse(&kind).ok_or_else(|| {
                Refusal::invalid(
                    "type",
                    format!("\"{kind}\" is not a kind of environment."),
                    "Pass PRODUCTION, STAGING, DEVELOPMENT or PREVIEW.",
                )
            })?;
        }
        if let Some(burst_factor) = self.burst_factor {
            if !(1.0..=1000.0).contains(&burst_factor) {
                return Err(Refusal::invalid(
                    "burst_factor",
                    format!("{burst_factor} is not between 1 and 1000."),
                    "Pass 1 for no burst.",
                ));
            }
            environment.burst_factor = burst_factor;
        }
        let keep = |new: Option<String>, old: &mut Option<String>| {
            if new.is_some() {
                *old = new;
            }
        };
        keep(
            check_label("project_id", self.project_id)?,
            &mut environment.project_id,
        );
        keep(
            check_label("organization_id", self.organization_id)?,
            &mut environment.organization_id,
        );
        self.concurrency_limit
            .apply(&mut environment.concurrency_limit);
        self.max_queue_size.apply(&mut environment.max_queue_size);
        self.pause.apply(&mut environment.pause, by, now);
        environment.requires_version = self
            .requires_version
            .unwrap_or(environment.requires_version);
        if let Some(retry) = self.retry {
            limits.check_document("retry", &retry)?;
            environment.retry = match retry {
                Value::Null | Value::Bool(false) => None,
                retry => Some(RetrySettings::check(retry)?),
            };
        }
        environment.is_archived = self.is_archived.unwrap_or(environment.is_archived);
        Ok(())
    }
}

/// A requested change of a queue; `None` keeps a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueChange {
    /// Limit on its slots.
    pub concurrency_limit: LimitChange,
    /// Replaces the limit while it is set.
    pub override_limit: LimitChange,
    /// Queued runs at which triggers are refused.
    pub max_size: LimitChange,
    /// Whether dequeues skip it.
    pub pause: PauseChange,
}

impl QueueChange {
    /// Applies the change to `queue` that role `by` asks for at `now`.
    #[must_use]
    pub fn apply(self, mut queue: Queue, by: &str, now: Timestamp) -> Queue {
        self.concurrency_limit.apply(&mut queue.concurrency_limit);
        self.override_limit.apply(&mut queue.override_limit);
        self.max_size.apply(&mut queue.max_size);
        self.pause.apply(&mut queue.pause, by, now);
        queue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: Option<i32>) -> Result<LimitChange, Refusal> {
        LimitChange::read("concurrency_limit", given)
    }

    #[test]
    fn a_limit_is_kept_set_or_taken_away() {
        assert_eq!(read(Some(-1)), Ok(LimitChange::Keep));
        assert_eq!(read(Some(0)), Ok(LimitChange::Set(Some(0))));
        assert_eq!(read(None), Ok(LimitChange::Set(None)));
        assert_eq!(read(Some(-2)).unwrap_err().sqlstate(), "22023");
    }

    #[test]
    fn a_pause_keeps_the_limit_for_the_time_after() {
        let change = |paused| QueueChange {
            concurrency_limit: LimitChange::Keep,
            override_limit: LimitChange::Keep,
            max_size: LimitChange::Keep,
            pause: PauseChange::read(Some(paused), None).unwrap(),
        };
        let queue = Queue {
            concurrency_limit: Some(3),
            ..Queue::default()
        };
        let now = Timestamp::from_micros(0);
        let paused = change(true).apply(queue, "ann", now);
        assert_eq!(paused.limit(), Some(0));
        assert_eq!(change(false).apply(paused, "ann", now).limit(), Some(3));
    }
}
