//! Dequeues from several nodes.

use std::sync::Arc;

use super::Cluster;
use super::route::Target;
use crate::{Connection, Dequeue, Dequeued, Error};

impl Cluster {
    /// Dequeues runs, as [`Engine::dequeue`](crate::Engine::dequeue) does: with an environment from its node; else from one
    /// node after the other, until there are as many as are wanted. Each dequeue begins with another node, so that all have
    /// their turn, and leaves out those that cannot be reached. It waits for a first run only with an environment.
    ///
    /// Runs whose answer was lost stall, and are recovered after their deadline.
    ///
    /// # Errors
    /// Those of [`Engine::dequeue`](crate::Engine::dequeue); if no node can be reached,
    /// [`Connection`](crate::ErrorKind::Connection).
    pub async fn dequeue(&self, dequeue: &Dequeue) -> Result<Vec<Dequeued>, Error> {
        let identity = &self.config.identity;
        if let Some(environment_id) = &dequeue.environment_id {
            let call = |connection: Arc<Connection>| async move {
                let engine = connection.engine().identified_as(identity);
                engine.dequeue(dequeue).await
            };
            let target = Target::Environment(environment_id.clone());
            return self.ask(&target, false, call).await;
        }
        let (mut runs, mut answers, mut last) = (Vec::new(), 0, None);
        for index in self.in_turn() {
            let found = i32::try_from(runs.len()).unwrap_or(i32::MAX);
            let wanted = dequeue.max_runs.saturating_sub(found);
            if wanted <= 0 && answers > 0 {
                break;
            }
            let dequeue = &dequeue
                .clone()
                .max_runs(wanted)
                .wait(std::time::Duration::ZERO);
            let call = |connection: Arc<Connection>| async move {
                let engine = connection.engine().identified_as(identity);
                engine.dequeue(dequeue).await
            };
            let node = &self.nodes[index];
            match node.once(&call).await {
                Ok(more) => {
                    answers += 1;
                    runs.extend(more);
                }
                Err(failed) if failed.error.is_retryable() => {
                    let (node, error) = (&node.name, failed.error);
                    tracing::warn!(node, %error, "a node was left out of a dequeue");
                    last = Some(error);
                }
                Err(failed) => return Err(failed.error),
            }
        }
        match last {
            Some(error) if answers == 0 => Err(error),
            _ => Ok(runs),
        }
    }
}
