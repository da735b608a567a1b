//! The harness: builds the extension, lays a private copy of a Postgres installation, runs servers
//! from it as an unprivileged user, and hands a fresh database to each test.
//!
//! `cargo xtask test` prepares one server for all tests and names it in [`SERVER_VARIABLE`] and
//! [`PREFIX_VARIABLE`]; a test asks for [`Database::fresh`], or starts a server of its own with
//! [`Cluster::start`] when it kills the server or counts its WAL.

mod account;
mod batch;
mod check;
mod cluster;
pub mod condition;
mod copy;
mod database;
mod disk;
mod event;
mod extension;
mod home;
mod install_script;
pub mod major;
mod notice;
pub mod package;
mod page;
mod pg_config;
mod plproxy;
mod pooler;
mod postmaster;
mod prefix;
pub mod prepare;
mod process;
pub mod progress;
pub mod python;
mod reach;
mod removal;
mod resident;
mod server;
mod session;
mod size;
mod source;
mod stand_in;
mod stock;
mod time;
mod update_script;
mod wait;
mod wal;
mod wheel;
mod workspace;

pub use check::{Sweep, Violation};
pub use cluster::{Cluster, Options};
pub use database::Database;
pub use disk::SmallDisk;
pub use event::Event;
pub use extension::{Extension, Profile, put};
pub use notice::Notices;
pub use page::{Block, Page};
pub use pg_config::{MAJORS, PgConfig};
pub use plproxy::with_plproxy;
pub use pooler::Pooler;
pub use prefix::{Loaded, OLDER_PREFIXES_VARIABLE, PREFIX_VARIABLE, Prefix};
pub use process::{cpu_time_of, session_cpu_time};
pub use resident::Resident;
pub use server::{SERVER_VARIABLE, Server};
pub use session::{Cancelled, Completed, Held, Refused, Session};
pub use size::{SIZE_VARIABLE, Scale, Size};
pub use stock::{STOCK_VARIABLE, Stock};
pub use wait::{Blocked, Continued};
pub use wal::{Wal, WalUse, commits_between};
pub use workspace::Workspace;

/// The README's Rust compiles as printed.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
