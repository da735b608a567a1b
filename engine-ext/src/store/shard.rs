//! Shards: what is on record about them, and which are in use.

use std::cell::RefCell;
use std::rc::Rc;

use engine_core::{Shard, ShardRecord, Shards};

use crate::backend::cache;
use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(READ, "shard_read.sql");
statement!(IN_USE, "shard_in_use.sql");

thread_local! {
    /// The shards in use, as of a generation of the settings.
    static KNOWN: RefCell<Option<(u64, Rc<Vec<Shard>>)>> = RefCell::default();
}

/// The shards of this database.
pub(crate) fn all() -> Shards {
    Shards::new(READ.query(arguments!(READ {}), |cells| {
        let record = ShardRecord {
            state: cell!(cells, READ.state),
            place: cell!(cells, READ.place),
        };
        (cell!(cells, READ.number), record)
    }))
}

/// The shards that have environments here, in order; the first one as well. No other one has rows.
pub(crate) fn in_use() -> Rc<Vec<Shard>> {
    // The generation from before they are read: if it changes in between, they are read again.
    let generation = cache::fresh_generation();
    let known = KNOWN.with_borrow(Clone::clone);
    if let Some((_, known)) = known.filter(|(of, _)| *of == generation) {
        return known;
    }
    cache::watch();
    let read = Rc::new(IN_USE.query(arguments!(IN_USE {}), cell!(IN_USE.shard)));
    KNOWN.set(Some((generation, Rc::clone(&read))));
    read
}
