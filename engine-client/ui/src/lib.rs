//! The dashboard of the run engine: pages over HTTP that show what a database's runs do, and act on them.
//!
//! The server renders HTML; a small script adds what HTML cannot do: live figures, keys, copying. Pages are read-only
//! transactions with the rights of the database role, or of the role of the user that a trusted proxy names.
//!
//! The rooms: `query` has the SQL, and is the only one that has it; `page` has a room per page; `part` has what pages share;
//! `action` has what forms do.

#![forbid(unsafe_code)]

mod action;
mod asset;
mod csv;
mod durations;
mod fault;
mod filter;
mod guard;
mod hub;
mod live;
mod moment;
mod number;
mod options;
mod page;
mod part;
mod pool;
mod query;
mod redact;
mod request;
mod series;
mod served;
mod server;
mod url;

pub use options::{Options, Proxy};
pub use server::serve;
