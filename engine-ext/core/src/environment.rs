//! Environments, the tenants of the engine, and their queues.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{EnvironmentType, Refusal, Shard};

/// An environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// Its id.
    pub id: String,
    /// Where it lives.
    pub shard: Shard,
    /// Its kind.
    pub kind: EnvironmentType,
    /// The project it belongs to.
    pub project_id: Option<String>,
    /// The organization it belongs to.
    pub organization_id: Option<String>,
    /// Runs that may hold a slot at once, before the burst factor; `None` for no limit.
    pub concurrency_limit: Option<i32>,
    /// By how much several queues together may exceed the limit.
    pub burst_factor: f64,
    /// Queued runs of one queue from which on triggers are refused; `None` for no limit.
    pub max_queue_size: Option<i32>,
    /// Whether nothing is handed out.
    pub is_paused: bool,
    /// Whether a run waits for a version that knows its task.
    pub requires_version: bool,
    /// Whether it is closed for good.
    pub is_archived: bool,
    /// Retry policy of its runs that have none, neither of their own nor of their task.
    pub retry: Option<Value>,
    /// Whether claims reserve slots of its limit in shared memory, before they count. Then its limit is no lane's; else lanes have
    /// it, too, and a claimer has the mutex alone.
    pub reserves_slots: bool,
    /// Whether what is there has been fitted to its limits since they were set. Until then slots count that do not say so, and
    /// queues without a limit have lanes.
    pub is_fitted: bool,
    /// Those of its queues that somebody has set.
    pub queues: BTreeMap<String, Queue>,
}

/// A queue that somebody has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Queue {
    /// Runs of it, or of each of its concurrency keys, that may hold a slot at once; `None` for the environment's limit.
    pub concurrency_limit: Option<i32>,
    /// Stands in for the limit while it is set.
    pub override_limit: Option<i32>,
    /// Queued runs from which on triggers are refused; `None` for what the environment says.
    pub max_size: Option<i32>,
    /// Whether nothing is handed out.
    pub is_paused: bool,
}

impl Environment {
    /// The id of the environment that exists although nobody has set it.
    pub const DEFAULT_ID: &'static str = "default";

    /// That environment, as long as nobody sets it to something else.
    #[must_use]
    pub fn built_in() -> Self {
        Self {
            id: Self::DEFAULT_ID.to_owned(),
            shard: Shard::default(),
            kind: EnvironmentType::Production,
            project_id: None,
            organization_id: None,
            concurrency_limit: None,
            burst_factor: 1.0,
            max_queue_size: None,
            is_paused: false,
            requires_version: false,
            is_archived: false,
            retry: None,
            reserves_slots: false,
            is_fitted: true,
            queues: BTreeMap::new(),
        }
    }

    /// Whether it limits as `other` does, its queues aside.
    #[must_use]
    pub fn limits_as(&self, other: &Self) -> bool {
        let limits = |of: &Self| {
            (
                of.concurrency_limit,
                of.cap(),
                of.max_queue_size,
                of.reserves_slots,
            )
        };
        limits(self) == limits(other)
    }

    /// The most slots of the environment: the limit with its burst; `None` for no limit.
    #[must_use]
    pub fn cap(&self) -> Option<i64> {
        if self.is_paused {
            return Some(0);
        }
        self.concurrency_limit
            .map(|limit| (f64::from(limit) * self.burst_factor).floor() as i64)
    }

    /// Whether claims may reserve its slots: whether it has a limit that no single lane can fall short of.
    fn can_reserve(&self) -> bool {
        match (self.cap(), self.concurrency_limit) {
            (Some(cap), Some(limit)) => cap <= i64::from(limit),
            (cap, _) => cap.is_some(),
        }
    }

    /// Whether it goes by reservations exactly where that can be; `is_possible` says whether this server has the memory.
    #[must_use]
    pub fn is_settled(&self, is_possible: bool) -> bool {
        self.reserves_slots == (is_possible && self.can_reserve())
    }

    /// Has it go by reservations where that can be.
    pub fn settle(&mut self, is_possible: bool) {
        self.reserves_slots = is_possible && self.can_reserve();
    }

    /// Whether a claimer has its mutex alone, since nothing else keeps others from its slots.
    #[must_use]
    pub fn needs_mutex(&self) -> bool {
        self.cap().is_some() && !self.reserves_slots
    }

    /// The most slots of a lane whose queue says nothing: the limit without its burst; `None` for no limit.
    #[must_use]
    pub fn lane_cap(&self) -> Option<i32> {
        self.concurrency_limit.filter(|_| !self.reserves_slots)
    }

    /// Whether there are lanes with a limit, or may be some that have none any more.
    #[must_use]
    pub fn has_lanes(&self) -> bool {
        !self.is_fitted || self.lane_cap().is_some() || self.queue_caps().next().is_some()
    }

    /// The most slots of a lane of `queue`; `None` for no limit.
    #[must_use]
    pub fn cap_of(&self, queue: &str) -> Option<i32> {
        let own = self.queues.get(queue).and_then(Queue::limit);
        match (own, self.concurrency_limit) {
            (Some(own), Some(all)) => Some(own.min(all)),
            (own, _) => own.or(self.lane_cap()),
        }
    }

    /// Which limits a slot of `queue` counts against.
    #[must_use]
    pub fn limits(&self, queue: &str) -> SlotLimits {
        let own = self.queues.get(queue).and_then(Queue::limit);
        match own {
            Some(_) => SlotLimits {
                is_counted: true,
                is_noted: true,
            },
            None => self.other_limits(),
        }
    }

    /// Which limits a slot counts against whose queue has none.
    #[must_use]
    pub fn other_limits(&self) -> SlotLimits {
        SlotLimits {
            is_counted: self.cap().is_some(),
            is_noted: self.needs_mutex(),
        }
    }

    /// The queues that have a limit, with the most slots of each of their lanes.
    pub fn queue_caps(&self) -> impl Iterator<Item = (&str, i32)> {
        let within = self.concurrency_limit.unwrap_or(i32::MAX);
        self.queues.iter().filter_map(move |(name, queue)| {
            let limit = queue.limit()?;
            Some((name.as_str(), limit.min(within)))
        })
    }

    /// How many runs of `queue` may be queued; `None` for no limit.
    #[must_use]
    pub fn max_queued(&self, queue: &str) -> Option<i32> {
        let own = self.queues.get(queue).and_then(|queue| queue.max_size);
        own.or(self.max_queue_size)
    }

    /// Refuses new work for an environment that is closed for good.
    ///
    /// # Errors
    /// [`Refusal::ArchivedEnvironment`] (`RE005`).
    pub fn check_open(&self) -> Result<(), Refusal> {
        if self.is_archived {
            Err(Refusal::ArchivedEnvironment {
                environment_id: self.id.clone(),
            })
        } else {
            Ok(())
        }
    }
}

/// What limits make of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlotLimits {
    /// Whether it counts against one.
    pub is_counted: bool,
    /// Whether giving it back is noted, since its lane has a limit and may have filed items.
    pub is_noted: bool,
}

impl SlotLimits {
    /// What applies to one of two slots at least.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            is_counted: self.is_counted || other.is_counted,
            is_noted: self.is_noted || other.is_noted,
        }
    }
}

impl Queue {
    /// Its own limit; `None` for none.
    #[must_use]
    pub fn limit(&self) -> Option<i32> {
        if self.is_paused {
            return Some(0);
        }
        self.override_limit.or(self.concurrency_limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(limit: i32, burst_factor: f64) -> Environment {
        Environment {
            concurrency_limit: Some(limit),
            burst_factor,
            ..Environment::built_in()
        }
    }

    #[test]
    fn only_several_queues_together_may_burst() {
        let environment = environment(5, 1.5);
        assert_eq!(
            (environment.cap(), environment.lane_cap()),
            (Some(7), Some(5))
        );
        assert_eq!(Environment::built_in().cap(), None);
    }

    #[test]
    fn a_paused_queue_lets_nothing_out_and_zero_is_a_limit() {
        let mut environment = environment(10, 1.0);
        let queue = |limit, is_paused| Queue {
            concurrency_limit: limit,
            is_paused,
            ..Queue::default()
        };
        environment
            .queues
            .insert("paused".to_owned(), queue(Some(3), true));
        environment
            .queues
            .insert("zero".to_owned(), queue(Some(0), false));
        environment
            .queues
            .insert("large".to_owned(), queue(Some(30), false));
        environment
            .queues
            .insert("free".to_owned(), queue(None, false));
        let caps: Vec<_> = environment.queue_caps().collect();
        assert_eq!(caps, [("large", 10), ("paused", 0), ("zero", 0)]);
    }

    #[test]
    fn an_override_stands_in_for_the_limit_and_a_pause_for_both() {
        let queue = Queue {
            concurrency_limit: Some(3),
            override_limit: Some(7),
            ..Queue::default()
        };
        assert_eq!(queue.limit(), Some(7));
        let paused = Queue {
            is_paused: true,
            ..queue
        };
        assert_eq!(paused.limit(), Some(0));
    }

    #[test]
    fn slots_are_reserved_where_there_is_memory_and_a_limit_that_no_lane_falls_short_of() {
        for (limit, burst_factor, can_reserve) in [(5, 1.0, true), (0, 1.0, true), (5, 1.5, false)]
        {
            for is_possible in [true, false] {
                let mut environment = environment(limit, burst_factor);
                environment.settle(is_possible);
                assert!(environment.is_settled(is_possible));
                assert_eq!(environment.reserves_slots, is_possible && can_reserve);
                assert_eq!(environment.needs_mutex(), !environment.reserves_slots);
            }
        }
        let mut open = Environment::built_in();
        open.settle(true);
        assert!(!open.reserves_slots && !open.needs_mutex());
    }

    #[test]
    fn where_slots_are_reserved_only_queues_with_a_limit_of_their_own_have_lanes() {
        let mut environment = environment(5, 1.0);
        let own = Queue {
            concurrency_limit: Some(9),
            ..Queue::default()
        };
        environment.queues.insert("own".to_owned(), own);
        let limits = |environment: &Environment, queue| {
            let limits = environment.limits(queue);
            let cap = environment.cap_of(queue);
            (cap, limits.is_counted, limits.is_noted)
        };
        assert_eq!(limits(&environment, "own"), (Some(5), true, true));
        assert_eq!(limits(&environment, "other"), (Some(5), true, true));
        environment.settle(true);
        assert_eq!(limits(&environment, "own"), (Some(5), true, true));
        assert_eq!(limits(&environment, "other"), (None, true, false));
    }

    #[test]
    fn an_environment_has_lanes_by_its_own_limit_or_one_of_a_queue() {
        let mut open = Environment::built_in();
        assert!(!open.has_lanes());
        open.queues.insert("q".to_owned(), Queue::default());
        assert!(!open.has_lanes());
        open.queues.insert(
            "q".to_owned(),
            Queue {
                is_paused: true,
                ..Queue::default()
            },
        );
        assert!(open.has_lanes());
    }
}
