//! Versions of workers. A session caches those that it has read.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use engine_core::{Environment, EnvironmentType, Timestamp, WorkerVersion};

use crate::backend::cache;
use crate::backend::cells::{Cells, cell};
use crate::backend::isolation;
use crate::backend::parameter::arguments;
use crate::backend::statement::{columns, statement};
use crate::document::JsonB;

statement!(READ, "worker_read.sql" -> WORKER);
statement!(READ_CURRENT, "worker_current_read.sql" -> WORKER);
columns!(WORKER, "worker.sql");
statement!(KNOWS_TASK, "worker_knows_task.sql");
statement!(SET, "worker_set.sql");
statement!(RETIRE, "worker_retire.sql");
statement!(PROMOTE, "worker_promote.sql");

/// By environment and version; `None` stands for the version of runs that are not bound to one.
type Versions = HashMap<(String, Option<String>), Option<Rc<WorkerVersion>>>;

thread_local! {
    /// What this backend has cached, as of a generation.
    static KNOWN: RefCell<(u64, Versions)> = RefCell::default();
}

/// The version that executes a run: the one that it is bound to, else the default of the environment.
pub(crate) fn find(environment: &Environment, version: Option<&str>) -> Option<Rc<WorkerVersion>> {
    let generation = cache::generation();
    let key = (environment.id.clone(), version.map(str::to_owned));
    let known = KNOWN.with_borrow(|(at, versions)| {
        if *at == generation {
            versions.get(&key).cloned()
        } else {
            None
        }
    });
    known.unwrap_or_else(|| {
        cache::watch();
        let found = read(environment, version).map(Rc::new);
        if !isolation::sees_commits() {
            return found;
        }
        // The generation from before it was read: if a worker registered in between, it is read again.
        KNOWN.with_borrow_mut(|(at, versions)| {
            if *at != generation {
                (*at, *versions) = (generation, Versions::new());
            }
            versions.insert(key, found.clone());
        });
        found
    })
}

/// The version as committed now, without the cache. Call it with the environment held for setting.
pub(crate) fn find_fresh(
    environment: &Environment,
    version: Option<&str>,
) -> Option<Rc<WorkerVersion>> {
    cache::fresh_generation();
    find(environment, version)
}

fn read(environment: &Environment, version: Option<&str>) -> Option<WorkerVersion> {
    let decode = |cells: &Cells<WORKER>| {
        let tasks: JsonB = cell!(cells, WORKER.tasks);
        WorkerVersion::stored(
            cell!(cells, WORKER.version),
            cell!(cells, WORKER.image),
            &tasks.0,
            cell!(cells, WORKER.queues),
        )
    };
    let id = environment.id.as_str();
    let rows = match version {
        Some(version) => READ.query(
            arguments!(READ {
                environment_id: id,
                version
            }),
            decode,
        ),
        None => {
            let is_newest = environment.kind == EnvironmentType::Development;
            READ_CURRENT.query(
                arguments!(READ_CURRENT {
                    environment_id: id,
                    is_newest
                }),
                decode,
            )
        }
    };
    rows.into_iter().next()
}

/// Whether any version knows a task.
pub(crate) fn knows_task(environment: &Environment, task: &str) -> bool {
    let arguments = arguments!(KNOWS_TASK {
        environment_id: environment.id.as_str(),
        task
    });
    KNOWS_TASK
        .query(arguments, cell!(KNOWS_TASK.exists))
        .pop()
        .unwrap_or(false)
}

/// Writes a version.
pub(crate) fn set(environment: &Environment, worker: &WorkerVersion, now: Timestamp) {
    SET.execute(arguments!(SET {
        environment_id: environment.id.as_str(),
        version: worker.version.as_str(),
        image: worker.image.as_deref(),
        tasks: JsonB(worker.tasks_json()),
        queues: worker.queues.iter().cloned().collect::<Vec<String>>(),
        now
    }));
    cache::changed();
}

/// Makes a version current.
pub(crate) fn promote(environment: &Environment, version: &str) {
    let id = environment.id.as_str();
    RETIRE.execute(arguments!(RETIRE { environment_id: id }));
    PROMOTE.execute(arguments!(PROMOTE {
        environment_id: id,
        version
    }));
    cache::changed();
}
