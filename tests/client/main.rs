//! The driver against a real server.

mod deploy;
mod drain;
mod engine;
mod event;
mod handler;
mod lossy;
mod operate;
mod parity;
mod policy;
mod pooler;
mod presence;
mod report;
mod running;
mod stop;
mod testing;
mod timekeeper;
mod tls;
mod trace;
mod turn;
mod wait;
mod waiting;
mod watch;
mod worker;
