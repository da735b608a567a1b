//! Waits: runs are blocked by waitpoints, suspended, and resume.

pub(crate) mod block;
pub(crate) mod checkpoint;
pub(crate) mod resume;
pub(crate) mod run_waitpoint;
pub(crate) mod unblock;
pub(crate) mod waitpoint;
