//! Items of batches: each becomes a run in the call that adds it.

use std::collections::BTreeMap;

use engine_core::{
    Batch, BatchId, BatchItem, NewRun, Refusal, RunError, RunStatus, Timestamp, Transition,
    TriggerOptions, check_name,
};

use crate::flow::quota::Ledger;
use crate::flow::trigger::check::Rules;
use crate::flow::trigger::family::BatchJoin;
use crate::flow::trigger::outcome::Triggered;
use crate::store::batch_item::{Item, ItemFailure};
use crate::store::trigger::{InitialState, RunRow};
use crate::{flow, store};

/// An item that was added by this call, or earlier.
pub(crate) struct AddedItem {
    pub(crate) index: i32,
    pub(crate) run_id: String,
    pub(crate) is_new: bool,
    /// The error, if it could not be triggered.
    pub(crate) error_code: Option<String>,
    pub(crate) error: Option<String>,
}

/// Locks the parent, then the batch, triggers the new items, seals.
pub(crate) fn add(id: &BatchId, items: Vec<BatchItem>) -> Result<Vec<AddedItem>, Refusal> {
    let now = flow::now();
    let Some(parent) = store::batch::parent(id) else {
        return Err(Refusal::UnknownBatch {
            batch_id: id.clone(),
        });
    };
    if let Some(parent) = parent {
        store::run::lock(&parent);
    }
    let batch = super::lock(id)?;
    let environment = store::environment::find(&batch.environment_id);
    let ledger = environment.as_deref().and_then(Ledger::open);
    let mut additions = Additions::new(&batch, ledger, now);
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
    let triggered = if runs.is_empty() {
        Vec::new()
    } else {
        batch.check_open()?;
        let join = BatchJoin {
            failures: &failures,
            seals: true,
        };
        let locate = |position: usize, refusal: Refusal| refusal.in_element(elements[position]);
        flow::trigger::write(runs, join, now, &locate)?
    };
    Ok(answers
        .into_iter()
        .map(|answer| answer.into_added(&triggered, &failures))
        .collect())
}

/// The items of a call, divided into existing and new ones.
struct Additions<'a> {
    batch: &'a Batch,
    /// The batch after the call.
    grown: Batch,
    rules: Rules,
    now: Timestamp,
    /// By queue with a maximum size: the number of runs that it will have.
    sizes: BTreeMap<String, i64>,
    /// What the environment has used, if it has a quota.
    ledger: Option<Ledger<'a>>,
    runs: Vec<RunRow>,
    failures: Vec<Option<ItemFailure>>,
    /// The indexes taken by earlier elements, each with the position of its run.
    taken: BTreeMap<i32, usize>,
    answers: Vec<Answer>,
}

/// The outcome for an element.
enum Answer {
    /// Its index was taken before.
    There(Item),
    /// It became the run at this position, or an earlier element with the same index did.
    Run {
        index: i32,
        position: usize,
        is_new: bool,
    },
}

impl<'a> Additions<'a> {
    fn new(batch: &'a Batch, ledger: Option<Ledger<'a>>, now: Timestamp) -> Self {
        Self {
            batch,
            grown: batch.clone(),
            rules: Rules::at(now),
            now,
            sizes: BTreeMap::new(),
            ledger,
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
            if let Some(there) = store::batch_item::read(self.batch, &[index]).pop() {
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

    /// The run of an item, or its substitute if the item cannot be triggered.
    fn run(
        &mut self,
        item: BatchItem,
        index: i32,
    ) -> Result<(RunRow, Option<ItemFailure>), Refusal> {
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
        let fits = checked.and_then(|run| self.fits_queue(run));
        let (run, state, failure) = match fits.and_then(|run| self.fits_quota(run)) {
            Ok(run) => (run, InitialState::QUEUED, None),
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
        Ok((flow::trigger::with_ids(run, state), failure))
    }

    /// Refuses a run that exceeds what the environment may hold, counting what this call adds to it.
    fn fits_quota(&mut self, run: NewRun) -> Result<NewRun, Refusal> {
        if let Some(ledger) = &mut self.ledger {
            ledger.fit(&run.payload)?;
        }
        Ok(run)
    }

    /// Refuses a run whose queue is full, counting what this call adds to it.
    fn fits_queue(&mut self, run: NewRun) -> Result<NewRun, Refusal> {
        let limit = run.environment.max_queued(&run.queue);
        let Some(limit) = limit.filter(|_| run.delay_until.is_none()) else {
            return Ok(run);
        };
        let size = self.sizes.entry(run.queue.clone()).or_insert_with(|| {
            store::queue_item::size::of(&run.environment, &run.queue, limit, 0, self.now)
        });
        if *size >= i64::from(limit) {
            return Err(Refusal::QueueFull {
                queue: run.queue.clone(),
                queued: *size,
                limit,
            });
        }
        *size += 1;
        Ok(run)
    }
}

/// The subset of these options that is always accepted.
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

/// The initial state of the run of an item that could not be triggered.
fn failed(refusal: &Refusal, now: Timestamp) -> InitialState {
    let reason = format!("{}: {}", refusal.message(), refusal.detail());
    InitialState {
        transition: Transition::CreatedFailed,
        run_status: RunStatus::SystemFailure,
        description: "Failed before it was triggered",
        completed_at: Some(now),
        error: Some(RunError::text(&reason).to_json()),
        ..InitialState::FINISHED
    }
}

impl Answer {
    fn into_added(self, triggered: &[Triggered], failures: &[Option<ItemFailure>]) -> AddedItem {
        match self {
            Self::There(item) => AddedItem {
                index: item.index,
                run_id: item.run_id,
                is_new: false,
                error_code: item.error_code,
                error: item.error,
            },
            Self::Run {
                index,
                position,
                is_new,
            } => {
                let failure = failures[position].as_ref();
                AddedItem {
                    index,
                    run_id: triggered[position].run_id().as_str().to_owned(),
                    is_new,
                    error_code: failure.and_then(|failure| failure.code).map(str::to_owned),
                    error: failure.map(|failure| failure.message.clone()),
                }
            }
        }
    }
}
