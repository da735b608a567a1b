//! Random histories on the real engine and on an oracle in memory: equal answers, equal rows.
//!
//! The number of histories comes from `ENGINE_HISTORIES`, the seed from `ENGINE_SEED`, or chance. A history that fails
//! is shortened as far as possible, and printed with the seed.

mod answer;
mod call;
mod command;
mod dequeue;
mod history;
mod initial;
mod life;
mod oracle;
mod perform;
mod play;
mod read;
mod repeat;
mod resolve;
mod row;
mod server;
mod setting;
mod strategy;
mod tick;
mod work;

use std::env;
use std::str::FromStr;
use std::thread;
use std::time::Instant;

use engine_core::{Settings, Transition};
use engine_harness::Scale;
use engine_harness::progress::tell;

use history::Played;
use play::{Program, play};

/// How many there are unless the environment says otherwise.
const HISTORIES: Scale = Scale::new("histories", 200, 5_000);

/// Each has a database and settings of its own.
const THREADS: u64 = 2;

/// Number of histories from which on every transition must have occurred.
const MANY: u64 = 1_000;

/// Every cause of a snapshot today, except of runs that begin finished.
const TRANSITIONS: &[Transition] = &[
    Transition::Triggered,
    Transition::Dequeued,
    Transition::Refused,
    Transition::Requeued,
    Transition::Started,
    Transition::Succeeded,
    Transition::Failed,
    Transition::StalledForGood,
    Transition::Retried,
    Transition::RetriedByQueue,
    Transition::AttemptFailed,
    Transition::CancelRequested,
    Transition::Canceled,
    Transition::Redriven,
    Transition::Blocked,
    Transition::Unblocked,
];

#[test]
fn random_histories_agree_with_the_oracle() {
    let histories = number("ENGINE_HISTORIES", || HISTORIES.pick());
    let seed = number("ENGINE_SEED", rand::random);
    tell(format!("oracle: {histories} histories, ENGINE_SEED={seed}"));
    let started = Instant::now();
    let played = match play_all(seed, histories) {
        Ok(played) => played,
        Err(failure) => panic!("ENGINE_SEED={seed}: {failure}"),
    };
    let sum = |count: fn(&Played) -> u64| played.iter().map(count).sum::<u64>();
    tell(format!(
        "oracle: {} histories of {} calls agree, {} of these were refused; {:.0?}",
        sum(|played| played.histories),
        sum(|played| played.calls),
        sum(|played| played.refused),
        started.elapsed()
    ));
    for transition in TRANSITIONS.iter().filter(|_| histories >= MANY) {
        let has_seen = |played: &Played| played.transitions.contains(transition);
        assert!(
            played.iter().any(has_seen),
            "no history has reached {transition}"
        );
    }
}

#[test]
fn an_oracle_that_believes_something_else_is_found_out() {
    let beliefs: [fn(&mut Settings); 3] = [
        |settings| settings.queue_max_attempts += 1,
        |settings| settings.retry_requeue_threshold_ms += 1,
        |settings| settings.stalls_are_out_of_memory = true,
    ];
    for (place, believes) in beliefs.into_iter().enumerate() {
        let program = Program {
            seed: 1,
            thread: 0,
            histories: MANY,
            shrinks: 0,
            believes,
        };
        assert!(play(program).is_err(), "belief {place} went by");
    }
}

/// Plays histories on all threads.
fn play_all(seed: u64, histories: u64) -> Result<Vec<Played>, String> {
    let program = |thread| Program {
        seed,
        thread,
        histories: (histories + thread) / THREADS,
        shrinks: 2_000,
        believes: |_| (),
    };
    thread::scope(|scope| {
        let start = |thread| scope.spawn(move || play(program(thread)));
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(played) => played,
            Err(_) => Err("a thread panicked".to_owned()),
        });
        joined.collect()
    })
}

/// A number from an environment variable.
fn number<T: FromStr>(variable: &str, otherwise: impl FnOnce() -> T) -> T {
    match env::var(variable).map(|text| text.parse()) {
        Ok(Ok(number)) => number,
        Ok(Err(_)) => panic!("{variable} is no number"),
        Err(_) => otherwise(),
    }
}
