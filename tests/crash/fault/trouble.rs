//! What goes wrong, one after the other and again.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Database, Session};
use tokio::time::sleep;

const PATIENCE: Duration = Duration::from_secs(60);

/// Something is wrong anew after this time.
const EVERY: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A session dies, and with it all others; the server recovers.
    Death,
    /// A table is locked for five seconds.
    Lock,
    /// A client reads events, and stops in the middle of a transaction that has written.
    SlowClient,
    /// There are no connections left.
    NoConnections,
    /// The clock goes an hour ahead.
    Clock,
}

impl Trouble {
    const ALL: [Self; 10] = [
        Self::Death,
        Self::Lock,
        Self::Death,
        Self::SlowClient,
        Self::Death,
        Self::NoConnections,
        Self::Death,
        Self::Clock,
        Self::Death,
        Self::Lock,
    ];

    /// Has one after the other until the time is over: so a session dies every ten seconds.
    pub async fn all(cluster: &Cluster, database: &Database, time: Duration) -> Result<()> {
        let begun_at = Instant::now();
        for number in 0.. {
            let at = EVERY * number;
            if at >= time {
                break;
            }
            sleep(at.saturating_sub(begun_at.elapsed())).await;
            let mut trouble = Self::ALL[number as usize % Self::ALL.len()];
            if trouble == Self::Clock && number as usize >= Self::ALL.len() {
                // A day ahead, and what runs leave behind would go.
                trouble = Self::SlowClient;
            }
            trouble.happen(cluster, database).await?;
        }
        sleep(time.saturating_sub(begun_at.elapsed())).await;
        Ok(())
    }

    async fn happen(self, cluster: &Cluster, database: &Database) -> Result<()> {
        let session = Session::open(database).await?;
        match self {
            Self::Death => death(cluster, &session).await,
            Self::Lock => {
                hold(
                    &session,
                    "lock table engine.queue_item in exclusive mode",
                    5,
                )
                .await
            }
            Self::SlowClient => {
                hold(
                    &session,
                    "select engine_trigger('other'); select engine_events()",
                    4,
                )
                .await
            }
            Self::NoConnections => no_connections(database).await,
            Self::Clock => {
                let ahead = "select engine_set_test_clock((select now from engine.clock) + interval '1 hour')";
                Ok(session.client.batch_execute(ahead).await?)
            }
        }
    }
}

async fn death(cluster: &Cluster, session: &Session) -> Result<()> {
    let sql = "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() order by random() limit 1";
    let Some(row) = session.client.query_opt(sql, &[]).await? else {
        return Ok(());
    };
    cluster.kill_9_backends(&[row.get(0)])?;
    eventually("the server has ended all sessions", PATIENCE, async || {
        Ok(session.client.simple_query("select 1").await.is_err())
    })
    .await?;
    eventually("the server has recovered", PATIENCE, async || {
        Ok(cluster.connect().await.is_ok())
    })
    .await
}

/// Does something in a transaction, and leaves it open for these seconds.
async fn hold(session: &Session, what: &str, seconds: u64) -> Result<()> {
    session
        .client
        .batch_execute(&format!("begin; {what}"))
        .await?;
    sleep(Duration::from_secs(seconds)).await;
    Ok(session.client.batch_execute("rollback").await?)
}

/// Takes every connection there is, for two seconds.
async fn no_connections(database: &Database) -> Result<()> {
    let mut taken = Vec::new();
    while let Ok(client) = database.connect().await {
        taken.push(client);
        ensure!(taken.len() < 200, "connections do not run out");
    }
    sleep(Duration::from_secs(2)).await;
    Ok(())
}
