//! The driver against a real server.

mod engine;
mod parity;
mod worker;
