//! The order in which a dequeue without an environment looks in those that may have runs, on whatever shard.

use std::cell::RefCell;
use std::collections::HashMap;

use engine_core::{RotationState, Timestamp};

use crate::shared::saturation;
use crate::store;

/// Environments that are tried together, each for its share.
const TOGETHER: usize = 100;

thread_local! {
    /// By worker queue: this backend's position.
    static STATES: RefCell<HashMap<String, RotationState>> = RefCell::default();
}

/// The environments of a worker queue, in rotation.
pub(super) struct Rotation<'a> {
    worker_queue: &'a str,
    now: Timestamp,
    state: RotationState,
    /// The environments not tried yet, and those that may have more than they yielded.
    rest: Vec<String>,
    more: Vec<String>,
    /// Number of environments that yielded nothing.
    empty: usize,
    /// `None` while the previous listing is still valid.
    listing: Option<Listing>,
}

impl<'a> Rotation<'a> {
    pub(super) fn begin(worker_queue: &'a str, now: Timestamp) -> Self {
        let state = STATES.with_borrow_mut(|states| states.remove(worker_queue));
        Self {
            worker_queue,
            now,
            state: state.unwrap_or_default(),
            rest: Vec::new(),
            more: Vec::new(),
            empty: 0,
            listing: None,
        }
    }

    /// The environments to try next; `None` once all have been.
    pub(super) fn next(&mut self) -> Option<Vec<String>> {
        let known = self.state.take_known(self.now);
        if !known.is_empty() {
            return Some(known);
        }
        let listing = self.listing.get_or_insert_with(|| {
            // The known environments are listed again.
            self.more.clear();
            Listing::behind(self.state.served())
        });
        let mut together = Vec::new();
        while together.len() < TOGETHER && !listing.is_over {
            let mut due = listing.next(self.worker_queue, self.now);
            due.retain(|id| !saturation::is_full(id, self.now));
            together.extend(due);
        }
        (!together.is_empty()).then_some(together)
    }

    /// Records whether an environment yielded runs.
    pub(super) fn looked_through(&mut self, environment_id: &str, is_productive: bool) {
        if is_productive {
            self.state.serve(environment_id)
        } else {
            self.empty += 1
        }
    }

    /// Records environments that were not tried, and those that may have more than they yielded.
    pub(super) fn put_back(&mut self, rest: Vec<String>, more: Vec<String>) {
        self.rest.extend(rest);
        self.more.extend(more);
    }

    /// Keeps for the next call what this one has learned.
    pub(super) fn end(mut self) {
        if let Some(listing) = self.listing {
            self.state
                .learn(listing.count, self.empty, listing.is_over, self.now);
        }
        self.state.keep(self.rest, self.more);
        STATES.with_borrow_mut(|states| states.insert(self.worker_queue.to_owned(), self.state));
    }
}

/// A listing: from the environment after a given one to the last, then from the first to that one.
struct Listing {
    start: String,
    after: String,
    is_back: bool,
    is_over: bool,
    /// Number of listed environments.
    count: usize,
}

impl Listing {
    fn behind(start: &str) -> Self {
        Self {
            start: start.to_owned(),
            after: start.to_owned(),
            is_back: start.is_empty(),
            is_over: false,
            count: 0,
        }
    }

    /// The next environments that may have due runs, at most as many as are tried together.
    fn next(&mut self, worker_queue: &str, now: Timestamp) -> Vec<String> {
        let count = TOGETHER as i32;
        let mut listed =
            store::queue_item::due::environments(worker_queue, &self.after, count, now);
        self.count += listed.len();
        let is_end = listed.len() < TOGETHER;
        let last = listed.last().map(|(id, _)| id.clone());
        let is_past = |id: &String| !self.start.is_empty() && *id > self.start;
        let is_past_start = self.is_back && last.as_ref().is_some_and(is_past);
        if is_past_start {
            listed.retain(|(id, _)| !is_past(id));
        }
        match last {
            _ if self.is_back && (is_end || is_past_start) => self.is_over = true,
            Some(last) if !is_end => self.after = last,
            _ => {
                self.is_back = true;
                self.after = String::new();
            }
        }
        let due = listed.into_iter().filter(|(_, is_due)| *is_due);
        due.map(|(id, _)| id).collect()
    }
}
