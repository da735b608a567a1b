//! What can be measured, by name.

use anyhow::Result;
use clap::ValueEnum;
use engine_harness::progress;

use super::arguments::Suite;
use super::report::Chapter;
use super::{
    Bench, blocked, delay, dequeue, flow, growth, horizon, lifecycle, nodes, page, retention,
    right, shard, storage, wait, wake,
};

impl Suite {
    /// The named suites, each once and in a fixed order; all if none is named.
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
            Self::Retention => retention::measure(bench).await,
            Self::Right => right::measure(bench).await,
            Self::Shard => shard::measure(bench).await,
            Self::Page => page::measure(bench).await,
            Self::Nodes => nodes::measure(bench).await,
        }
    }

    fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
