//! The scenarios of the behaviour's specification; each test begins with the id of its scenario.

mod attempt_failure;
mod dequeue;
mod heartbeat;
mod history;
mod since;
mod trigger;
