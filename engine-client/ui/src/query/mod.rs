//! The statements of pages, and their rows. No other room has SQL. All of them read views: a role with the capability `read` may
//! read these, and no table.

pub(crate) mod audit;
pub(crate) mod bulk;
pub(crate) mod doctor;
pub(crate) mod event;
pub(crate) mod failure;
pub(crate) mod history;
pub(crate) mod queue;
pub(crate) mod run;
pub(crate) mod run_list;
pub(crate) mod schedule;
pub(crate) mod session;
pub(crate) mod tick;
pub(crate) mod wait;
pub(crate) mod worker;
