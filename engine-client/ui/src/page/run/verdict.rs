//! What became of a run, in a sentence: the first rule that applies.

use maud::html;

use super::seen::Seen;
use super::wait;
use crate::moment::span;
use crate::number::{count, plural};
use crate::page::reason::error_line;
use crate::page::runs::attempts as attempts_of;
use crate::page::timeline::Attempt;
use crate::part::status::{self, Shown};
use crate::part::text::run_path;
use crate::part::verdict::{Verdict, Weight};
use crate::request::Context;
use crate::url::Words;

pub(super) fn verdict(context: &Context, seen: &Seen, attempts: &[Attempt]) -> Option<Verdict> {
    let run = &seen.run;
    let shown = status::of(&run.run_status, &run.execution_status);
    match () {
        () if shown.is_failure() => Some(failed(context, seen, attempts, shown)),
        () if !run.waits.is_empty() && !run.has_ended() => Some(wait::verdict(context, seen)),
        () if run.run_status == "RETRYING_AFTER_FAILURE" => Some(retries(context, seen, attempts)),
        () if seen.queue.is_some() => Some(queued(context, seen)),
        () => None,
    }
}

fn failed(context: &Context, seen: &Seen, attempts: &[Attempt], shown: Shown) -> Verdict {
    let (run, now) = (&seen.run, seen.facts.now);
    let redactor = &context.served.redactor;
    let lines: Vec<String> = attempts
        .iter()
        .filter_map(|attempt| attempt.error.as_ref())
        .map(|error| error_line(redactor, error))
        .collect();
    let at = run
        .completed_at
        .map_or_else(String::new, |at| format!(" at {}", at.brief(now)));
    let all_same = lines.len() > 1 && lines.iter().all(|line| *line == lines[0]);
    let how = match attempts.len() {
        _ if run.is_dead_lettered => format!(
            ": a dead letter, after {}",
            plural(run.queue_attempts, "lost worker", "lost workers")
        ),
        0 => " before its first attempt".to_owned(),
        1 => " in its only attempt".to_owned(),
        number if all_same => format!(": all {number} attempts ended the same way"),
        number => format!(" in attempt {number}"),
    };
    let word = format!("{}{}", shown.word[..1].to_uppercase(), &shown.word[1..]);
    let parent = seen
        .family
        .iter()
        .find(|other| other.is_parent == Some(true));
    let mut links = vec![(
        "The failure".to_owned(),
        context.link_with("/failures", Words::default().with("task", &*run.task)),
    )];
    if let Some(parent) = parent {
        links.push(("The parent".to_owned(), run_path(context, &parent.run_id)));
    }
    Verdict {
        weight: Weight::Failure,
        symbol: shown.symbol,
        colour: "fail",
        sentence: format!("{word}{at}{how}"),
        error: run.error.as_ref().map(|error| error_line(redactor, error)),
        facts: html! {
            @if let Some(reason) = &run.status_reason { (reason) ". " }
            @if let Some(parent) = parent {
                "Its parent " (parent.task) " is " (status::of(&parent.run_status, &parent.execution_status).word) "."
            }
        },
        links,
    }
}

fn retries(context: &Context, seen: &Seen, attempts: &[Attempt]) -> Verdict {
    let (run, now) = (&seen.run, seen.facts.now);
    let failed = attempts
        .iter()
        .rev()
        .find_map(|attempt| attempt.error.as_ref());
    let next = match run.available_at {
        Some(at) if at > now => format!("tries again at {}", at.brief(now)),
        Some(_) => format!("is due again in queue {}", run.queue),
        None => "is about to try again".to_owned(),
    };
    let done = attempts_of(run.attempt, run.max_attempts).replace(" / ", " of ");
    Verdict {
        weight: Weight::Note,
        symbol: "retrying",
        colour: "warn",
        sentence: format!("Has failed {done} times and {next}"),
        error: failed.map(|error| error_line(&context.served.redactor, error)),
        facts: html! {},
        links: vec![(
            "Others of the task".to_owned(),
            context.link_with(
                "/runs",
                Words::default()
                    .with("status", "retrying")
                    .with("task", &*run.task),
            ),
        )],
    }
}

fn queued(context: &Context, seen: &Seen) -> Verdict {
    let (run, now) = (&seen.run, seen.facts.now);
    let queue = seen.queue.as_ref();
    let name = &run.queue;
    let held = queue.and_then(|queue| queue.held(now));
    let why = match queue {
        Some(queue) if queue.is_paused => format!("queue {name} is {}", queue.pause.words(now)),
        Some(queue) if queue.is_full() && !queue.is_held_by_pause() => {
            format!(
                "queue {name} is full, {} of {}",
                count(queue.running),
                count(queue.limit.unwrap_or_default())
            )
        }
        _ if let Some(held) = held => held,
        Some(queue) if queue.running == 0 => format!("no run of queue {name} is executed"),
        _ => format!("others of queue {name} are before it"),
    };
    let sentence = match run.available_at {
        Some(at) if at > now => format!("Is due in {}", span(at.ms_since(now))),
        Some(at) => format!("Due for {}: {why}", span(now.ms_since(at))),
        None => "Is in its queue".to_owned(),
    };
    Verdict {
        weight: Weight::Note,
        symbol: "queued",
        colour: "idle",
        sentence,
        error: None,
        facts: html! { @if let Some(queue) = queue { (plural(queue.due, "run is", "runs are")) " due in the queue." } },
        links: vec![(
            "The queue".to_owned(),
            context.link_with(
                "/queues",
                Words::default()
                    .with("queue", &*run.queue)
                    .with("of", &*run.environment_id),
            ),
        )],
    }
}
