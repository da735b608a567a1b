//! The machine of runs that name none.

use engine_core::Machine;
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};

static DEFAULT_MACHINE: GucSetting<MachineName> =
    GucSetting::<MachineName>::new(MachineName::Small1x);

/// The names of the presets, as Postgres requires for an enum setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PostgresGucEnum)]
enum MachineName {
    #[name = c"micro"]
    Micro,
    #[name = c"small-1x"]
    Small1x,
    #[name = c"small-2x"]
    Small2x,
    #[name = c"medium-1x"]
    Medium1x,
    #[name = c"medium-2x"]
    Medium2x,
    #[name = c"large-1x"]
    Large1x,
    #[name = c"large-2x"]
    Large2x,
}

/// The machine of a run that names none.
pub(super) fn default() -> Machine {
    match DEFAULT_MACHINE.get() {
        MachineName::Micro => Machine::Micro,
        MachineName::Small1x => Machine::Small1x,
        MachineName::Small2x => Machine::Small2x,
        MachineName::Medium1x => Machine::Medium1x,
        MachineName::Medium2x => Machine::Medium2x,
        MachineName::Large1x => Machine::Large1x,
        MachineName::Large2x => Machine::Large2x,
    }
}

/// Defines the setting.
pub(super) fn register() {
    GucRegistry::define_enum_guc(
        c"engine.default_machine",
        c"Machine preset of a run that names none.",
        c"",
        &DEFAULT_MACHINE,
        GucContext::Suset,
        GucFlags::empty(),
    );
}
