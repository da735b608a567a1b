//! What a worker tells of itself.

/// A worker, for those who look who works. Options that are not set have the default of the SQL function.
///
/// ```
/// use engine_client::Presence;
///
/// let presence = Presence::new(10).worker_queue("gpu");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    pub(crate) capacity: i32,
    pub(crate) worker_queue: Option<String>,
    pub(crate) environment_id: Option<String>,
    pub(crate) worker_version: Option<String>,
}

impl Presence {
    /// A worker that holds so many runs at once, at most.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: i32::try_from(capacity).unwrap_or(i32::MAX),
            worker_queue: None,
            environment_id: None,
            worker_version: None,
        }
    }

    /// A worker that ends.
    pub fn ended(self) -> Self {
        Self {
            capacity: 0,
            ..self
        }
    }

    /// The worker queue from which it takes runs. Default: `main`.
    pub fn worker_queue(mut self, worker_queue: impl Into<String>) -> Self {
        self.worker_queue = Some(worker_queue.into());
        self
    }

    /// The only environment whose runs it executes. Default: any.
    pub fn environment_id(mut self, environment_id: impl Into<String>) -> Self {
        self.environment_id = Some(environment_id.into());
        self
    }

    /// The version of its code. Default: none.
    pub fn worker_version(mut self, worker_version: impl Into<String>) -> Self {
        self.worker_version = Some(worker_version.into());
        self
    }
}
