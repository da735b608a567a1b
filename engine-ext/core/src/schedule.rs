//! Schedules: their next tick, and when its run begins.

use serde_json::{Value, json};

use crate::{
    Cron, Phase, Refusal, Timestamp, TriggerOptions, Window, ahead_ms, check_document, check_label,
    check_name, spread,
};

/// A schedule as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// The id that callers know.
    pub id: String,
    /// The environment of its runs.
    pub environment_id: String,
    /// The task of its runs.
    pub task: String,
    /// The cron expression of its ticks.
    pub cron: String,
    /// The IANA time zone of the expression.
    pub timezone: String,
    /// How long after its tick a run may begin.
    pub spread_window: Option<String>,
    /// Whether it makes runs.
    pub is_active: bool,
    /// The owner's name for it.
    pub external_id: Option<String>,
    /// The owner's data in the payload of its runs.
    pub payload: Option<Value>,
    /// Other options of its runs, with the keys of `engine_trigger_many`.
    pub options: Option<Value>,
    /// Phase in its window, once it was spread.
    pub phase: Option<Phase>,
    /// The tick of its last run.
    pub last_nominal_at: Option<Timestamp>,
    /// Its next run; `None` if there is none.
    pub next: Option<Beginning>,
}

/// One run of a schedule, before it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beginning {
    /// The tick.
    pub nominal_at: Timestamp,
    /// Earliest dequeue of the run.
    pub effective_at: Timestamp,
    /// When the tick function makes the run.
    pub at: Timestamp,
}

/// The settings that spread schedules.
#[derive(Debug, Clone, PartialEq)]
pub struct Spreading {
    /// The setting `engine.schedule_secret`.
    pub secret: String,
    /// The setting `engine.schedule_spread`: the fraction of schedules to spread.
    pub fraction: f64,
    /// The setting `engine.schedule_ahead_ms`: the longest time by which a run is made in advance.
    pub ahead_ms: i64,
}

impl Spreading {
    /// Whether schedules should be spread, and are not because no secret is set.
    #[must_use]
    pub fn lacks_secret(&self) -> bool {
        self.fraction > 0.0 && self.secret.is_empty()
    }
}

/// Options that the schedule sets itself, or that make no sense for several runs.
const OWN_OPTIONS: &[&str] = &[
    "task",
    "payload",
    "payload_type",
    "environment_id",
    "annotations",
    "queue_timestamp",
    "run_id",
    "delay_until",
    "idempotency_key",
    "idempotency_key_expires_at",
    "debounce",
    "one_time_use_token",
    "parent_run_id",
    "resume_parent",
    "batch_id",
];

impl Schedule {
    /// Checks a schedule.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`), [`Refusal::TooDeep`], [`Refusal::ReservedKey`] (`22032`).
    pub fn check(&self) -> Result<(), Refusal> {
        check_name("id", &self.id)?;
        check_name("task", &self.task)?;
        check_label("external_id", self.external_id.as_deref())?;
        Cron::read(&self.cron, &self.timezone)?;
        self.spread_window
            .as_deref()
            .map(Window::read)
            .transpose()?;
        if let Some(payload) = &self.payload {
            // The payload of its runs contains it one level deeper.
            check_document("payload", &json!({"payload": payload}))?;
        }
        let Some(options) = &self.options else {
            return Ok(());
        };
        check_document("options", options)?;
        let own = options.as_object().into_iter().flatten();
        let own = own
            .map(|(key, _)| key)
            .find(|key| OWN_OPTIONS.contains(&key.as_str()));
        if let Some(key) = own {
            return Err(Refusal::invalid(
                "options",
                format!("\"{key}\" is not an option of a schedule's runs."),
                "Pass only options that can be the same for all runs.",
            ));
        }
        TriggerOptions::from_json(options.clone()).map(|_| ())
    }

    /// Whether `other` has the same times.
    #[must_use]
    pub fn keeps_time_with(&self, other: &Self) -> bool {
        self.cron == other.cron
            && self.timezone == other.timezone
            && self.spread_window == other.spread_window
            && self.environment_id == other.environment_id
            && self.is_active == other.is_active
    }

    /// The next run, after the tick `last` if there was one; `None` while the schedule is not active.
    ///
    /// The next tick is the one after `last`, not the one after now. If it is past, a schedule that is not spread continues
    /// with the first tick to come; a spread one with the last tick whose time in the window is still to come, if any. The
    /// ticks between are skipped: only the one that was already due is caught up on.
    #[must_use]
    pub fn next(
        &self,
        last: Option<Timestamp>,
        now: Timestamp,
        by: &Spreading,
    ) -> Option<Beginning> {
        let cron = Cron::read(&self.cron, &self.timezone)
            .ok()
            .filter(|_| self.is_active)?;
        let window = self.spread_window.as_deref();
        let window = window.and_then(|window| Window::read(window).ok());
        let begins = |nominal_at: Timestamp| {
            let effective_at = match self.phase(by) {
                Some(phase) => spread(nominal_at, cron.after(nominal_at)?, window, phase),
                None => nominal_at,
            };
            let ahead_ms = ahead_ms(effective_at, &self.id, by.ahead_ms);
            Some(Beginning {
                nominal_at,
                effective_at,
                at: effective_at.plus_ms(-ahead_ms),
            })
        };
        let following = begins(cron.after(last.unwrap_or(now))?)?;
        if following.effective_at > now {
            return Some(following);
        }
        let current = cron.at_or_before(now).and_then(begins);
        let is_yet_to_begin =
            |current: &Beginning| self.phase(by).is_some() && current.effective_at >= now;
        match current.filter(is_yet_to_begin) {
            Some(current) => Some(current),
            None => begins(cron.after(now)?),
        }
    }

    /// Phase of a schedule that is spread: the stored one, else the one derived from the secret.
    #[must_use]
    pub fn phase(&self, by: &Spreading) -> Option<Phase> {
        let phase = self
            .phase
            .or_else(|| Phase::of(&by.secret, &self.environment_id, &self.id))?;
        phase.is_within(by.fraction).then_some(phase)
    }
}

#[cfg(test)]
pub(crate) mod tests {

    use super::*;

    pub(crate) fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    pub(crate) fn hourly(phase: Option<i32>) -> Schedule {
        Schedule {
            id: "s".to_owned(),
            environment_id: "default".to_owned(),
            task: "test".to_owned(),
            cron: "0 * * * *".to_owned(),
            timezone: "UTC".to_owned(),
            spread_window: Some("100%".to_owned()),
            is_active: true,
            external_id: None,
            payload: None,
            options: None,
            phase: phase.and_then(Phase::new),
            last_nominal_at: None,
            next: None,
        }
    }

    pub(crate) fn spreading(fraction: f64) -> Spreading {
        Spreading {
            secret: String::new(),
            fraction,
            ahead_ms: 0,
        }
    }

    /// Tick and begin of the run after nine o'clock.
    fn next(phase: Option<i32>, now: &str) -> (String, String) {
        let by = spreading(if phase.is_some() { 1.0 } else { 0.0 });
        let nine = at("2026-01-01T09:00:00Z");
        let begins = hourly(phase).next(Some(nine), at(now), &by).unwrap();
        assert_eq!(begins.at, begins.effective_at);
        (
            begins.nominal_at.to_rfc3339(),
            begins.effective_at.to_rfc3339(),
        )
    }

    fn times(nominal: &str, effective: &str) -> (String, String) {
        let on_day = |time| format!("2026-01-01T{time}:00Z");
        (on_day(nominal), on_day(effective))
    }

    /// Spec: SC-19.
    #[test]
    fn missed_ticks_are_left_out() {
        const QUARTER: i32 = 1 << 29;
        let three = Some(3 * QUARTER);
        assert_eq!(
            next(None, "2026-01-01T12:30:00Z"),
            times("13:00", "13:00"),
            "a"
        );
        assert_eq!(
            next(three, "2026-01-01T10:00:01Z"),
            times("10:00", "10:45"),
            "b"
        );
        assert_eq!(
            next(three, "2026-01-01T12:30:00Z"),
            times("12:00", "12:45"),
            "c"
        );
        assert_eq!(
            next(Some(QUARTER), "2026-01-01T12:30:00Z"),
            times("13:00", "13:15"),
            "d"
        );
        assert_eq!(
            next(Some(0), "2026-01-01T12:00:00Z"),
            times("12:00", "12:00"),
            "e"
        );
    }

    #[test]
    fn a_tick_that_is_not_past_is_the_next_one() {
        assert_eq!(next(None, "2026-01-01T09:00:01Z"), times("10:00", "10:00"));
        // A run that was made in advance does not make the schedule begin with the same tick again.
        assert_eq!(next(None, "2026-01-01T08:59:50Z"), times("10:00", "10:00"));
    }

    /// Spec: SC-3.
    #[test]
    fn a_phase_that_is_stored_stays_and_one_that_is_not_comes_of_the_secret() {
        let by = Spreading {
            secret: "test-secret".to_owned(),
            ..spreading(1.0)
        };
        let daily = Schedule {
            id: "daily-report".to_owned(),
            environment_id: "env_789".to_owned(),
            ..hourly(None)
        };
        assert_eq!(daily.phase(&by).map(Phase::number), Some(43_063_717));
        let pinned = Schedule {
            phase: Phase::new(5),
            ..daily.clone()
        };
        assert_eq!(pinned.phase(&by).map(Phase::number), Some(5));
        assert_eq!(pinned.phase(&spreading(0.0)), None, "nothing is spread");
    }

    #[test]
    fn a_schedule_that_is_not_active_never_begins() {
        let paused = Schedule {
            is_active: false,
            ..hourly(None)
        };
        assert_eq!(
            paused.next(None, at("2026-01-01T09:00:00Z"), &spreading(0.0)),
            None
        );
    }

    #[test]
    fn what_no_schedule_can_be_is_refused() {
        let with = |change: fn(&mut Schedule)| {
            let mut schedule = hourly(None);
            change(&mut schedule);
            schedule.check()
        };
        assert_eq!(with(|_| {}), Ok(()));
        for (change, name) in [
            (
                (|schedule| schedule.id = String::new()) as fn(&mut Schedule),
                "id",
            ),
            (|schedule| schedule.task = String::new(), "task"),
            (|schedule| schedule.cron = "soon".to_owned(), "cron"),
            (|schedule| schedule.timezone = "Mars".to_owned(), "timezone"),
            (
                |schedule| schedule.spread_window = Some("1d".to_owned()),
                "spread_window",
            ),
            (|schedule| schedule.options = Some(json!(5)), "runs"),
            (
                |schedule| schedule.options = Some(json!({"run_id": "a"})),
                "options",
            ),
        ] {
            let refused = with(change).unwrap_err();
            assert!(refused.message().contains(name), "{name}: {refused:?}");
        }
    }
}
