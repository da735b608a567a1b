//! The statements of `sql/statement`, one module per table: each executes a statement and returns owned rows.
//!
//! Modules know [`row`], which has what tables share, and nothing of each other.

pub(crate) mod attempt;
pub(crate) mod batch;
pub(crate) mod batch_item;
pub(crate) mod check;
pub(crate) mod checkpoint;
pub(crate) mod delay;
pub(crate) mod doctor;
pub(crate) mod edge;
pub(crate) mod environment;
pub(crate) mod event;
pub(crate) mod event_horizon;
pub(crate) mod event_reader;
pub(crate) mod extension;
pub(crate) mod forget;
pub(crate) mod grant;
pub(crate) mod heartbeat;
pub(crate) mod leftover;
pub(crate) mod machine;
pub(crate) mod metric;
pub(crate) mod notice;
pub(crate) mod observe;
pub(crate) mod options;
pub(crate) mod parked;
pub(crate) mod queue_item;
pub(crate) mod release;
pub(crate) mod removal;
pub(crate) mod repeat;
pub(crate) mod retention;
pub(crate) mod row;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod setting_lock;
pub(crate) mod slot;
pub(crate) mod snapshot;
pub(crate) mod stretch;
pub(crate) mod test_clock;
pub(crate) mod tick;
pub(crate) mod timer;
pub(crate) mod transition;
pub(crate) mod trigger;
pub(crate) mod trigger_key;
pub(crate) mod turn;
pub(crate) mod waitpoint;
pub(crate) mod worker;
