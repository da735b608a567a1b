//! Which environments a call looks through that does not ask for one: all that may have something, in turns.
//!
//! A listing of them costs something for each, though most may have nothing that may go. Where that was much, it is gone by for a
//! while: the environments that it found are next, and where it found all, those that give something come again. As soon as these do
//! not give enough, all are listed anew.

use std::cell::RefCell;
use std::collections::HashMap;

use engine_core::{Shard, Timestamp};

use crate::store;

/// Environments that are looked through together, each for its share.
const TOGETHER: usize = 100;
/// So many environments, or fewer, are listed by each call.
const FEW: usize = 10;
/// How long a listing is gone by, for each environment that was listed, and for each that was looked through and gave nothing: some
/// fifty times what these take, microseconds.
const LISTED_US: usize = 400;
const LOOKED_THROUGH_US: usize = 4_000;
/// For so long at most, milliseconds.
const LONGEST_MS: i64 = 1_000;

thread_local! {
    /// By worker queue.
    static TURNS: RefCell<HashMap<String, Turn>> = RefCell::default();
}

/// Where this session stands.
#[derive(Default)]
struct Turn {
    /// The environment that was served last: the next listing begins behind it, so that each gets its turn.
    served: String,
    /// The environments that are next, in this order; they stand for a listing for `kept_ms` from `listed_at` on.
    known: Vec<String>,
    /// Whether these are all that may have something: then each comes again after the last one, as long as it gives something.
    are_all: bool,
    listed_at: Option<Timestamp>,
    kept_ms: i64,
}

/// One way through the environments that may have something for a worker queue.
pub(super) struct Round<'a> {
    worker_queue: &'a str,
    now: Timestamp,
    turn: Turn,
    /// What has not been looked through, and then what may have more than it gave.
    rest: Vec<String>,
    more: Vec<String>,
    /// None as long as what is known is gone by.
    listing: Option<Listing>,
    /// How many were looked through for nothing.
    in_vain: usize,
}

impl<'a> Round<'a> {
    pub(super) fn begin(worker_queue: &'a str, now: Timestamp) -> Self {
        let mut turn =
            TURNS.with_borrow_mut(|turns| turns.remove(worker_queue).unwrap_or_default());
        let age = turn.listed_at.map(|at| now.ms_since(at));
        if !age.is_some_and(|age| (0..turn.kept_ms).contains(&age)) {
            turn.known.clear();
        }
        Self {
            worker_queue,
            now,
            turn,
            rest: Vec::new(),
            more: Vec::new(),
            listing: None,
            in_vain: 0,
        }
    }

    /// The environments to look through next; `None` once all have been.
    pub(super) fn next(&mut self) -> Option<Vec<String>> {
        if self.listing.is_none() && !self.turn.known.is_empty() {
            return Some(std::mem::take(&mut self.turn.known));
        }
        let listing = self.listing.get_or_insert_with(|| {
            // What was known is listed again.
            self.more.clear();
            Listing::behind(&self.turn.served)
        });
        let mut together = Vec::new();
        while together.len() < TOGETHER && !listing.is_over {
            let due = listing.next(self.worker_queue, self.now);
            together.extend(
                due.into_iter()
                    .filter(|id| !store::saturation::is_full(id, self.now)),
            );
        }
        (!together.is_empty()).then_some(together)
    }

    /// Notes that an environment gave something.
    pub(super) fn served(&mut self, id: &str) {
        id.clone_into(&mut self.turn.served);
    }

    /// Notes that one gave nothing.
    pub(super) fn passed(&mut self) {
        self.in_vain += 1;
    }

    /// Notes environments that were not looked through, and such as may have more than they gave.
    pub(super) fn put_back(&mut self, rest: Vec<String>, more: Vec<String>) {
        self.rest.extend(rest);
        self.more.extend(more);
    }

    /// Keeps for the next call what this one has learnt.
    pub(super) fn end(mut self) {
        if let Some(listing) = self.listing {
            self.turn.are_all = listing.is_over;
            let us = listing.count * LISTED_US + self.in_vain * LOOKED_THROUGH_US;
            let ms = i64::try_from(us / 1_000).unwrap_or(LONGEST_MS);
            self.turn.listed_at = (listing.count > FEW).then_some(self.now);
            self.turn.kept_ms = ms.min(LONGEST_MS);
        }
        self.turn.known = self.rest;
        if self.turn.are_all {
            self.turn.known.extend(self.more);
        }
        TURNS.with_borrow_mut(|turns| turns.insert(self.worker_queue.to_owned(), self.turn));
    }
}

/// A listing: from the environment behind one to the last one, and from the first one to that one.
struct Listing {
    start: String,
    after: String,
    is_back: bool,
    is_over: bool,
    /// How many were listed.
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

    /// The next ones that may have something due, at most as many as are looked through together.
    fn next(&mut self, worker_queue: &str, now: Timestamp) -> Vec<String> {
        let (shard, count) = (Shard::default(), TOGETHER as i32);
        let mut listed = store::due::environments(shard, worker_queue, &self.after, count, now);
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
