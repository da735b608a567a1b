//! The handlers of a worker, by the name of their task.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Context, TaskOptions};
use crate::{Completion, Failure};

/// A handler without its types: it reads its input from the context and returns its output as text.
type Handler = Arc<dyn Fn(Context) -> Execution + Send + Sync>;

/// A handler while it executes.
pub(super) type Execution = Pin<Box<dyn Future<Output = Result<Completion, Failure>> + Send>>;

#[derive(Default)]
pub(super) struct Tasks {
    tasks: HashMap<String, Task>,
}

struct Task {
    handler: Handler,
    options: TaskOptions,
}

/// The options of a task without a handler.
const NO_OPTIONS: &TaskOptions = &TaskOptions {
    concurrency: None,
    max_duration: None,
    retry: None,
    suspend_after: None,
};

impl Tasks {
    pub(super) fn insert<T, O, F, Fut>(&mut self, name: String, options: TaskOptions, handler: F)
    where
        T: DeserializeOwned + Send,
        O: Serialize,
        F: Fn(Context, T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Failure>> + Send,
    {
        let handler = Arc::new(handler);
        let handler: Handler = Arc::new(move |context| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let input = context
                    .run()
                    .payload()
                    .map_err(|error| Failure::internal("TASK_INPUT_ERROR", error))?;
                let output = handler(context, input).await?;
                Completion::success(&output)
                    .map_err(|error| Failure::internal("TASK_OUTPUT_ERROR", error))
            })
        });
        self.tasks.insert(name, Task { handler, options });
    }

    /// The options of a task.
    pub(super) fn options(&self, task: &str) -> &TaskOptions {
        self.tasks
            .get(task)
            .map_or(NO_OPTIONS, |task| &task.options)
    }

    /// The tasks with a concurrency limit of their own.
    pub(super) fn limits(&self) -> impl Iterator<Item = (String, usize)> {
        self.tasks.iter().filter_map(|(name, task)| {
            let limit = task.options.concurrency?;
            Some((name.clone(), limit))
        })
    }

    /// Executes the context's task; without a handler for it, the execution fails and says so.
    pub(super) fn execute(&self, context: Context) -> Execution {
        match self.tasks.get(context.task()) {
            Some(task) => (task.handler)(context),
            None => {
                let message = format!("this worker has no handler for task \"{}\"", context.task());
                let failure = Failure::internal("COULD_NOT_FIND_EXECUTOR", message);
                Box::pin(async { Err(failure) })
            }
        }
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.tasks.keys()).finish()
    }
}
