//! Configured machine presets.

use std::cell::RefCell;
use std::rc::Rc;

use engine_core::{Machine, Preset};

use crate::backend::cache::{self, Known, known};
use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(READ, "machine_read.sql");
statement!(SET, "machine_set.sql");

thread_local! {
    static PRESETS: Known<Vec<(Machine, Preset)>> = const { RefCell::new(None) };
}

/// The configured presets.
pub(crate) fn all() -> Rc<Vec<(Machine, Preset)>> {
    known(&PRESETS, cache::generation(), read)
}

/// Sets a preset, for every session from this commit on.
pub(crate) fn set(machine: Machine, preset: Preset) {
    SET.execute(arguments!(SET {
        name: machine.as_str(),
        cpu: preset.cpu,
        memory: preset.memory,
        cents_per_ms: preset.cents_per_ms
    }));
    cache::changed();
}

fn read() -> Vec<(Machine, Preset)> {
    READ.query(arguments!(READ {}), |cells| {
        let machine = match Machine::parse(&cell!(cells, READ.name as String)) {
            Some(machine) => machine,
            None => unreachable!("only presets are set"),
        };
        let preset = Preset {
            cpu: cell!(cells, READ.cpu),
            memory: cell!(cells, READ.memory),
            cents_per_ms: cell!(cells, READ.cents_per_ms),
        };
        (machine, preset)
    })
}
