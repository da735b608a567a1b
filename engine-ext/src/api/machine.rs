//! Machine presets.

use engine_core::{Machine, Preset, Refusal};
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::error::{OrRaise, required};
use crate::{api, store};

entries!(engine_set_machine);

/// Sets the size and cost of a machine preset, for all runs from now on.
///
/// `memory` in gigabytes, `cents_per_ms` what a millisecond of an attempt costs, in cents.
///
/// # Errors
/// - `22023` for a name that is not a preset, or a value that is negative, more than a million, or no number.
#[pg_extern(sql = false)]
fn engine_set_machine(
    name: Option<&str>,
    cpu: Option<f64>,
    memory: Option<f64>,
    cents_per_ms: Option<f64>,
) {
    api::enter_writing().or_raise();
    set(name, cpu, memory, cents_per_ms).or_raise();
}

fn set(
    name: Option<&str>,
    cpu: Option<f64>,
    memory: Option<f64>,
    cents_per_ms: Option<f64>,
) -> Result<(), Refusal> {
    let machine = Machine::check("name", required("name", name)?)?;
    let preset = Preset::new(
        required("cpu", cpu)?,
        required("memory", memory)?,
        required("cents_per_ms", cents_per_ms)?,
    )?;
    store::machine::set(machine, preset);
    Ok(())
}
