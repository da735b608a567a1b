//! Time to live: how long a run may wait in its queue before its first dequeue.

use serde_json::Value;

use crate::status::only_in;
use crate::{
    EnvironmentType, ExecutionStatus, Finish, Plan, Refusal, Run, RunError, RunStatus, Settings,
    Timestamp, Transition, duration,
};

/// Default in development environments, seconds.
const DEVELOPMENT_SECONDS: i64 = 600;

/// The time to live of a new run, as stored: its caller's or its task's, else ten minutes in development, and never more
/// than `max_ms` unless that is 0. A duration, or a number of seconds; "0" means none.
pub(crate) fn resolve(
    given: Option<&str>,
    kind: EnvironmentType,
    max_ms: i64,
) -> Result<Option<String>, Refusal> {
    let seconds = match given {
        Some(text) => read(text)?,
        None => match kind {
            EnvironmentType::Development => DEVELOPMENT_SECONDS,
            EnvironmentType::Production | EnvironmentType::Staging | EnvironmentType::Preview => 0,
        },
    };
    // A maximum below a second is one second, not none.
    let max = max_ms / 1000 + i64::from(max_ms % 1000 > 0);
    let seconds = match (seconds, max) {
        (seconds, 0) => seconds,
        (0, max) => max,
        (seconds, max) => seconds.min(max),
    };
    Ok((seconds > 0).then(|| duration::write(seconds)))
}

/// Reads the time to live in a task's registration: text, or a number of seconds.
pub(crate) fn of_task(value: &Value) -> Result<Option<String>, Refusal> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    read(&text)?;
    Ok(Some(text))
}

fn read(text: &str) -> Result<i64, Refusal> {
    if !text.is_empty() && text.len() < 10 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return duration::check("ttl", &format!("{text}s"));
    }
    duration::check("ttl", text)
}

/// When a run with this stored time to live expires if it is queued at `now`.
pub(crate) fn expires_at(ttl: Option<&str>, now: Timestamp) -> Option<Timestamp> {
    let seconds = duration::parse(ttl?)?;
    Some(now.plus_ms(seconds * 1000))
}

/// Expires a run whose time to live has passed in the queue, or while it was parked; a run that was dequeued before never
/// expires.
pub(crate) fn expire(run: &Run, ttl: &str, settings: &Settings) -> Plan {
    use ExecutionStatus::*;
    let description = only_in!(run.execution_status, {
        Queued if !run.was_dequeued => "Expired: its time to live passed in the queue",
        RunCreated if !run.was_dequeued => "Expired: its time to live passed while it waited for a version",
    } else return Plan::Keep);
    let error = RunError::text(&format!("Run expired because the TTL ({ttl}) was reached"));
    Plan::finish(Finish {
        error: Some(error.to_json()),
        ..run.ended(
            Transition::Expired,
            RunStatus::Expired,
            description,
            0,
            settings,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::transition::tests::{decided, end, run_in};

    fn resolved(given: Option<&str>, kind: EnvironmentType, max_ms: i64) -> Option<String> {
        resolve(given, kind, max_ms).unwrap()
    }

    #[test]
    fn what_is_said_comes_before_the_default_and_zero_is_none() {
        use EnvironmentType::*;
        assert_eq!(resolved(None, Production, 0), None);
        assert_eq!(
            resolved(Some("90"), Production, 0).as_deref(),
            Some("1m30s")
        );
        assert_eq!(resolved(Some("1h"), Production, 0).as_deref(), Some("1h"));
        assert_eq!(resolved(None, Development, 0).as_deref(), Some("10m"));
        assert_eq!(resolved(Some("0"), Development, 0), None);
    }

    #[test]
    fn the_ceiling_holds_for_those_who_say_more_and_those_who_say_nothing() {
        use EnvironmentType::*;
        for (given, expected) in [
            (None, "1m"),
            (Some("0"), "1m"),
            (Some("1h"), "1m"),
            (Some("10s"), "10s"),
        ] {
            assert_eq!(
                resolved(given, Production, 60_000).as_deref(),
                Some(expected)
            );
        }
    }

    #[test]
    fn a_ceiling_below_a_second_is_a_second_and_not_none() {
        let resolved = |max_ms| resolved(None, EnvironmentType::Production, max_ms);
        assert_eq!(resolved(1).as_deref(), Some("1s"));
        assert_eq!(resolved(1_001).as_deref(), Some("2s"));
        assert_eq!(resolved(0), None);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for given in ["soon", "", "-1", "1.5", "300ms", "99999999999999"] {
            let refused = resolve(Some(given), EnvironmentType::Production, 0);
            assert_eq!(refused.unwrap_err().sqlstate(), "22023", "{given}");
        }
    }

    #[test]
    fn only_a_queued_or_parked_run_that_was_never_dequeued_expires() {
        for status in ExecutionStatus::ALL {
            let fresh = Run {
                was_dequeued: false,
                ..run_in(*status)
            };
            let plan = decided(&fresh, Command::Expire { ttl: "10m" }).unwrap();
            match status {
                ExecutionStatus::Queued | ExecutionStatus::RunCreated => {
                    let finish = end(plan);
                    assert_eq!(finish.run_status, RunStatus::Expired);
                    let error = finish.error.unwrap();
                    assert!(error["raw"].as_str().unwrap().contains("10m"), "{error}");
                }
                _ => assert_eq!(plan, Plan::Keep, "{status}"),
            }
            let held = decided(&run_in(*status), Command::Expire { ttl: "10m" });
            assert_eq!(held, Ok(Plan::Keep), "{status}");
        }
    }
}
