//! Environments and their queues.

pub(crate) mod fit;
pub(crate) mod set;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use engine_core::{Environment, Pause, Queue, Quota};

use crate::backend::cache;
use crate::backend::cells::cell;
use crate::backend::isolation;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(READ, "environment_read.sql");
statement!(READ_QUEUES, "queue_read.sql");
statement!(READ_QUOTA, "quota_read.sql");
statement!(ANY, "environment_any.sql");

/// What this backend has cached, as of a generation.
#[derive(Default)]
struct Known {
    generation: u64,
    environments: HashMap<String, Option<Rc<Environment>>>,
    /// Whether any environment is configured.
    any: Option<bool>,
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// An environment, including the built-in one; `None` if it does not exist.
pub(crate) fn find(id: &str) -> Option<Rc<Environment>> {
    find_as_of(cache::generation(), id)
}

/// An environment as committed now, without the cache. Call it with the environment's mutex held, or the environment for
/// setting.
pub(crate) fn find_fresh(id: &str) -> Option<Rc<Environment>> {
    find_as_of(cache::fresh_generation(), id)
}

/// Whether any environment is configured; if not, there is only the built-in one.
pub(crate) fn any_is_set() -> bool {
    let generation = cache::generation();
    let known = known(generation, |known| known.any);
    known.unwrap_or_else(|| {
        cache::watch();
        let any = ANY.query(arguments!(ANY {}), cell!(ANY.exists));
        let any = any.into_iter().next().unwrap_or(false);
        remember(generation, |known| known.any = Some(any));
        any
    })
}

fn find_as_of(generation: u64, id: &str) -> Option<Rc<Environment>> {
    let known = known(generation, |known| known.environments.get(id).cloned());
    known.unwrap_or_else(|| {
        cache::watch();
        let found = read(id).map(Rc::new);
        let kept = found.clone();
        // The generation from before it was read: if it changed in between, it is read again.
        remember(generation, |known| {
            known.environments.insert(id.to_owned(), kept);
        });
        found
    })
}

fn known<T>(generation: u64, get: impl FnOnce(&Known) -> Option<T>) -> Option<T> {
    KNOWN.with_borrow(|known| {
        if known.generation == generation {
            get(known)
        } else {
            None
        }
    })
}

fn remember(generation: u64, set: impl FnOnce(&mut Known)) {
    if !isolation::sees_commits() {
        return;
    }
    KNOWN.with_borrow_mut(|known| {
        if known.generation != generation {
            *known = Known {
                generation,
                ..Known::default()
            };
        }
        set(known);
    });
}

/// Reads an environment with its queues.
fn read(id: &str) -> Option<Environment> {
    let set: Vec<(String, Queue, bool)> =
        READ_QUEUES.query(arguments!(READ_QUEUES { environment_id: id }), |cells| {
            let name = cell!(cells, READ_QUEUES.name);
            let queue = Queue {
                concurrency_limit: cell!(cells, READ_QUEUES.concurrency_limit),
                override_limit: cell!(cells, READ_QUEUES.override_limit),
                max_size: cell!(cells, READ_QUEUES.max_size),
                pause: cell!(cells, READ_QUEUES.is_paused as bool).then(|| Pause {
                    since: cell!(cells, READ_QUEUES.paused_at),
                    by: cell!(cells, READ_QUEUES.paused_by),
                    reason: cell!(cells, READ_QUEUES.pause_reason),
                }),
            };
            (name, queue, cell!(cells, READ_QUEUES.is_fitted))
        });
    let is_fitted = set.iter().all(|(.., is_fitted)| *is_fitted);
    let queues: BTreeMap<String, Queue> = set
        .into_iter()
        .map(|(name, queue, _)| (name, queue))
        .collect();
    let set = READ.query(arguments!(READ { environment_id: id }), |cells| {
        Environment {
            id: cell!(cells, READ.id),
            shard: cell!(cells, READ.shard),
            kind: cell!(cells, READ.type),
            project_id: cell!(cells, READ.project_id),
            organization_id: cell!(cells, READ.organization_id),
            concurrency_limit: cell!(cells, READ.concurrency_limit),
            burst_factor: cell!(cells, READ.burst_factor),
            max_queue_size: cell!(cells, READ.max_queue_size),
            pause: cell!(cells, READ.is_paused as bool).then(|| Pause {
                since: cell!(cells, READ.paused_at),
                by: cell!(cells, READ.paused_by),
                reason: cell!(cells, READ.pause_reason),
            }),
            requires_version: cell!(cells, READ.requires_version),
            is_archived: cell!(cells, READ.is_archived),
            reserves_slots: cell!(cells, READ.reserves_slots),
            retry: cell!(cells, READ.retry),
            is_fitted: cell!(cells, READ.is_fitted),
            quota: Quota::default(),
            queues: BTreeMap::new(),
        }
    });
    let set = set.into_iter().next();
    let environment = match id {
        Environment::DEFAULT_ID => Some(set.unwrap_or_else(Environment::built_in)),
        _ => set,
    };
    environment.map(|environment| Environment {
        is_fitted: environment.is_fitted && is_fitted,
        quota: quota(id),
        queues,
        ..environment
    })
}

fn quota(environment_id: &str) -> Quota {
    let arguments = arguments!(READ_QUOTA { environment_id });
    let found = READ_QUOTA.query(arguments, |cells| Quota {
        queued_runs: cell!(cells, READ_QUOTA.queued_runs),
        runs_per_second: cell!(cells, READ_QUOTA.runs_per_second),
        payload_bytes: cell!(cells, READ_QUOTA.payload_bytes),
        kept_bytes: cell!(cells, READ_QUOTA.kept_bytes),
        schedules: cell!(cells, READ_QUOTA.schedules),
    });
    found.into_iter().next().unwrap_or_default()
}
