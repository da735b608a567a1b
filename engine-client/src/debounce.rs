//! Debounce: several triggers make one run.

use std::time::Duration;

use serde_json::{Value, json};

use crate::time::to_text;

/// Debounce options of a trigger: the first trigger with a key makes a delayed run, and each later one postpones
/// it.
///
/// Durations are kept in whole seconds, rounded up.
///
/// ```
/// use std::time::Duration;
///
/// use engine_client::{Debounce, Trigger};
///
/// // One run for all edits of a document, a minute after the last one and with its payload.
/// let debounce = Debounce::new("document-17", Duration::from_secs(60))
///     .trailing()
///     .max_delay(Duration::from_secs(3600));
/// let trigger = Trigger::new("index").debounce(debounce);
/// ```
#[derive(Debug, Clone)]
pub struct Debounce {
    key: String,
    delay: Duration,
    mode: Option<&'static str>,
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

    /// The parameter `debounce` of `engine_trigger`.
    pub(crate) fn to_json(&self) -> Value {
        let mut json = json!({"key": self.key, "delay": to_text(self.delay)});
        if let Some(mode) = self.mode {
            json["mode"] = mode.into();
        }
        if let Some(max_delay) = self.max_delay {
            json["maxDelay"] = to_text(max_delay).into();
        }
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_the_engine_reads_it() {
        let debounce = Debounce::new("k", Duration::from_millis(1500));
        assert_eq!(debounce.to_json(), json!({"key": "k", "delay": "2s"}));
        let trailing = debounce.trailing().max_delay(Duration::from_secs(60));
        assert_eq!(
            trailing.to_json(),
            json!({"key": "k", "delay": "2s", "mode": "trailing", "maxDelay": "60s"})
        );
    }
}
