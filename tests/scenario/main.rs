//! The scenarios of the behaviour's specification; each test begins with the id of its scenario.

mod attempt_failure;
mod debounce;
mod delay;
mod dequeue;
mod heartbeat;
mod history;
mod idempotency;
mod registration;
mod schedule;
mod since;
mod trigger;
mod ttl;
mod version;
