//! A step of a bulk action: some runs, in the transaction that records how far it has come. It waits for no run that another session
//! has locked, and an error of one run takes nothing from the others.

use std::time::{Duration, Instant};

use engine_core::{BulkAction, RunFilter, RunId, Settings, Shard};

use super::action::Action;
use crate::backend::subtransaction;
use crate::store::bulk_action::{Due, Tally};
use crate::store::run_match::{self, Source, Wanted};
use crate::{flow, store};

/// Runs that are read at once.
const PAGE: usize = 1_000;

/// How long a step looks for runs.
const LOOKING: Duration = Duration::from_millis(200);

/// Most runs that wait for other sessions to unlock them: then the step looks for no more.
const MOST_LOCKED: usize = 1_000;

/// Does a step of one bulk action, on up to `max_runs` runs; returns how many it has looked at.
pub(crate) fn step(max_runs: usize, settings: &Settings) -> usize {
    if max_runs == 0 {
        return 0;
    }
    let Some(due) = store::bulk_action::lock_due() else {
        return 0;
    };
    let read = BulkAction::read(&due.action, Some(&due.options))
        .and_then(|action| Ok((action, RunFilter::read(&due.filter)?)));
    let Ok((action, filter)) = read else {
        // Another release has written it.
        store::bulk_action::stop(&due.id, None, settings.now);
        return 0;
    };
    if !flow::shard::serves(due.shard) {
        pass(&due, settings);
        return 0;
    }
    let filter = action.verb().narrow(filter);
    let wanted = super::wanted(
        &action,
        &filter,
        due.environment_ids.as_deref(),
        due.created_at,
    );
    Step {
        after: due.after.clone(),
        due: &due,
        wanted: &wanted,
        source: super::source(&action, &filter),
        action: Action {
            shard: due.shard,
            id: &due.id,
            action: &action,
            reason: due.reason.as_deref(),
            wanted: &wanted,
            settings,
        },
        left: max_runs,
    }
    .run(max_runs)
}

/// Leaves a shard that is not served: a step about one that is being moved comes later, one that is not here has none.
fn pass(due: &Due, settings: &Settings) {
    let mut tally = Tally::default();
    let next = if flow::shard::is_here(due.shard) {
        tally.locked.clone_from(&due.locked);
        Some((due.shard, due.after.as_str()))
    } else {
        next_shard(due.shard).map(|shard| (shard, ""))
    };
    store::bulk_action::advance(&due.id, &tally, next, settings.now);
}

struct Step<'a> {
    /// The last run of the shard that was looked at.
    after: String,
    due: &'a Due,
    wanted: &'a Wanted<'a>,
    source: Source,
    action: Action<'a>,
    /// Runs on which it may still act.
    left: usize,
}

impl Step<'_> {
    fn run(mut self, max_runs: usize) -> usize {
        let mut tally = Tally::default();
        let again = &self.due.locked[..self.due.locked.len().min(self.left)];
        if !again.is_empty() {
            self.left -= again.len();
            let again: Vec<&RunId> = again.iter().collect();
            tally.add(apart(&self.action, &again));
        }
        let rest = &self.due.locked[again_len(self.due, max_runs)..];
        tally.locked.extend(rest.iter().cloned());
        let next = self.look_on(&mut tally);
        let next = next.as_ref().map(|(shard, after)| (*shard, after.as_str()));
        store::bulk_action::advance(&self.due.id, &tally, next, self.action.settings.now);
        max_runs - self.left
    }

    /// Acts on the runs behind those that it has seen, of one shard after another; returns where the next step continues, or
    /// `None` if nothing is left.
    fn look_on(&mut self, tally: &mut Tally) -> Option<(Shard, String)> {
        let begun = Instant::now();
        loop {
            let shard = self.action.shard;
            match self.look(tally, begun) {
                Some(after) => return Some((shard, after)),
                // Those are of this shard.
                None if !tally.locked.is_empty() => return Some((shard, END.to_owned())),
                None => (),
            }
            self.action.shard = next_shard(shard)?;
            self.after.clear();
            if !flow::shard::serves(self.action.shard) {
                return Some((self.action.shard, String::new()));
            }
        }
    }

    /// Acts on the runs of a shard behind those that it has seen; returns the last one, or `None` if none is behind it.
    fn look(&mut self, tally: &mut Tally, begun: Instant) -> Option<String> {
        let mut after = self.after.clone();
        while after != END {
            pgrx::check_for_interrupts!();
            if self.left == 0 || tally.locked.len() >= MOST_LOCKED || begun.elapsed() > LOOKING {
                return Some(after);
            }
            let page = run_match::page(self.action.shard, self.source, self.wanted, &after, PAGE);
            let is_whole = page.runs.len() <= self.left;
            let runs = &page.runs[..page.runs.len().min(self.left)];
            let ids: Vec<&RunId> = runs.iter().map(|run| &run.id).collect();
            self.left -= ids.len();
            let last = ids.last().map(|id| id.as_str().to_owned());
            if !ids.is_empty() {
                tally.add(apart(&self.action, &ids));
            }
            match (is_whole, page.end, last) {
                (true, Some(end), _) => end.as_str().clone_into(&mut after),
                (true, None, _) => return None,
                (false, _, last) => after = last.unwrap_or(after),
            }
        }
        None
    }
}

/// Behind every id.
const END: &str = "~";

/// How many of the runs that were locked a step tries again.
fn again_len(due: &Due, max_runs: usize) -> usize {
    due.locked.len().min(max_runs)
}

/// The shard after this one, of those that are here.
fn next_shard(shard: Shard) -> Option<Shard> {
    let shards = store::shard::in_use();
    let mut behind = shards.iter().copied().filter(|other| *other > shard);
    behind.find(|other| flow::shard::is_here(*other))
}

/// Acts on runs. If that fails, on each half of them apart, and so on: what one run has wrong spoils nothing for the others.
fn apart(action: &Action<'_>, ids: &[&RunId]) -> Tally {
    match subtransaction::attempt(|| action.on(ids)) {
        Ok(tally) => tally,
        Err(sqlstate) if ids.len() == 1 => {
            let mut tally = Tally::default();
            tally.refuse(&sqlstate);
            tally
        }
        Err(_) => {
            let (some, others) = ids.split_at(ids.len() / 2);
            let mut tally = apart(action, some);
            tally.add(apart(action, others));
            tally
        }
    }
}
