//! What single sessions see: commits, errors, transactions, the catalog.

mod catalog;
mod check;
mod commit;
mod flow;
mod harness;
mod plan;
mod privilege;
mod readme;
mod refusal;
mod transaction;
mod wakeup;
mod worker;
