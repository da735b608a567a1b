//! The only room that touches SPI. It executes the files of `sql/statement` and gives back owned rows.

pub(crate) mod planner;
mod statement;

pub(crate) mod claim;
pub(crate) mod environment;
pub(crate) mod extension;
pub(crate) mod heartbeat;
pub(crate) mod observe;
pub(crate) mod run;
pub(crate) mod trigger;
