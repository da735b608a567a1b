//! Combines calls about single runs into calls about many.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::config::Batching;
use super::metric;
use crate::backoff::Backoff;
use crate::link::{Answer, Link, is_transient};
use crate::{Connection, Error, ErrorKind, OfMany};

/// A call that exists for one run and for many.
pub(super) trait Bulk: Send + Sync + 'static {
    /// The question about one run.
    type Query: Clone + Send + Sync + 'static;
    type Answer: Send + 'static;
    /// Label for metrics.
    const NAME: &'static str;

    fn one(
        &self,
        connection: &Connection,
        query: &Self::Query,
    ) -> impl Future<Output = Result<Self::Answer, Error>> + Send;

    fn many(
        &self,
        connection: &Connection,
        queries: &[&Self::Query],
    ) -> impl Future<Output = Result<Vec<OfMany<Self::Answer>>, Error>> + Send;
}

/// One query and its caller.
struct Request<B: Bulk> {
    query: B::Query,
    reply: oneshot::Sender<Answer<B::Answer>>,
}

/// The sending side, for queries.
#[derive(Debug)]
pub(super) struct Coalescer<B: Bulk>(mpsc::UnboundedSender<Request<B>>);

/// State shared by the tasks of all links: the one that holds it gathers the next batch.
struct Intake<B: Bulk> {
    requests: mpsc::UnboundedReceiver<Request<B>>,
    sent_at: Option<Instant>,
}

impl<B: Bulk> Coalescer<B> {
    /// Starts a task for each link. They end when the value is dropped and everything is answered.
    pub(super) fn start(
        bulk: B,
        links: &[Arc<Link>],
        batching: Batching,
        into: &mut JoinSet<()>,
    ) -> Self {
        let (sender, requests) = mpsc::unbounded_channel();
        let intake = Arc::new(Mutex::new(Intake {
            requests,
            sent_at: None,
        }));
        let bulk = Arc::new(bulk);
        for link in links {
            let task = LinkTask {
                bulk: Arc::clone(&bulk),
                link: Arc::clone(link),
                batching,
            };
            into.spawn(task.run(Arc::clone(&intake)));
        }
        Self(sender)
    }

    /// The answer to `query`, once it is committed. Dropping the future withdraws the query, if it was not sent
    /// yet. None if the tasks have ended.
    pub(super) async fn ask(&self, query: B::Query) -> Option<Answer<B::Answer>> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Request { query, reply }).ok()?;
        answer.await.ok()
    }
}

struct LinkTask<B: Bulk> {
    bulk: Arc<B>,
    link: Arc<Link>,
    batching: Batching,
}

impl<B: Bulk> LinkTask<B> {
    async fn run(self, intake: Arc<Mutex<Intake<B>>>) {
        loop {
            let mut taken = intake.lock().await;
            let requests = taken.gather(self.batching).await;
            drop(taken);
            if requests.is_empty() {
                return;
            }
            self.serve(requests).await;
        }
    }

    /// Answers requests, on new connections where needed. Requests whose caller has gone are skipped.
    async fn serve(&self, mut requests: Vec<Request<B>>) {
        let mut backoff = Backoff::new(self.link.reconnect());
        let mut may_repeat = false;
        loop {
            let Ok(connection) = self.link.connection().await else {
                // Each request gets the error.
                return self.serve_singly(requests).await;
            };
            requests.retain(|request| !request.reply.is_closed());
            if requests.is_empty() {
                return;
            }
            metric::batch(B::NAME, requests.len());
            let queries: Vec<&B::Query> = requests.iter().map(|request| &request.query).collect();
            let call = self.bulk.many(&connection, &queries);
            match self.link.answer(&connection, call).await {
                Ok(answers) => {
                    for (request, result) in requests.into_iter().zip(answers) {
                        request.answer(result, may_repeat);
                    }
                    return;
                }
                Err(error) if is_transient(&error) => {
                    may_repeat |= error.kind() == ErrorKind::Connection;
                    let pause = backoff.pause();
                    tracing::debug!(%error, ?pause, call = B::NAME, "call failed, repeats it");
                    sleep(pause).await;
                }
                Err(error) => {
                    tracing::debug!(%error, call = B::NAME, "a call about many runs failed, repeats it for each");
                    return self.serve_singly(requests).await;
                }
            }
        }
    }

    async fn serve_singly(&self, requests: Vec<Request<B>>) {
        for request in requests {
            let call = |connection: Arc<Connection>| {
                let query = &request.query;
                async move { self.bulk.one(&connection, query).await }
            };
            let answer = self.link.persist(call).await;
            request.answer(answer.result, answer.may_repeat);
        }
    }
}

impl<B: Bulk> Request<B> {
    fn answer(self, result: Result<B::Answer, Error>, may_repeat: bool) {
        // The caller may have gone.
        let _ = self.reply.send(Answer { result, may_repeat });
    }
}

impl<B: Bulk> Intake<B> {
    /// The next batch: at once after a quiet moment, or as soon as it is full. Empty at the end.
    async fn gather(&mut self, batching: Batching) -> Vec<Request<B>> {
        let mut batch = Vec::new();
        let Some(first) = self.requests.recv().await else {
            return batch;
        };
        batch.push(first);
        let due = self.sent_at.map(|at| at + batching.linger);
        let max_size = batching.max_size.max(1);
        while batch.len() < max_size {
            if let Ok(next) = self.requests.try_recv() {
                batch.push(next);
                continue;
            }
            let Some(due) = due else { break };
            match timeout_at(due, self.requests.recv()).await {
                Ok(Some(next)) => batch.push(next),
                Ok(None) | Err(_) => break,
            }
        }
        self.sent_at = Some(Instant::now());
        batch
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Echo;

    impl Bulk for Echo {
        type Query = u8;
        type Answer = u8;
        const NAME: &'static str = "echo";

        async fn one(&self, _: &Connection, query: &u8) -> Result<u8, Error> {
            Ok(*query)
        }

        async fn many(&self, _: &Connection, queries: &[&u8]) -> Result<Vec<OfMany<u8>>, Error> {
            Ok(queries.iter().map(|query| Ok(**query)).collect())
        }
    }

    const BATCHING: Batching = Batching {
        max_size: 3,
        linger: Duration::from_millis(2),
    };

    fn queries(batch: Vec<Request<Echo>>) -> Vec<u8> {
        batch.into_iter().map(|request| request.query).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_sent_at_once_or_full_or_after_its_time() {
        let (sender, requests) = mpsc::unbounded_channel();
        let mut intake = Intake::<Echo> {
            requests,
            sent_at: None,
        };
        let send = |query| {
            let (reply, _) = oneshot::channel();
            sender.send(Request { query, reply }).ok();
        };
        let start = Instant::now();
        send(1);
        assert_eq!(queries(intake.gather(BATCHING).await), [1]);
        assert_eq!(start.elapsed(), Duration::ZERO, "after a quiet moment");
        (2..=5).for_each(send);
        assert_eq!(queries(intake.gather(BATCHING).await), [2, 3, 4]);
        assert_eq!(start.elapsed(), Duration::ZERO, "it was full");
        assert_eq!(queries(intake.gather(BATCHING).await), [5]);
        assert_eq!(start.elapsed(), BATCHING.linger);
        drop(sender);
        assert!(intake.gather(BATCHING).await.is_empty());
    }
}
