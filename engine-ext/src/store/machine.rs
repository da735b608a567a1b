//! Configured machine presets.

use std::cell::RefCell;

use engine_core::{Machine, Preset};

use crate::backend::cache;
use crate::backend::cells::cell;
use crate::backend::isolation;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(READ, "machine_read.sql");
statement!(SET, "machine_set.sql");

/// Presets, and the generation in which they were read.
type Known = (u64, Vec<(Machine, Preset)>);

thread_local! {
    static CACHED: RefCell<Option<Known>> = const { RefCell::new(None) };
}

/// The configured presets.
pub(crate) fn all() -> Vec<(Machine, Preset)> {
    let generation = cache::generation();
    let known = CACHED.with_borrow(|known| match known {
        Some((at, presets)) if *at == generation => Some(presets.clone()),
        _ => None,
    });
    known.unwrap_or_else(|| {
        cache::watch();
        let presets = read();
        // The generation from before they were read: if one changed in between, they are read again.
        if isolation::sees_commits() {
            CACHED.set(Some((generation, presets.clone())));
        }
        presets
    })
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
