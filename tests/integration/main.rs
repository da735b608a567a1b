//! What single sessions see: commits, errors, transactions, the catalog.

mod arrow;
mod binding;
mod bound;
mod catalog;
mod check;
mod commit;
mod contract;
mod doctor;
mod document;
mod durability;
mod duty;
mod flow;
mod format;
mod harness;
mod orphan;
mod plan;
mod privilege;
mod readme;
mod refusal;
mod size;
mod standby;
mod statement;
mod transaction;
mod update;
mod wakeup;
mod worker;
