//! The driver against a real server.

mod cli;
mod engine;
mod operate;
mod parity;
mod wait;
mod worker;
