//! The driver against a real server.

mod deploy;
mod drain;
mod engine;
mod handler;
mod operate;
mod parity;
mod policy;
mod pooler;
mod report;
mod running;
mod stop;
mod timekeeper;
mod tls;
mod wait;
mod waiting;
mod watch;
mod worker;
