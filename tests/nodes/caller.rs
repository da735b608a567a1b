//! Callers that trigger runs while something happens to the nodes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_client::{Cluster, ClusterConfig, Placement, RunId, Trigger};
use engine_harness::condition::eventually;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::fleet::{ENVIRONMENTS, PATIENCE};

/// Between two runs of a caller.
const PAUSE: Duration = Duration::from_millis(5);

/// A caller for each environment. None of them may see an error.
pub struct Callers {
    are_over: Arc<AtomicBool>,
    callers: Vec<Caller>,
}

struct Caller {
    environment: &'static str,
    triggered: Arc<AtomicUsize>,
    task: JoinHandle<Result<Vec<RunId>>>,
}

/// A cluster that waits as long as it takes.
pub fn patient(placement: Placement) -> Cluster {
    let config = ClusterConfig {
        patience: PATIENCE,
        ..ClusterConfig::default()
    };
    Cluster::with(placement, config)
}

impl Callers {
    /// Callers of runs of `task`.
    pub fn start(cluster: &Cluster, task: &'static str) -> Self {
        static GROUPS: AtomicUsize = AtomicUsize::new(0);
        let group = GROUPS.fetch_add(1, Ordering::SeqCst);
        let are_over = Arc::new(AtomicBool::new(false));
        let callers = ENVIRONMENTS.iter().map(|(environment, _)| {
            let triggered = Arc::new(AtomicUsize::new(0));
            let calls = call(
                cluster.clone(),
                task,
                environment,
                format!("{group}-{environment}"),
                Arc::clone(&triggered),
                Arc::clone(&are_over),
            );
            Caller {
                environment,
                triggered,
                task: tokio::spawn(calls),
            }
        });
        Self {
            callers: callers.collect(),
            are_over,
        }
    }

    /// Waits until so many more runs of each of these environments were triggered.
    ///
    /// # Errors
    /// If a caller has ended, or it takes too long.
    pub async fn have_triggered(&self, environments: &[&str], more: usize) -> Result<()> {
        let callers = self.callers.iter();
        let callers: Vec<(&Caller, usize)> = callers
            .filter(|caller| environments.contains(&caller.environment))
            .map(|caller| (caller, caller.triggered.load(Ordering::SeqCst) + more))
            .collect();
        for (caller, enough) in callers {
            let is_enough = async || {
                ensure!(!caller.task.is_finished(), "the caller has ended");
                Ok(caller.triggered.load(Ordering::SeqCst) >= enough)
            };
            let what = format!("{more} runs were triggered in {}", caller.environment);
            eventually(&what, PATIENCE, is_enough).await?;
        }
        Ok(())
    }

    /// Ends the callers; returns the runs that were acknowledged.
    ///
    /// # Errors
    /// If a call was refused.
    pub async fn end(self) -> Result<Vec<RunId>> {
        self.are_over.store(true, Ordering::SeqCst);
        let mut runs = Vec::new();
        for caller in self.callers {
            let triggered = caller.task.await?;
            runs.extend(triggered.context(caller.environment)?);
        }
        Ok(runs)
    }
}

/// Each run has a key, so that one whose answer is lost is triggered again, and not twice.
async fn call(
    cluster: Cluster,
    task: &'static str,
    environment: &'static str,
    keys: String,
    triggered: Arc<AtomicUsize>,
    are_over: Arc<AtomicBool>,
) -> Result<Vec<RunId>> {
    let mut runs = Vec::new();
    while !are_over.load(Ordering::SeqCst) {
        let trigger = Trigger::new(task)
            .environment_id(environment)
            .idempotency_key(format!("{keys}-{}", runs.len()));
        runs.push(cluster.trigger(&trigger).await?.run_id);
        triggered.fetch_add(1, Ordering::SeqCst);
        sleep(PAUSE).await;
    }
    Ok(runs)
}
