//! The driver against a real server.

mod deploy;
mod engine;
mod handler;
mod operate;
mod parity;
mod policy;
mod pooler;
mod report;
mod running;
mod timekeeper;
mod tls;
mod wait;
mod watch;
mod worker;
