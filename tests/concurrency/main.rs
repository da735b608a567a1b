//! Many sessions at once.

mod beat;
mod deduplication;
mod dequeue;
mod dequeue_lock;
mod dump;
mod event;
mod event_reader;
mod event_storm;
mod family;
mod held_vacuum;
mod horizon;
mod limit;
mod lock;
mod memory;
mod operator;
mod removal;
mod reservation;
mod saturation;
mod shared_run;
mod soak;
mod storm;
mod unrest;
mod version;
mod wait;
mod wait_call;
mod waiter;
