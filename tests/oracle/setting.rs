//! The settings of a database with histories, for both sides.

use anyhow::Result;
use engine_core::{Backoff, Heartbeats, Machine, Machines, Preset, Settings, Timestamp};

use crate::history::{Played, Stage};
use crate::initial::DEVELOPMENT;
use crate::server::Server;

/// A day: no deadline passes by itself.
const HEARTBEAT_MS: i64 = 86_400_000;
/// An hour, both the shortest and the longest delay, so that nothing is left to chance.
const BACKOFF_MS: i64 = 3_600_000;
/// Few, so that histories reach the limit.
const QUEUE_MAX_ATTEMPTS: i32 = 2;
/// Machines with a cost.
const PRESETS: &[(Machine, f64, f64, f64)] = &[
    (Machine::Micro, 0.25, 0.25, 0.000_169),
    (Machine::Small1x, 0.5, 0.5, 0.000_338),
    (Machine::Small2x, 1.0, 1.0, 0.000_675),
];

/// A fresh database for the histories of one thread. On every second one a worker that stops beating is assumed to have
/// run out of memory.
///
/// # Errors
/// If the server refuses the settings.
pub async fn stage(thread: u64) -> Result<Stage> {
    let stalls_are_out_of_memory = thread % 2 == 1;
    let (heartbeat, backoff) = (HEARTBEAT_MS.to_string(), BACKOFF_MS.to_string());
    let (attempts, stalls) = (
        QUEUE_MAX_ATTEMPTS.to_string(),
        stalls_are_out_of_memory.to_string(),
    );
    let given = [
        ("engine.heartbeat_pending_executing_ms", heartbeat.as_str()),
        ("engine.heartbeat_executing_ms", &heartbeat),
        ("engine.heartbeat_executing_with_waitpoints_ms", &heartbeat),
        ("engine.heartbeat_pending_cancel_ms", &heartbeat),
        ("engine.queue_backoff_min_ms", &backoff),
        ("engine.queue_backoff_max_ms", &backoff),
        // The check joins whole tables, and is planned as if they were large: small ones need no room for that.
        ("work_mem", "1MB"),
        ("engine.queue_max_attempts", &attempts),
        ("engine.stalls_are_out_of_memory", &stalls),
    ];
    let mut script =
        format!("select engine_set_environment('{DEVELOPMENT}', type => 'DEVELOPMENT');");
    for (machine, cpu, memory, cents) in PRESETS {
        script += &format!("select engine_set_machine('{machine}', {cpu}, {memory}, {cents});");
    }
    Ok(Stage {
        server: Server::fresh(&given, &script).await?,
        settings: settings(stalls_are_out_of_memory),
        played: Played::default(),
        is_clean: true,
    })
}

fn settings(stalls_are_out_of_memory: bool) -> Settings {
    let preset = |(machine, cpu, memory, cents): &(Machine, f64, f64, f64)| {
        Some((*machine, Preset::new(*cpu, *memory, *cents).ok()?))
    };
    let presets = PRESETS.iter().filter_map(preset).collect();
    Settings {
        now: Timestamp::from_micros(0),
        jitter: 1.0,
        queue_backoff: Backoff {
            min_ms: BACKOFF_MS,
            max_ms: BACKOFF_MS,
            factor: 2.0,
        },
        queue_max_attempts: QUEUE_MAX_ATTEMPTS,
        retry_requeue_threshold_ms: 30_000,
        stalls_are_out_of_memory,
        heartbeats: Heartbeats {
            pending_executing_ms: HEARTBEAT_MS,
            executing_ms: HEARTBEAT_MS,
            executing_with_waitpoints_ms: HEARTBEAT_MS,
            pending_cancel_ms: HEARTBEAT_MS,
            suspended_ms: 600_000,
        },
        machines: Machines::built_in(Machine::Small1x).with(presets),
    }
}
