//! Machine presets.

use serde_json::{Value, json};

use crate::status::named;
use crate::{EnvironmentType, Refusal};

named! {
    /// A run's machine size. The engine only passes it on; the deployment that starts workers acts on it.
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
    /// The preset of a run: the one it names, or `default` if it names none or an unknown one.
    #[must_use]
    pub fn resolve(named: Option<&str>, default: Self) -> Self {
        named.and_then(Self::parse).unwrap_or(default)
    }

    /// Reads the name of a preset in a parameter.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for any other name.
    pub fn check(parameter: &'static str, name: &str) -> Result<Self, Refusal> {
        Self::parse(name).ok_or_else(|| {
            Refusal::invalid(
                parameter,
                format!("\"{name}\" is not a preset."),
                "Pass micro, small-1x, small-2x, medium-1x, medium-2x, large-1x or large-2x.",
            )
        })
    }
}

/// Greatest value of a preset's fields, so that no sum of costs overflows.
const MOST: f64 = 1_000_000.0;

/// Size and cost of a preset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preset {
    /// Processors.
    pub cpu: f64,
    /// Gigabytes.
    pub memory: f64,
    /// Cost of one millisecond, cents.
    pub cents_per_ms: f64,
}

impl Preset {
    /// Checks the values of a preset.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for a value that is negative, above a million, or not a number.
    pub fn new(cpu: f64, memory: f64, cents_per_ms: f64) -> Result<Self, Refusal> {
        for (parameter, value) in [
            ("cpu", cpu),
            ("memory", memory),
            ("cents_per_ms", cents_per_ms),
        ] {
            if !(0.0..=MOST).contains(&value) {
                return Err(Refusal::invalid(
                    parameter,
                    format!("{value} is not between 0 and 1000000."),
                    "Pass zero or more.",
                ));
            }
        }
        Ok(Self {
            cpu,
            memory,
            cents_per_ms,
        })
    }

    const fn built_in(machine: Machine) -> Self {
        let (cpu, memory) = match machine {
            Machine::Micro => (0.25, 0.25),
            Machine::Small1x => (0.5, 0.5),
            Machine::Small2x => (1.0, 1.0),
            Machine::Medium1x => (1.0, 2.0),
            Machine::Medium2x => (2.0, 4.0),
            Machine::Large1x => (4.0, 8.0),
            Machine::Large2x => (8.0, 16.0),
        };
        Self {
            cpu,
            memory,
            cents_per_ms: 0.0,
        }
    }
}

/// All presets: the configured ones and the built-in ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Machines {
    default: Machine,
    set: Vec<(Machine, Preset)>,
}

impl Machines {
    /// The built-in presets; `default` applies to runs that name none.
    #[must_use]
    pub const fn built_in(default: Machine) -> Self {
        Self {
            default,
            set: Vec::new(),
        }
    }

    /// The presets with those in `set` replaced.
    #[must_use]
    pub fn with(self, set: Vec<(Machine, Preset)>) -> Self {
        Self { set, ..self }
    }

    /// The preset of a run that names `name`.
    #[must_use]
    pub fn resolve(&self, name: Option<&str>) -> Machine {
        Machine::resolve(name, self.default)
    }

    /// Size and cost of `machine`.
    #[must_use]
    pub fn preset(&self, machine: Machine) -> Preset {
        match self.set.iter().find(|(name, _)| *name == machine) {
            Some((_, preset)) => *preset,
            None => Preset::built_in(machine),
        }
    }

    /// The smallest preset with at least this much; the default if there is none.
    #[must_use]
    pub fn fitting(&self, cpu: f64, memory: f64) -> Machine {
        let fits = |machine: &&Machine| {
            let preset = self.preset(**machine);
            preset.cpu >= cpu && preset.memory >= memory
        };
        Machine::ALL
            .iter()
            .find(fits)
            .copied()
            .unwrap_or(self.default)
    }

    /// The preset as callers see it; `memory` in gigabytes.
    #[must_use]
    pub fn to_json(&self, machine: Machine) -> Value {
        let Preset {
            cpu,
            memory,
            cents_per_ms,
        } = self.preset(machine);
        json!({"name": machine.as_str(), "cpu": cpu, "memory": memory, "centsPerMs": cents_per_ms})
    }

    /// All presets by name, and the default one as the empty name.
    #[must_use]
    pub fn all_to_json(&self) -> Value {
        let named = Machine::ALL
            .iter()
            .map(|machine| (machine.as_str().to_owned(), self.to_json(*machine)));
        let default = (String::new(), self.to_json(self.default));
        named.chain([default]).collect()
    }

    /// Cost of `duration_ms` milliseconds on the machine that a run names, cents; zero in development.
    #[must_use]
    pub fn cost(&self, environment: EnvironmentType, name: Option<&str>, duration_ms: i64) -> f64 {
        match environment {
            EnvironmentType::Development => 0.0,
            EnvironmentType::Production | EnvironmentType::Staging | EnvironmentType::Preview => {
                self.preset(self.resolve(name)).cents_per_ms * duration_ms as f64
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_falls_back_to_the_default() {
        let machines = Machines::built_in(Machine::Micro);
        assert_eq!(machines.resolve(Some("large-2x")), Machine::Large2x);
        assert_eq!(machines.resolve(Some("huge")), Machine::Micro);
        assert_eq!(machines.resolve(None), Machine::Micro);
        assert_eq!(
            Machine::check("machine", "huge").unwrap_err().sqlstate(),
            "22023"
        );
    }

    #[test]
    fn time_costs_what_the_machine_costs_and_nothing_in_development() {
        let dear = Preset::new(0.5, 0.5, 0.0001).unwrap();
        let machines = Machines::built_in(Machine::Small1x).with(vec![(Machine::Small1x, dear)]);
        assert_eq!(machines.cost(EnvironmentType::Production, None, 500), 0.05);
        assert_eq!(machines.cost(EnvironmentType::Development, None, 500), 0.0);
        assert_eq!(
            machines.cost(EnvironmentType::Production, Some("micro"), 500),
            0.0
        );
    }

    #[test]
    fn a_preset_has_no_negative_values_and_none_beyond_a_million() {
        assert!(Preset::new(0.0, 0.0, 0.0).is_ok());
        assert!(Preset::new(MOST, MOST, MOST).is_ok());
        for (cpu, memory, cents) in [
            (-1.0, 1.0, 1.0),
            (1.0, f64::NAN, 1.0),
            (1.0, 1.0, -0.1),
            (f64::INFINITY, 1.0, 1.0),
            (1.0, MOST + 1.0, 1.0),
            (1.0, 1.0, f64::MAX),
        ] {
            assert_eq!(
                Preset::new(cpu, memory, cents).unwrap_err().sqlstate(),
                "22023"
            );
        }
    }
}
