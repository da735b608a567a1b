//! Random histories, one after the other.

use std::cell::RefCell;

use engine_core::Settings;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use tokio::runtime;

use crate::history::Played;
use crate::{setting, strategy};

/// The histories of one thread.
#[derive(Clone, Copy)]
pub struct Program {
    pub seed: u64,
    pub thread: u64,
    pub histories: u64,
    /// How often a failing history is tried shorter.
    pub shrinks: u32,
    /// The settings of the oracle, if they differ from the server's.
    pub believes: fn(&mut Settings),
}

/// Plays histories on a database of their own.
///
/// # Errors
/// How the shortest failing history fails.
pub fn play(program: Program) -> Result<Played, String> {
    let Program { seed, thread, .. } = program;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let stage = runtime.block_on(setting::stage(thread));
    let mut stage = stage.map_err(|error| format!("{error:#}"))?;
    (program.believes)(&mut stage.settings);
    let stage = RefCell::new(stage);
    let config = Config {
        cases: u32::try_from(program.histories).unwrap_or(u32::MAX),
        failure_persistence: None,
        max_shrink_iters: program.shrinks,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, rng(seed, thread));
    let agrees = runner.run(&strategy::history(), |commands| {
        let mut stage = stage.borrow_mut();
        let played = runtime.block_on(stage.play(&commands));
        played.map_err(|difference| TestCaseError::fail(format!("{difference:#}")))
    });
    match agrees {
        Ok(()) => Ok(stage.into_inner().played),
        Err(failure) => Err(format!("thread {thread}: {failure}")),
    }
}

fn rng(seed: u64, thread: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&thread.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}
