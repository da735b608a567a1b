//! The driver against a real server.

mod engine;
mod handler;
mod operate;
mod parity;
mod policy;
mod running;
mod wait;
mod watch;
mod worker;
