//! What can be measured, by name.

use anyhow::Result;
use clap::ValueEnum;
use engine_harness::progress;

use super::report::Chapter;
use super::{
    Bench, blocked, delay, dequeue, flow, growth, horizon, lifecycle, storage, wait, wake,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Suite {
    /// The claim alone, beside what a client would do without the engine.
    Dequeue,
    /// Runs from trigger to completion.
    Lifecycle,
    /// Claims while the queue and the history grow.
    Growth,
    /// Claims behind queues that are at their limits.
    Blocked,
    /// Steady load while a transaction stays open.
    Horizon,
    /// Idle workers: how fast they wake, and what they cost.
    Wake,
    /// Claims while very many delays end.
    Delay,
    /// Runs that wait and go on, beside many others that wait.
    Wait,
    /// Retry, requeue, checkpoint and cancel, beside what a client would do without the engine.
    Flow,
    /// Transitions by the form of the tables.
    Storage,
}

impl Suite {
    /// Those that were named, each once and in a fixed order; all where none was.
    pub(super) fn chosen(named: &[Self]) -> Vec<Self> {
        Self::value_variants()
            .iter()
            .copied()
            .filter(|suite| named.is_empty() || named.contains(suite))
            .collect()
    }

    pub(super) async fn measure(self, bench: &mut Bench) -> Result<Chapter> {
        progress::say(format!("suite {}", self.name()));
        match self {
            Self::Dequeue => dequeue::measure(bench).await,
            Self::Lifecycle => lifecycle::measure(bench).await,
            Self::Growth => growth::measure(bench).await,
            Self::Blocked => blocked::measure(bench).await,
            Self::Horizon => horizon::measure(bench).await,
            Self::Wake => wake::measure(bench).await,
            Self::Delay => delay::measure(bench).await,
            Self::Wait => wait::measure(bench).await,
            Self::Flow => flow::measure(bench).await,
            Self::Storage => storage::measure(bench).await,
        }
    }

    fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
