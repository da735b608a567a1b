//! How much a step of the sweep removes, after steps that were cut short.
//!
//! A step that a timeout ends has done nothing, and so has the tick that it is a part of. The same step again would end the same
//! way: the next one of the process tries half of it, and later ones a little more each time.

use std::cell::Cell;

/// Most runs of a step.
const MOST: usize = 100_000;

/// How much the next step of this process removes.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// Most runs of the next step.
    most: usize,
    /// The runs of a step that has begun and not ended.
    under_way: Option<usize>,
}

thread_local! {
    static PACE: Cell<Pace> = const {
        Cell::new(Pace { most: MOST, under_way: None })
    };
}

impl Pace {
    /// Begins a step that is to remove up to `max_runs` runs; returns up to how many it does.
    pub(crate) fn begin(max_runs: usize) -> usize {
        let last = PACE.get();
        let most = last.under_way.map_or(last.most, |runs| (runs / 2).max(1));
        let runs = most.min(max_runs);
        PACE.set(Self {
            most,
            under_way: Some(runs),
        });
        runs
    }

    /// Ends the step.
    pub(crate) fn end() {
        let Self { most, .. } = PACE.get();
        PACE.set(Self {
            most: (most + most / 8 + 1).min(MOST),
            under_way: None,
        });
    }
}
