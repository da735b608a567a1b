//! Leadership among the sessions that call the tick.

use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::error::OrRaise;
use crate::{api, backend};

entries!(engine_lead);

/// Makes the calling session lead those that call `engine_tick`, if no other one does, and returns whether it leads.
///
/// It leads until it ends. A session that does not lead may tick as well: the lead only prevents that all do so at once.
#[pg_extern(sql = false)]
fn engine_lead() -> bool {
    api::enter_writing().or_raise();
    backend::locks::lead()
}
