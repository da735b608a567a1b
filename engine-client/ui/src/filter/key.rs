//! The keys of a filter.

/// The keys of a filter, in the order of URLs.
pub(crate) const KEYS: [&str; 19] = [
    "status", "task", "queue", "code", "error", "tag", "metadata", "key", "version", "worker",
    "batch", "parent", "bulk", "run", "env", "since", "until", "from", "to",
];

/// Keys of which a value may be excluded by a dash before it.
pub(super) const EXCLUDED: [&str; 4] = ["status", "task", "queue", "tag"];
