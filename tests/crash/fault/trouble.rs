//! What goes wrong, one after the other and again.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Database, Session, SmallDisk};
use tokio::time::sleep;

const PATIENCE: Duration = Duration::from_secs(60);

/// Something is wrong anew after this time.
const EVERY: Duration = Duration::from_secs(5);

/// How long the disk is full.
const FULL: Duration = Duration::from_secs(10);

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
    Ahead,
    /// The clock goes a minute back.
    Back,
    /// The disk of the WAL is full for ten seconds.
    FullDisk,
}

/// What troubles are made with.
pub struct Stage<'a> {
    pub cluster: &'a mut Cluster,
    pub database: &'a Database,
    /// Where the WAL is, if a small disk can be had.
    pub disk: Option<&'a SmallDisk>,
}

impl Trouble {
    /// Those between deaths.
    const OTHERS: [Self; 6] = [
        Self::Lock,
        Self::SlowClient,
        Self::NoConnections,
        Self::Ahead,
        Self::Back,
        Self::FullDisk,
    ];

    /// Has one after the other until the time is over, every second one a death; returns them. Of the others the one of this number
    /// is the first.
    pub async fn all(stage: &mut Stage<'_>, time: Duration, first: usize) -> Result<Vec<Self>> {
        let begun_at = Instant::now();
        let mut troubles = Vec::new();
        for number in 0.. {
            let at = EVERY * number;
            if at >= time {
                break;
            }
            sleep(at.saturating_sub(begun_at.elapsed())).await;
            let place = number as usize / 2;
            let trouble = match Self::OTHERS[(first + place) % Self::OTHERS.len()] {
                _ if number % 2 == 0 => Self::Death,
                // A day ahead, and what runs leave behind would go.
                Self::Ahead if troubles.contains(&Self::Ahead) => Self::SlowClient,
                Self::FullDisk if stage.disk.is_none() => Self::Lock,
                other => other,
            };
            trouble.happen(stage).await?;
            troubles.push(trouble);
        }
        sleep(time.saturating_sub(begun_at.elapsed())).await;
        Ok(troubles)
    }

    async fn happen(self, stage: &mut Stage<'_>) -> Result<()> {
        let session = Session::open(stage.database).await?;
        match self {
            Self::Death => death(stage.cluster, &session).await,
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
            Self::NoConnections => no_connections(stage.database).await,
            Self::Ahead => {
                let ahead = "select engine_set_test_clock((select now from engine.clock) + interval '1 hour')";
                Ok(session.client.batch_execute(ahead).await?)
            }
            Self::Back => {
                // No function does that.
                let back = "select setval('engine.test_clock', greatest(last_value - 60000000, 0)) from engine.test_clock";
                Ok(session.client.batch_execute(back).await?)
            }
            Self::FullDisk => match stage.disk {
                Some(disk) => full_disk(stage.cluster, &session, disk).await,
                None => Ok(()),
            },
        }
    }
}

/// Has the server find its WAL's disk full, for ten seconds. It may end by itself: as an operator would do then, it is started again.
async fn full_disk(cluster: &mut Cluster, session: &Session, disk: &SmallDisk) -> Result<()> {
    let begun_at = Instant::now();
    disk.fill()?;
    let write = "select pg_logical_emit_message(true, 'trouble', repeat('x', 1000000))";
    while session.client.batch_execute(write).await.is_ok() {
        ensure!(begun_at.elapsed() < PATIENCE, "the disk is never full");
    }
    sleep(FULL.saturating_sub(begun_at.elapsed())).await;
    disk.free()?;
    tokio::task::block_in_place(|| cluster.restart_if_gone())?;
    eventually("the server has recovered", PATIENCE, async || {
        cluster.restart_if_gone()?;
        Ok(cluster.connect().await.is_ok())
    })
    .await
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
