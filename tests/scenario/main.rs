//! The scenarios of the behaviour's specification; each test begins with the id of its scenario.

mod attempt_failure;
mod dequeue;
mod fair;
mod heartbeat;
mod history;
mod key;
mod limit;
mod queue;
mod since;
mod trigger;
mod worker_queue;
