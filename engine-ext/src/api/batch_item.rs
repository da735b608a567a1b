//! Items of batches: each becomes a run in the call that adds it.

use std::collections::BTreeMap;

use engine_core::{
    Batch, BatchId, BatchItem, NewRun, Refusal, RunError, RunStatus, Timestamp, Transition,
    TriggerOptions, check_name,
};
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern, search_path};

use super::arrival::Rules;
use super::entrance::Entered;
use super::parent::Joining;
use super::{arrival, batch};
use crate::document::JsonB;
use crate::error::{OrRaise, required};
use crate::store::batch::{Item, ItemFailure};
use crate::store::trigger::{Birth, Minted};
use crate::{api, guc, store};

/// What became of an item: place, run, whether it is new, why it could not be triggered.
type ItemRow = (i32, String, bool, Option<String>, Option<String>);

/// Adds items to a batch, triggers their runs, and returns one row per element, in order.
///
/// `runs` is a JSON array of objects whose keys are the parameter names of `engine_trigger`, and `index`, the place in the batch,
/// from 0; without it an item goes behind the last one. A place that is taken stays as it is: then `enqueued` is false, so that a
/// call may be repeated whose answer was lost. An item that cannot be triggered does not spoil its neighbours: it becomes a run that
/// failed as SYSTEM_FAILURE, and `error_code` and `error_message` say why. An item whose idempotency or debounce key has a run gets
/// that one. The batch is sealed once it has its `run_count` of items.
///
/// # Errors
/// - `RE011` for an unknown batch, `RE012` for one that takes no more items.
/// - `22023` if `runs` is not an array of objects, names an unknown key or a place that the batch does not have, or has more than
///   `engine.max_batch` elements; `23505` for a `run_id` that is taken.
/// - `RE009` for a one-time token that was used, with the element's position.
/// - `RE003`, `RE004` if the parent is to wait and cannot.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn engine_add_to_batch(
    batch_id: Option<&str>,
    runs: Option<JsonB>,
) -> TableIterator<
    'static,
    (
        name!(index, i32),
        name!(run_id, String),
        name!(enqueued, bool),
        name!(error_code, Option<String>),
        name!(error_message, Option<String>),
    ),
> {
    api::enter_locking().or_raise();
    let id = BatchId::parse(required("batch_id", batch_id).or_raise());
    let runs = required("runs", runs).or_raise();
    let items = BatchItem::many(runs.0, guc::max_batch()).or_raise();
    TableIterator::new(add(&id, items).or_raise())
}

/// Locks the parent, then the batch, triggers what is new, seals.
fn add(id: &BatchId, items: Vec<BatchItem>) -> Result<Vec<ItemRow>, Refusal> {
    let now = api::now();
    let Some(parent) = store::batch::parent(id) else {
        return Err(Refusal::UnknownBatch {
            batch_id: id.clone(),
        });
    };
    if let Some(parent) = parent {
        store::run::lock(&parent);
    }
    let batch = batch::lock(id)?;
    let mut additions = Additions::new(&batch, now);
    let mut elements = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let added = additions.add(item);
        added.map_err(|refusal| refusal.in_element(index))?;
        elements.resize(additions.runs.len(), index);
    }
    let Additions {
        runs,
        failures,
        answers,
        ..
    } = additions;
    let entered = if runs.is_empty() {
        Vec::new()
    } else {
        batch.check_open()?;
        let joining = Joining {
            failures: &failures,
            seals: true,
        };
        let locate = |position: usize, refusal: Refusal| refusal.in_element(elements[position]);
        arrival::write(runs, joining, now, &locate)?
    };
    Ok(answers
        .into_iter()
        .map(|answer| answer.into_row(&entered, &failures))
        .collect())
}

/// The items of a call, sorted into those that are there and those that are new.
struct Additions<'a> {
    batch: &'a Batch,
    /// The batch as it will be.
    grown: Batch,
    rules: Rules,
    now: Timestamp,
    /// By queue that has a limit on its length: how many runs it will have.
    lengths: BTreeMap<String, i64>,
    runs: Vec<Minted>,
    failures: Vec<Option<ItemFailure>>,
    /// The places that are taken by earlier elements, each with the position of its run.
    taken: BTreeMap<i32, usize>,
    answers: Vec<Answer>,
}

/// What became of an element.
enum Answer {
    /// Its place was taken before.
    There(Item),
    /// It became the run at this position, or an earlier element of the same place did.
    Run {
        index: i32,
        position: usize,
        is_new: bool,
    },
}

impl<'a> Additions<'a> {
    fn new(batch: &'a Batch, now: Timestamp) -> Self {
        Self {
            batch,
            grown: batch.clone(),
            rules: Rules::at(now),
            now,
            lengths: BTreeMap::new(),
            runs: Vec::new(),
            failures: Vec::new(),
            taken: BTreeMap::new(),
            answers: Vec::new(),
        }
    }

    fn add(&mut self, item: BatchItem) -> Result<(), Refusal> {
        if let Some(index) = item.index {
            if let Some(position) = self.taken.get(&index) {
                self.answers.push(Answer::Run {
                    index,
                    position: *position,
                    is_new: false,
                });
                return Ok(());
            }
            if let Some(there) = store::batch::items(self.batch, &[index]).pop() {
                self.answers.push(Answer::There(there));
                return Ok(());
            }
        }
        let index = self.grown.add(item.index)?;
        let position = self.runs.len();
        self.taken.insert(index, position);
        self.answers.push(Answer::Run {
            index,
            position,
            is_new: true,
        });
        let (run, failure) = self.run(item, index)?;
        self.runs.push(run);
        self.failures.push(failure);
        Ok(())
    }

    /// The run of an item, or the one that stands in its place if it cannot be triggered.
    fn run(
        &mut self,
        item: BatchItem,
        index: i32,
    ) -> Result<(Minted, Option<ItemFailure>), Refusal> {
        let environment_id = &self.batch.environment_id;
        let parent = self.batch.parent_run_id.as_ref();
        let options = TriggerOptions {
            environment_id: Some(
                item.options
                    .environment_id
                    .unwrap_or(environment_id.clone()),
            ),
            parent_run_id: parent.map(|id| id.as_str().to_owned()),
            resume_parent: Some(self.batch.resume_parent),
            batch_id: Some(self.batch.id.as_str().to_owned()),
            ..item.options
        };
        self.batch.check_member(options.environment_id())?;
        let stand_in = stand_in(&options);
        let checked = self.rules.check(options);
        let (run, birth, failure) = match checked.and_then(|run| self.admit(run)) {
            Ok(run) => (run, Birth::QUEUED, None),
            Err(refusal) => {
                let failure = ItemFailure {
                    code: Some(refusal.item_code()),
                    message: refusal.message(),
                    request: item.request,
                };
                let run = self.rules.check(stand_in)?;
                (run, failed(&refusal, self.now), Some(failure))
            }
        };
        let run = NewRun {
            batch_index: Some(index),
            ..run
        };
        Ok((arrival::minted(run, birth), failure))
    }

    /// Refuses a run whose queue is full, with what this call adds to it.
    fn admit(&mut self, run: NewRun) -> Result<NewRun, Refusal> {
        let limit = run.environment.max_queued(&run.queue);
        let Some(limit) = limit.filter(|_| run.delay_until.is_none()) else {
            return Ok(run);
        };
        let length = self
            .lengths
            .entry(run.queue.clone())
            .or_insert_with(|| store::length::of(&run.environment, &run.queue, limit, 0, self.now));
        if *length >= i64::from(limit) {
            return Err(Refusal::QueueFull {
                queue: run.queue.clone(),
                queued: *length,
                limit,
            });
        }
        *length += 1;
        Ok(run)
    }
}

/// What is sure to be accepted of these options.
fn stand_in(options: &TriggerOptions) -> TriggerOptions {
    let named = options.task.as_deref();
    let task = named.filter(|task| check_name("task", task).is_ok());
    TriggerOptions {
        task: Some(task.unwrap_or("unknown").to_owned()),
        environment_id: options.environment_id.clone(),
        parent_run_id: options.parent_run_id.clone(),
        resume_parent: options.resume_parent,
        batch_id: options.batch_id.clone(),
        ..TriggerOptions::default()
    }
}

/// How a run begins whose item could not be triggered.
fn failed(refusal: &Refusal, now: Timestamp) -> Birth {
    let reason = format!("{}: {}", refusal.message(), refusal.detail());
    Birth {
        transition: Transition::CreatedFailed,
        run_status: RunStatus::SystemFailure,
        description: "Failed before it was triggered",
        completed_at: Some(now),
        error: Some(RunError::text(&reason).to_json()),
        ..super::finished::FINISHED
    }
}

impl Answer {
    fn into_row(self, entered: &[Entered], failures: &[Option<ItemFailure>]) -> ItemRow {
        match self {
            Self::There(item) => (item.index, item.run_id, false, item.error_code, item.error),
            Self::Run {
                index,
                position,
                is_new,
            } => {
                let failure = failures[position].as_ref();
                (
                    index,
                    entered[position].run_id().as_str().to_owned(),
                    is_new,
                    failure.and_then(|failure| failure.code).map(str::to_owned),
                    failure.map(|failure| failure.message.clone()),
                )
            }
        }
    }
}
