//! Locks slots, and gives them back.

use engine_core::Shard;

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;

statement!(LOCK, "slot_lock.sql");
statement!(RELEASE, "slot_release.sql");

/// A slot whose run is locked.
pub(crate) struct Slot {
    pub(crate) run_id: String,
    /// Whether it counts against a limit.
    pub(crate) is_counted: bool,
    /// Whether giving it back is noted.
    pub(crate) is_noted: bool,
}

/// Locks the heartbeat deadlines, and with them the slots, of locked runs, in the order of their ids.
pub(crate) fn lock(shard: Shard, run_ids: Vec<&str>) -> Vec<Slot> {
    let arguments = arguments!(LOCK { shard, run_ids });
    LOCK.query(arguments, |cells| Slot {
        run_id: cell!(cells, LOCK.run_id),
        is_counted: cell!(cells, LOCK.is_counted),
        is_noted: cell!(cells, LOCK.is_noted),
    })
}

/// Makes dequeues look again at the lanes of slots that are given back, each with whether that is noted. Returns the
/// environments and worker queues of these slots.
pub(crate) fn release(shard: Shard, freed: &[(String, bool)]) -> Vec<(String, String)> {
    RELEASE.query(
        arguments!(RELEASE {
            shard,
            run_ids: column(freed, |(run_id, _)| run_id.as_str()),
            whether_each_is_noted: column(freed, |(_, is_noted)| *is_noted)
        }),
        |cells| {
            (
                cell!(cells, RELEASE.environment_id),
                cell!(cells, RELEASE.worker_queue),
            )
        },
    )
}
