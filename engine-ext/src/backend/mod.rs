//! Postgres's own machinery: how a statement is planned and executed, what a session may cache, where scans begin, locks, sleeps.
//!
//! It knows Postgres; of runs it knows only how ids, statuses and times pass into statements and out of them.

pub(crate) mod acl;
pub(crate) mod cache;
pub(crate) mod caller;
pub(crate) mod cells;
pub(crate) mod client;
pub(crate) mod commit;
mod crash;
mod format;
pub(crate) mod given;
pub(crate) mod header;
pub(crate) mod hold;
pub(crate) mod isolation;
pub(crate) mod latch;
pub(crate) mod locks;
pub(crate) mod low_water;
pub(crate) mod memory;
pub(crate) mod parameter;
pub(crate) mod passed;
pub(crate) mod planner;
pub(crate) mod position;
pub(crate) mod procedure;
pub(crate) mod rows;
pub(crate) mod statement;
pub(crate) mod subtransaction;
pub(crate) mod table;
pub(crate) mod value;

pub(crate) use low_water::has_written;
