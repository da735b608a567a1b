//! Pages that are watched.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

/// A rendering: the elements that may change, by their ids, or what kept it from being rendered.
pub(crate) type Rendering = Arc<Result<Vec<(String, String)>, String>>;

/// The renderings of pages that are watched, each under its key. One receiver of each is kept here.
#[derive(Default)]
pub(crate) struct Hub(Mutex<HashMap<String, watch::Receiver<Rendering>>>);

impl Hub {
    /// Watches a page; `begin` has it rendered for the first request that does.
    pub(crate) fn watch(
        &self,
        key: String,
        begin: impl FnOnce(watch::Sender<Rendering>),
    ) -> Option<watch::Receiver<Rendering>> {
        let mut watched = self.0.lock().ok()?;
        watched.retain(|_, receiver| receiver.has_changed().is_ok());
        if let Some(receiver) = watched.get(&key) {
            let mut receiver = receiver.clone();
            receiver.mark_changed();
            return Some(receiver);
        }
        let (sender, receiver) = watch::channel(Arc::new(Ok(Vec::new())));
        watched.insert(key, receiver.clone());
        begin(sender);
        Some(receiver)
    }
}
