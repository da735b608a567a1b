//! The metrics of a cluster's calls, by node.

use metrics::{counter, describe_counter};

/// Describes each metric to the recorder, for its HELP texts.
pub(crate) fn describe() {
    describe_counter!(
        "engine_calls_repeated_total",
        "Calls that failed at a node and were repeated there"
    );
    describe_counter!(
        "engine_calls_elsewhere_total",
        "Calls that a node refused because it does not serve their shard"
    );
}

pub(super) fn repeated(node: &str) {
    counter!("engine_calls_repeated_total", "node" => node.to_owned()).increment(1);
}

pub(super) fn elsewhere(node: &str) {
    counter!("engine_calls_elsewhere_total", "node" => node.to_owned()).increment(1);
}
