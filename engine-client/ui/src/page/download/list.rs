//! Lists as files: what they show.

use super::{moment, number};
use crate::csv::Csv;
use crate::fault::Fault;
use crate::filter::Filter;
use crate::page::{failures, queues, reason};
use crate::part::file::MOST;
use crate::part::status;
use crate::query::run_list::{self, Part, Question};
use crate::query::session::Facts;
use crate::query::{failure, queue, schedule, worker};
use crate::request::Context;

pub(super) async fn runs(context: &Context) -> Result<Csv, Fault> {
    let filter = Filter::read(&context.words);
    let read = context.read(async |reader| {
        let now = Facts::read(reader).await?.now;
        let question = Question {
            filter: &filter.condition(now),
            ids: filter.runs(),
            part: Part::Newest,
            among: filter.among(),
            most: MOST,
        };
        Ok((now, run_list::find(reader, question).await?))
    });
    let (now, found) = read.await?;
    let mut file = Csv::new(&[
        "run_id",
        "task",
        "queue",
        "status",
        "attempt",
        "max_attempts",
        "triggered_at",
        "ended_at",
        "why",
    ]);
    for run in &found.runs {
        file.add(&[
            format!("run_{}", run.run_id),
            run.task.clone(),
            run.queue.clone(),
            status::of(&run.run_status, &run.execution_status)
                .word
                .to_owned(),
            number(run.attempt),
            number(run.max_attempts),
            run.created_at.iso(),
            moment(run.completed_at),
            reason::of(&context.served.redactor, run, now),
        ]);
    }
    Ok(file)
}

pub(super) async fn kinds(context: &Context) -> Result<Csv, Fault> {
    let (_, scope) = failures::scope(context);
    let kinds = context
        .read(async |reader| failure::kinds(reader, &scope).await)
        .await?;
    let mut file = Csv::new(&[
        "task",
        "error",
        "text",
        "runs",
        "dead_letters",
        "first_at",
        "last_at",
        "latest_run_id",
    ]);
    for kind in &kinds {
        file.add(&[
            kind.task.clone(),
            kind.kind.clone(),
            context.served.redactor.text(&kind.text),
            number(kind.count),
            number(kind.dead),
            kind.first.iso(),
            kind.last.iso(),
            format!("run_{}", kind.latest),
        ]);
    }
    Ok(file)
}

pub(super) async fn all_queues(context: &Context) -> Result<Csv, Fault> {
    let read = context.read(async |reader| {
        let now = Facts::read(reader).await?.now;
        let most = i64::try_from(MOST).unwrap_or(i64::MAX);
        let (queues, _) = queue::queues(reader, queues::asked(context, most)).await?;
        Ok((now, queues))
    });
    let (now, all) = read.await?;
    let mut file = Csv::new(&[
        "queue",
        "environment",
        "queued",
        "due",
        "running",
        "limit",
        "keys",
        "oldest_due_ms",
        "paused",
    ]);
    for queue in &all {
        let paused = queue.is_paused.then(|| queue.pause.words(now));
        file.add(&[
            queue.queue.clone(),
            queue.environment_id.clone(),
            number(queue.queued),
            number(queue.due),
            number(queue.running),
            number(queue.limit),
            number(queue.keys),
            number(queue.oldest_ms),
            paused.unwrap_or_default(),
        ]);
    }
    Ok(file)
}

pub(super) async fn schedules(context: &Context) -> Result<Csv, Fault> {
    let all = context
        .read(async |reader| schedule::list(reader, context.environment()).await)
        .await?;
    let mut file = Csv::new(&[
        "schedule",
        "environment",
        "task",
        "cron",
        "timezone",
        "is_active",
        "last_at",
        "next_at",
        "last_error",
    ]);
    for schedule in all.iter().take(MOST) {
        file.add(&[
            schedule.schedule_id.clone(),
            schedule.environment_id.clone(),
            schedule.task.clone(),
            schedule.cron.clone(),
            schedule.timezone.clone(),
            schedule.is_active.to_string(),
            moment(schedule.last_at),
            moment(schedule.next_at),
            schedule.last_error.clone().unwrap_or_default(),
        ]);
    }
    Ok(file)
}

pub(super) async fn workers(context: &Context) -> Result<Csv, Fault> {
    let all = context
        .read(async |reader| worker::workers(reader, context.environment()).await)
        .await?;
    let mut file = Csv::new(&[
        "worker",
        "group",
        "runs",
        "capacity",
        "late",
        "last_beat_ms",
        "longest_ms",
        "worker_queues",
        "versions",
    ]);
    for worker in &all {
        file.add(&[
            worker.worker.clone().unwrap_or_default(),
            worker.group.clone().unwrap_or_default(),
            number(worker.runs),
            number(worker.capacity),
            number(worker.late),
            number(worker.beat_ms),
            number(worker.longest_ms),
            worker.worker_queues.join(" "),
            worker.versions.clone().unwrap_or_default().join(" "),
        ]);
    }
    Ok(file)
}
