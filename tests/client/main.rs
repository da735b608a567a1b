//! The driver against a real server.

mod cli;
mod engine;
mod parity;
mod wait;
mod worker;
