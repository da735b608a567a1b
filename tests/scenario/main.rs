//! The scenarios of the behaviour's specification; each test begins with the id of its scenario.

mod alarm;
mod attempt_failure;
mod cancel;
mod cancel_tree;
mod ceiling;
mod complete_many;
mod dequeue;
mod event;
mod event_reader;
mod event_stall;
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
mod start_many;
mod stray;
mod trigger;
mod usage;
mod worker_queue;
