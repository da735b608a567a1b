//! Machine presets (`spec/core.md §2.7`).

use serde_json::{Value, json};

use crate::status::named;

named! {
    /// How large a machine a run asks for. The engine hands it on; whoever starts workers acts on it.
    Machine {
        /// 0.25 processors, 0.25 GB.
        Micro = "micro",
        /// 0.5 processors, 0.5 GB.
        Small1x = "small-1x",
        /// 1 processor, 1 GB.
        Small2x = "small-2x",
        /// 1 processor, 2 GB.
        Medium1x = "medium-1x",
        /// 2 processors, 4 GB.
        Medium2x = "medium-2x",
        /// 4 processors, 8 GB.
        Large1x = "large-1x",
        /// 8 processors, 16 GB.
        Large2x = "large-2x",
    }
}

impl Machine {
    /// The preset that a run gets: the one it names, or `default` where it names none or an unknown one.
    #[must_use]
    pub fn resolve(named: Option<&str>, default: Self) -> Self {
        named.and_then(Self::parse).unwrap_or(default)
    }

    /// The preset as callers see it; `memory` in gigabytes.
    #[must_use]
    pub fn to_json(self) -> Value {
        let (cpu, memory) = match self {
            Self::Micro => (0.25, 0.25),
            Self::Small1x => (0.5, 0.5),
            Self::Small2x => (1.0, 1.0),
            Self::Medium1x => (1.0, 2.0),
            Self::Medium2x => (2.0, 4.0),
            Self::Large1x => (4.0, 8.0),
            Self::Large2x => (8.0, 16.0),
        };
        json!({"name": self.as_str(), "cpu": cpu, "memory": memory, "centsPerMs": 0})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_falls_back_to_the_default() {
        assert_eq!(
            Machine::resolve(Some("large-2x"), Machine::Micro),
            Machine::Large2x
        );
        assert_eq!(
            Machine::resolve(Some("huge"), Machine::Micro),
            Machine::Micro
        );
        assert_eq!(Machine::resolve(None, Machine::Small1x), Machine::Small1x);
    }
}
