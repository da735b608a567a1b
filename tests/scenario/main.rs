//! The scenarios of the behaviour's specification; each test begins with the id of its scenario.

mod alarm;
mod attempt_failure;
mod batch;
mod batch_completion;
mod batch_item;
mod checkpoint;
mod dequeue;
mod edge;
mod fair;
mod heartbeat;
mod history;
mod key;
mod lazy_waitpoint;
mod limit;
mod queue;
mod since;
mod since_wait;
mod trigger;
mod trigger_and_wait;
mod waitpoint;
mod worker_queue;
