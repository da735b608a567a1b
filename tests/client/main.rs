//! The driver against a real server.

mod engine;
mod operate;
mod parity;
mod wait;
mod worker;
