//! Pages that are watched.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// A page as it was rendered.
pub(crate) struct Rendering {
    /// When that began: it shows what was committed by then.
    pub(crate) began: Instant,
    /// The elements that may change, by their ids, or what kept it from being rendered.
    pub(crate) parts: Result<Vec<(String, String)>, String>,
    /// Time until the next one.
    pub(crate) pause: Duration,
}

/// The renderings of pages that are watched, each under its key. One receiver of each is kept here.
#[derive(Default)]
pub(crate) struct Hub(Mutex<HashMap<String, watch::Receiver<Arc<Rendering>>>>);

impl Hub {
    /// How many pages are watched, at least one.
    pub(crate) fn pages(&self) -> u32 {
        let pages = self.0.lock().map_or(1, |watched| {
            let live = watched
                .values()
                .filter(|receiver| receiver.has_changed().is_ok());
            live.count()
        });
        u32::try_from(pages).unwrap_or(u32::MAX).clamp(1, 10_000)
    }

    /// Watches a page; `begin` has it rendered for the first request that does.
    pub(crate) fn watch(
        &self,
        key: String,
        begin: impl FnOnce(watch::Sender<Arc<Rendering>>),
    ) -> Option<Watched> {
        let mut watched = self.0.lock().ok()?;
        watched.retain(|_, receiver| receiver.has_changed().is_ok());
        let since = Instant::now();
        if let Some(receiver) = watched.get(&key) {
            let receiver = receiver.clone();
            return Some(Watched { receiver, since });
        }
        let none = Rendering {
            began: since,
            parts: Ok(Vec::new()),
            pause: Duration::ZERO,
        };
        let (sender, receiver) = watch::channel(Arc::new(none));
        watched.insert(key, receiver.clone());
        begin(sender);
        Some(Watched { receiver, since })
    }
}

/// A page that a browser watches, which has loaded it before.
pub(crate) struct Watched {
    receiver: watch::Receiver<Arc<Rendering>>,
    since: Instant,
}

impl Watched {
    /// The next rendering that began since the browser has the page: an older one would take back what it shows, such as the effect of
    /// a button that was pressed meanwhile. Nothing, once it is not rendered any more.
    pub(crate) async fn next(&mut self) -> Option<Arc<Rendering>> {
        loop {
            self.receiver.changed().await.ok()?;
            let rendering = Arc::clone(&self.receiver.borrow_and_update());
            if rendering.began >= self.since {
                return Some(rendering);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendering(text: &str) -> Arc<Rendering> {
        Arc::new(Rendering {
            began: Instant::now(),
            parts: Err(text.to_owned()),
            pause: Duration::ZERO,
        })
    }

    #[tokio::test]
    async fn a_browser_is_sent_no_rendering_that_began_before_it_watched() {
        let hub = Hub::default();
        let mut sender = None;
        let first = hub.watch("page".to_owned(), |begun| sender = Some(begun));
        let (mut first, sender) = (first.unwrap(), sender.unwrap());
        sender.send_replace(rendering("old"));
        let text = |rendering: Arc<Rendering>| rendering.parts.clone().unwrap_err();
        assert_eq!(text(first.next().await.unwrap()), "old");
        let late = rendering("began before");
        let mut second = hub.watch("page".to_owned(), |_| ()).unwrap();
        sender.send_replace(late);
        let told = tokio::spawn(async move { text(second.next().await.unwrap()) });
        tokio::task::yield_now().await;
        sender.send_replace(rendering("new"));
        assert_eq!(told.await.unwrap(), "new");
    }
}
