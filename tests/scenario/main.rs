//! The scenarios of the behaviour's specification; each test begins with the id of its scenario.

mod attempt_failure;
mod checkpoint;
mod dequeue;
mod heartbeat;
mod history;
mod lazy_waitpoint;
mod since;
mod trigger;
mod trigger_and_wait;
mod waitpoint;
