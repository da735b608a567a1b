//! What the page of a run reads.

use crate::fault::Fault;
use crate::pool::Reader;
use crate::query::queue::{self, Asked, Queue};
use crate::query::run::{Payload, Relative, Run};
use crate::query::session::Facts;
use crate::request::Context;

/// How far a chain of waits is followed.
const CHAIN: usize = 5;

/// What the page shows.
pub(super) struct Seen {
    pub(super) facts: Facts,
    pub(super) run: Run,
    pub(super) family: Vec<Relative>,
    /// Runs that it waits for, each waiting for the next.
    pub(super) chain: Vec<Run>,
    pub(super) queue: Option<Queue>,
    /// None, if the role may not read it.
    pub(super) payload: Option<Payload>,
}

/// Values, decrypted and ready to be shown.
pub(super) struct Values {
    pub(super) payload: Option<String>,
    pub(super) metadata: Option<String>,
    pub(super) output: Option<String>,
}

impl Seen {
    /// Reads the run of a bare id, and what belongs to it, in one transaction.
    pub(super) async fn read(context: &Context, id: &str) -> Result<Self, Fault> {
        context
            .read(async |reader| {
                let facts = Facts::read(reader).await?;
                let run = Run::read(reader, id).await?;
                let family = run.family(reader).await?;
                let mut chain: Vec<Run> = Vec::new();
                while chain.len() < CHAIN
                    && let Some(next) = awaited(chain.last().unwrap_or(&run))
                {
                    chain.push(Run::read(reader, &next).await?);
                }
                let queue = queue_of(reader, &run).await?;
                let payload = if facts.sees_payloads() {
                    run.payload(reader).await?
                } else {
                    None
                };
                Ok(Self {
                    facts,
                    run,
                    family,
                    chain,
                    queue,
                    payload,
                })
            })
            .await
    }
}

impl Values {
    /// The values of a run, as the hook of its codec tells them.
    pub(super) async fn of(context: &Context, seen: &Seen) -> Self {
        let redactor = &context.served.redactor;
        let decrypt = async |text: Option<&str>| match text {
            Some(text) => Some(redactor.decrypt(text).await),
            None => None,
        };
        let payload = seen.payload.as_ref();
        Self {
            payload: decrypt(payload.map(|payload| payload.payload.as_str())).await,
            metadata: decrypt(seen.run.metadata.as_deref()).await,
            output: decrypt(seen.run.output.as_deref()).await,
        }
    }
}

/// The queue that a run is in, as long as it is there.
async fn queue_of(reader: &Reader<'_>, run: &Run) -> Result<Option<Queue>, Fault> {
    if !matches!(run.execution_status.as_str(), "QUEUED" | "QUEUED_EXECUTING") {
        return Ok(None);
    }
    let asked = Asked {
        environment: Some(&run.environment_id),
        name: Some(&run.queue),
        most: 1,
        ..Asked::default()
    };
    let (queues, _) = queue::queues(reader, asked).await?;
    Ok(queues.into_iter().next())
}

/// The run that a run waits for, if it waits for one.
fn awaited(run: &Run) -> Option<String> {
    let pending = run.waits.iter().filter(|wait| wait.status == "PENDING");
    pending.filter_map(|wait| wait.run_id.clone()).next()
}
