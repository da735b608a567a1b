//! The limits of environments and queues: how many of their runs may hold a slot.

use crate::{Environment, Queue};

/// The effect of limits on a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlotLimits {
    /// Whether it counts against a limit.
    pub is_counted: bool,
    /// Whether giving it back is recorded, since its lane has a limit and may have filed items.
    pub is_noted: bool,
}

impl SlotLimits {
    /// The union of two slots' effects.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            is_counted: self.is_counted || other.is_counted,
            is_noted: self.is_noted || other.is_noted,
        }
    }
}

impl Environment {
    /// Whether it has the same limits as `other`, its queues aside.
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
        if self.pause.is_some() {
            return Some(0);
        }
        self.concurrency_limit
            .map(|limit| (f64::from(limit) * self.burst_factor).floor() as i64)
    }

    /// Whether dequeues may reserve its slots: it has a limit, and bursts do not raise it above the limit of a single lane.
    fn can_reserve(&self) -> bool {
        match (self.cap(), self.concurrency_limit) {
            (Some(cap), Some(limit)) => cap <= i64::from(limit),
            (cap, _) => cap.is_some(),
        }
    }

    /// Whether it uses reservations exactly where they are possible; `is_possible` tells whether this server has the memory.
    #[must_use]
    pub fn is_settled(&self, is_possible: bool) -> bool {
        self.reserves_slots == (is_possible && self.can_reserve())
    }

    /// Uses reservations where they are possible.
    pub fn settle(&mut self, is_possible: bool) {
        self.reserves_slots = is_possible && self.can_reserve();
    }

    /// Whether a dequeue takes its mutex exclusively, since nothing else protects its slots.
    #[must_use]
    pub fn needs_mutex(&self) -> bool {
        self.cap().is_some() && !self.reserves_slots
    }

    /// Most slots of a lane whose queue sets no limit: the environment's limit without burst; `None` for no limit.
    #[must_use]
    pub fn lane_cap(&self) -> Option<i32> {
        self.concurrency_limit.filter(|_| !self.reserves_slots)
    }

    /// Whether anything limits how many of its runs hold slots: the environment, or one of its queues; or may, until rows are
    /// adapted to its limits.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.cap().is_some() || self.has_lanes()
    }

    /// Whether it has lanes with a limit, or may still have lanes from an earlier limit.
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

    /// The limits that a slot of `queue` counts against.
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

    /// The limits that a slot of a queue without a limit counts against.
    #[must_use]
    pub fn other_limits(&self) -> SlotLimits {
        SlotLimits {
            is_counted: self.cap().is_some(),
            is_noted: self.needs_mutex(),
        }
    }

    /// The queues with a limit, each with the most slots of one of its lanes.
    pub fn queue_caps(&self) -> impl Iterator<Item = (&str, i32)> {
        let within = self.concurrency_limit.unwrap_or(i32::MAX);
        self.queues.iter().filter_map(move |(name, queue)| {
            let limit = queue.limit()?;
            Some((name.as_str(), limit.min(within)))
        })
    }
}

impl Queue {
    /// The limit in force: the override, if set; `None` for none.
    #[must_use]
    pub fn limit(&self) -> Option<i32> {
        if self.pause.is_some() {
            return Some(0);
        }
        self.override_limit.or(self.concurrency_limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pause;

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
        let queue = |limit, is_paused: bool| Queue {
            concurrency_limit: limit,
            pause: is_paused.then(Pause::default),
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
            pause: Some(Pause::default()),
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
                pause: Some(Pause::default()),
                ..Queue::default()
            },
        );
        assert!(open.has_lanes());
    }
}
