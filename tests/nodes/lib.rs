//! What tests of several servers have in common: the servers, callers and a worker.

pub mod caller;
pub mod fleet;
pub mod running;
mod standby;
