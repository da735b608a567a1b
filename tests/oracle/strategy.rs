//! Frequencies of commands: mostly applicable ones, so that histories go far.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::command::{By, Cancel, Command, End, Error, Hold, How, Options, Retry, Step, Which};

/// A history. It begins with a run, without which nothing happens.
pub fn history() -> impl Strategy<Value = Vec<Step>> {
    (options(), vec(phrase(), 1..25)).prop_map(|(first, phrases)| {
        let first = Step::New(By::One, Command::Trigger(first));
        [first]
            .into_iter()
            .chain(phrases.into_iter().flatten())
            .collect()
    })
}

/// A command, or several that are often called one after the other.
fn phrase() -> impl Strategy<Value = Vec<Step>> {
    let all = |commands: Vec<Command>| -> Vec<Step> {
        let by_one = |command| Step::New(By::One, command);
        commands.into_iter().map(by_one).collect()
    };
    prop_oneof![
        8 => (by(), command()).prop_map(|(by, command)| vec![Step::New(by, command)]),
        2 => again().prop_map(|again| vec![again]),
        // An answer is lost, and asked for at once.
        3 => (by(), of_worker(), option::weighted(0.2, by())).prop_map(|(by, command, other)| {
            vec![Step::New(by, command), Step::Again(0, other)]
        }),
        2 => (latest(), end()).prop_map(move |(hold, end)| {
            all(vec![DEQUEUE, Command::Start(hold), Command::Complete(hold, end)])
        }),
        2 => place().prop_map(move |which| {
            all(vec![Command::Due(which), DEQUEUE, Command::Lapse(which), Command::Tick])
        }),
        1 => (latest(), place()).prop_map(move |(hold, which)| {
            let both = all(vec![Command::Block(hold), Command::Unblock(which)]);
            [both[0].clone(), Step::Again(0, None), both[1].clone()].into()
        }),
    ]
}

fn by() -> impl Strategy<Value = By> {
    prop_oneof![8 => Just(By::One), 1 => Just(By::Another), 1 => Just(By::Unnamed)]
}

fn again() -> impl Strategy<Value = Step> {
    let place = prop_oneof![4 => Just(0), 1 => 1..4_u8];
    (place, option::weighted(0.2, by())).prop_map(|(place, by)| Step::Again(place, by))
}

const DEQUEUE: Command = Command::Dequeue {
    max_runs: 1,
    environment: None,
};

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => options().prop_map(Command::Trigger),
        1 => vec(options(), 0..4).prop_map(Command::TriggerMany),
        8 => dequeue(),
        25 => of_worker(),
        1 => which().prop_map(Command::Unblock),
        2 => hold().prop_map(Command::Beat),
        1 => vec(hold(), 0..4).prop_map(Command::BeatMany),
        4 => (which(), cancel()).prop_map(|(which, cancel)| Command::Cancel(which, cancel)),
        4 => Just(Command::Tick),
        3 => which().prop_map(Command::Redrive),
        1 => which().prop_map(Command::Replay),
        5 => which().prop_map(Command::Lapse),
        5 => which().prop_map(Command::Due),
        1 => which().prop_map(Command::Stray),
    ]
}

/// A call that names what its caller holds.
fn of_worker() -> impl Strategy<Value = Command> {
    prop_oneof![
        8 => hold().prop_map(Command::Start),
        8 => (hold(), end()).prop_map(|(hold, end)| Command::Complete(hold, end)),
        3 => vec((hold(), end()), 0..4).prop_map(Command::CompleteMany),
        6 => work(),
        2 => hold().prop_map(Command::Release),
        2 => hold().prop_map(Command::Block),
    ]
}

fn place() -> impl Strategy<Value = Which> {
    any::<u8>().prop_map(Which::Fitting)
}

fn latest() -> impl Strategy<Value = Hold> {
    place().prop_map(|which| Hold { which, age: 0 })
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![
        16 => place(),
        3 => any::<u8>().prop_map(Which::Any),
        1 => Just(Which::Unknown),
    ]
}

fn hold() -> impl Strategy<Value = Hold> {
    let age = prop_oneof![8 => Just(0), 2 => 1..4_u8];
    (which(), age).prop_map(|(which, age)| Hold { which, age })
}

fn options() -> impl Strategy<Value = Options> {
    (
        prop::bool::weighted(0.25),
        // A negative priority moves a run back.
        select(&[0, 0, 0, 5_000, 7_200_000, -7_200_000][..]),
        // Zero is refused.
        select(&[None, None, Some(1), Some(2), Some(4), Some(0)][..]),
        select(&[None, Some("micro"), Some("small-1x"), Some("small-2x")][..]),
        option::of(retry()),
        option::weighted(0.3, which()),
    )
        .prop_map(
            |(is_in_development, priority_ms, max_attempts, machine, retry, parent)| Options {
                is_in_development,
                priority_ms,
                max_attempts,
                machine,
                retry,
                parent,
            },
        )
}

fn retry() -> impl Strategy<Value = Retry> {
    (1..5, any::<bool>()).prop_map(|(max_attempts, is_upgraded_when_out_of_memory)| Retry {
        max_attempts,
        is_upgraded_when_out_of_memory,
    })
}

fn dequeue() -> impl Strategy<Value = Command> {
    let environment = prop_oneof![
        12 => Just(None),
        2 => Just(Some("default")),
        2 => Just(Some("development")),
        1 => Just(Some("nowhere")),
    ];
    // Zero is refused.
    let max_runs = prop_oneof![1 => Just(0), 20 => 1..4];
    (max_runs, environment).prop_map(|(max_runs, environment)| Command::Dequeue {
        max_runs,
        environment,
    })
}

fn work() -> impl Strategy<Value = Command> {
    let environment = prop_oneof![
        12 => Just(None),
        2 => Just(Some("default")),
        2 => Just(Some("development")),
        1 => Just(Some("nowhere")),
    ];
    // With zero it only completes; a negative number is refused.
    let max_runs = prop_oneof![1 => Just(-1), 20 => 0..4];
    let turn = option::weighted(0.6, 0..3_u8);
    (vec((hold(), end()), 0..4), max_runs, environment, turn).prop_map(
        |(ends, max_runs, environment, turn)| Command::Work {
            ends,
            max_runs,
            environment,
            turn,
        },
    )
}

fn end() -> impl Strategy<Value = End> {
    let how = prop_oneof![
        5 => select(&[None, Some("1"), Some("{\"a\": null}")][..])
            .prop_map(|output| How::Success { output }),
        // The worker waits for short delays, long ones go through the queue.
        10 => (error(), option::of(select(&[0, 29_999, 30_000, 7_200_000][..])))
            .prop_map(|(error, retry_delay_ms)| How::Failure { error, retry_delay_ms }),
        1 => Just(How::Malformed),
    ];
    (how, select(&[0, 1, 333, u32::MAX][..]))
        .prop_map(|(how, duration_ms)| End { how, duration_ms })
}

fn error() -> impl Strategy<Value = Error> {
    prop_oneof![
        3 => Just(Error::Text),
        2 => Just(Error::BuiltIn),
        1 => Just(Error::Custom),
        5 => select(INTERNAL).prop_map(Error::Internal),
        2 => select(&["", "SIGTERM", "SIGKILL", "-1 SIGKILL", "SIGSEGV"][..]).prop_map(Error::Exited),
    ]
}

/// Codes with different decisions, and the status that each ends in.
const INTERNAL: &[&str] = &[
    "TASK_RUN_CANCELLED",
    "TASK_PROCESS_OOM_KILLED",
    "TASK_PROCESS_MAYBE_OOM_KILLED",
    "TASK_PROCESS_SIGTERM",
    "TASK_PROCESS_SIGSEGV",
    "TASK_RUN_UNCAUGHT_EXCEPTION",
    "MAX_DURATION_EXCEEDED",
    "DISK_SPACE_EXCEEDED",
    "TASK_INPUT_ERROR",
    "TASK_RUN_STALLED_EXECUTING",
    "COULD_NOT_FIND_TASK",
    "NO_SUCH_CODE",
];

fn cancel() -> impl Strategy<Value = Cancel> {
    (
        option::of(select(&["first", "second"][..])),
        select(&[None, Some(false), Some(true)][..]),
        prop::bool::weighted(0.2),
        // A negative duration is refused.
        select(&[None, None, None, Some(77), Some(-1)][..]),
        option::weighted(0.3, Just("bulk")),
    )
        .prop_map(
            |(reason, finalize, is_dated, attempt_duration_ms, bulk_action_id)| Cancel {
                reason,
                finalize,
                is_dated,
                attempt_duration_ms,
                bulk_action_id,
            },
        )
}
