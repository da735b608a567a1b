//! What single sessions see: commits, errors, transactions, the catalog.

mod catalog;
mod commit;
mod harness;
mod plan;
mod privilege;
mod readme;
mod refusal;
mod transaction;
mod worker;
