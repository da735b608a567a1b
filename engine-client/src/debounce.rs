//! Debounce: several triggers make one run.

use std::time::Duration;

use serde::Serialize;

use crate::time::{serialize_duration, serialize_nullable_duration};

/// Debounce options of a trigger: the first trigger with a key makes a delayed run, and each later one postpones
/// it.
///
/// Durations are kept in whole seconds, rounded up.
//
// Serialized, it is the parameter debounce of engine_trigger.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Debounce {
    key: String,
    #[serde(serialize_with = "serialize_duration")]
    delay: Duration,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    #[serde(
        serialize_with = "serialize_nullable_duration",
        skip_serializing_if = "Option::is_none"
    )]
    max_delay: Option<Duration>,
}

impl Debounce {
    /// The run starts `delay` after the last trigger with this key, with the payload of the first.
    pub fn new(key: impl Into<String>, delay: Duration) -> Self {
        Self {
            key: key.into(),
            delay,
            mode: None,
            max_delay: None,
        }
    }

    /// The last trigger defines the run, instead of the first.
    pub fn trailing(mut self) -> Self {
        self.mode = Some("trailing");
        self
    }

    /// Longest postponement after the run's creation; then the next trigger makes another run.
    pub fn max_delay(mut self, max_delay: Duration) -> Self {
        self.max_delay = Some(max_delay);
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_written_as_the_engine_reads_it() {
        let debounce = Debounce::new("k", Duration::from_millis(1500));
        assert_eq!(
            serde_json::to_value(&debounce).unwrap(),
            json!({"key": "k", "delay": "2s"})
        );
        let trailing = debounce.trailing().max_delay(Duration::from_secs(60));
        assert_eq!(
            serde_json::to_value(&trailing).unwrap(),
            json!({"key": "k", "delay": "2s", "mode": "trailing", "maxDelay": "60s"})
        );
    }
}
