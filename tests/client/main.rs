//! The driver against a real server.

mod engine;
mod parity;
mod wait;
mod worker;
