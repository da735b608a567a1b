//! The queues that the engine is measured beside.

use super::Batching::{self, Off, On};

/// Where a peer is installed from, and with that the language of its adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registry {
    Npm,
    PyPi,
    Crates,
}

impl Registry {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::PyPi => "PyPI",
            Self::Crates => "crate",
        }
    }
}

/// A peer, and how it is driven.
#[derive(Debug)]
pub(super) struct Peer {
    /// Its name in the registry.
    pub(super) package: &'static str,
    pub(super) registry: Registry,
    /// How to complete a job, for a peer with several ways.
    pub(super) variant: Option<&'static str>,
    pub(super) about: &'static str,
    /// Whether it claims or completes several jobs in one transaction, and whether that can be disabled.
    pub(super) batchings: &'static [Batching],
    /// Counts the jobs that have not been completed.
    pub(super) unfinished: &'static str,
}

pub(super) const PEERS: [Peer; 8] = [
    Peer {
        package: "graphile-worker",
        registry: Registry::Npm,
        variant: None,
        about: "a completed job is removed. One pool with a session per job at a time. Batching: its local queue, and completions \
            gathered for as long as the event loop is busy.",
        batchings: &[On, Off],
        unfinished: include_str!("graphile-worker/unfinished.sql"),
    },
    Peer {
        package: "graphile_worker",
        registry: Registry::Crates,
        variant: None,
        about: "a completed job is removed. One pool with a session per job at a time. Batching: its local queue, and completions \
            gathered for 3 ms.",
        batchings: &[On, Off],
        unfinished: include_str!("graphile_worker/unfinished.sql"),
    },
    Peer {
        package: "pg-boss",
        registry: Registry::Npm,
        variant: None,
        about: "a completed job stays in its table. Its fetch and complete are called directly, because its workers pause between \
            two fetches.",
        batchings: &[On, Off],
        unfinished: include_str!("pg-boss/unfinished.sql"),
    },
    Peer {
        package: "pgmq",
        registry: Registry::Crates,
        variant: Some("delete"),
        about: "a completed message is removed. Sessions that call its SQL functions read and delete.",
        batchings: &[On, Off],
        unfinished: include_str!("pgmq/unfinished.sql"),
    },
    Peer {
        package: "pgmq",
        registry: Registry::Crates,
        variant: Some("archive"),
        about: "a completed message moves to another table. Sessions that call its SQL functions read and archive.",
        batchings: &[On, Off],
        unfinished: include_str!("pgmq/unfinished.sql"),
    },
    Peer {
        package: "awa",
        registry: Registry::Crates,
        variant: None,
        about: "claims and completions are appended, many to a row, to tables that are truncated in turn; a completed job stays for \
            a while. Without deadlines, which is its fast path. One pool, with four sessions more for its housekeeping. It is made \
            for batches only.",
        batchings: &[On],
        unfinished: include_str!("awa/unfinished.sql"),
    },
    Peer {
        package: "pgqueuer",
        registry: Registry::PyPi,
        variant: None,
        about: "a completed job is removed; a log keeps a row of each of its three transitions. A worker per session, all in one \
            process. Batching: several jobs per claim, and completions gathered until they are as many.",
        batchings: &[On, Off],
        unfinished: include_str!("pgqueuer/unfinished.sql"),
    },
    Peer {
        package: "procrastinate",
        registry: Registry::PyPi,
        variant: None,
        about: "a completed job stays in its table; triggers write a row of each of its three transitions. A worker per session, all \
            in one process. It has no batches.",
        batchings: &[Off],
        unfinished: include_str!("procrastinate/unfinished.sql"),
    },
];

impl Peer {
    /// Its name among the others.
    pub(super) fn label(&self) -> String {
        match self.variant {
            Some(variant) => format!("{}-{variant}", self.package),
            None => self.package.to_owned(),
        }
    }
}
