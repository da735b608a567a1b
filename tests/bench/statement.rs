//! The dequeue without the engine's functions: the same rows, written by the client, statement by statement.

mod one_commit;
mod two_commits;
mod writer;

pub(super) use one_commit::OneCommit;
pub(super) use two_commits::{TwoCommits, dequeue_all};

/// The shard of the environment `default`.
const SHARD: i16 = 0;
const WORKER_QUEUE: &str = "main";
