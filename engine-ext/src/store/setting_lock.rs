//! The lock of a session that sets an environment.

use crate::backend::cells::cell;
use crate::backend::locks;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(HOLDER, "mutex_holder.sql");

/// The session that sets an environment, as an error names it: the one with the oldest transaction.
pub(crate) fn holder(environment_id: &str) -> Option<String> {
    let (class_id, object_id, sub_id) = locks::setting_lock(environment_id);
    let arguments = arguments!(HOLDER {
        class_id,
        object_id,
        sub_id
    });
    HOLDER.query(arguments, cell!(HOLDER.holder)).pop()
}
