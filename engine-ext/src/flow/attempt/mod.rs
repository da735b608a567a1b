//! Attempts: how they start, stay alive and end, and what else moves a single run.

pub(crate) mod cancel;
pub(crate) mod complete;
pub(crate) mod heartbeat;
pub(crate) mod redrive;
pub(crate) mod release;
mod repeat;
pub(crate) mod reschedule;
pub(crate) mod start;
