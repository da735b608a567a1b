//! The handlers of a worker, by the name of their task.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Context;
use crate::{Completion, Failure};

/// A handler without its types: it reads its input from the context and writes its output as text.
type Handler = Arc<dyn Fn(Context) -> Execution + Send + Sync>;

/// A handler at work.
pub(super) type Execution = Pin<Box<dyn Future<Output = Result<Completion, Failure>> + Send>>;

#[derive(Default)]
pub(super) struct Tasks {
    handlers: HashMap<String, Handler>,
}

impl Tasks {
    pub(super) fn insert<T, O, F, Fut>(&mut self, name: String, handler: F)
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
        self.handlers.insert(name, handler);
    }

    /// The execution of the context's task; without a handler for it, an execution that says so.
    pub(super) fn execute(&self, context: Context) -> Execution {
        match self.handlers.get(context.task()) {
            Some(handler) => handler(context),
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
        f.debug_set().entries(self.handlers.keys()).finish()
    }
}
