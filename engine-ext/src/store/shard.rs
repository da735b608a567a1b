//! Shards: what this database says about them, and which are in use.

use std::cell::RefCell;
use std::rc::Rc;

use engine_core::{Said, Shard, Shards};

use crate::backend::cache;
use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(READ, "shard_read.sql");
statement!(IN_USE, "shard_in_use.sql");

/// What a session has read, as of a generation of the settings.
type Known<T> = RefCell<Option<(u64, Rc<T>)>>;

thread_local! {
    static ALL: Known<Shards> = RefCell::default();
    static IN_USE_NOW: Known<Vec<Shard>> = RefCell::default();
}

/// What this database says about all shards.
pub(crate) fn all() -> Rc<Shards> {
    ALL.with(|known| {
        known_or(known, cache::generation(), || {
            let said = READ.query(arguments!(READ {}), |cells| {
                let said = Said {
                    state: cell!(cells, READ.state),
                    place: cell!(cells, READ.place),
                };
                (cell!(cells, READ.number), said)
            });
            Shards::new(said)
        })
    })
}

/// The shards that have environments here, in order; the first one as well. No other one has rows.
pub(crate) fn in_use() -> Rc<Vec<Shard>> {
    IN_USE_NOW.with(|known| {
        known_or(known, cache::fresh_generation(), || {
            IN_USE.query(arguments!(IN_USE {}), cell!(IN_USE.shard))
        })
    })
}

/// What is known as of `generation`, or is read now.
fn known_or<T>(known: &Known<T>, generation: u64, read: impl FnOnce() -> T) -> Rc<T> {
    if let Some((of, known)) = &*known.borrow()
        && *of == generation
    {
        return Rc::clone(known);
    }
    cache::watch();
    let read = Rc::new(read());
    // The generation from before it was read: if it changed in between, it is read again.
    known.replace(Some((generation, Rc::clone(&read))));
    read
}
