//! The scenarios of the behaviour's specification; each test begins with the id of its scenario.

mod attempt_failure;
mod cancel;
mod cancel_tree;
mod ceiling;
mod complete_many;
mod dequeue;
mod fair;
mod finished;
mod heartbeat;
mod history;
mod key;
mod limit;
mod queue;
mod redrive;
mod reported;
mod retry;
mod since;
mod stray;
mod trigger;
mod usage;
mod worker_queue;
