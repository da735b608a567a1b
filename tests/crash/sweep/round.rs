//! A server, its clients, and what is killed of them.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Session};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::sleep;

use super::audit::Found;
use super::load::{DATABASE, Load, options, session};
use super::tally::Tally;
use super::victim::{Victim, point};

const PATIENCE: Duration = Duration::from_secs(90);

/// Longest wait for a session that reaches its point. A later one is noted where it dies.
const POINT_PATIENCE: Duration = Duration::from_secs(2);

pub struct Round {
    cluster: Cluster,
    load: Load,
    rng: StdRng,
    /// How much of the server's log was read.
    logged: usize,
}

impl Round {
    pub async fn begin(seed: u64) -> Result<Self> {
        let cluster = Cluster::start(options()).await?;
        let load = Load::begin(
            &cluster,
            &cluster.server().connection_string(DATABASE),
            seed,
        )
        .await?;
        Ok(Self {
            cluster,
            load,
            rng: StdRng::seed_from_u64(seed),
            logged: 0,
        })
    }

    /// Kills, audits, and in the end waits until everything is finished.
    pub async fn play(&mut self, kills: u64, tally: &mut Tally) -> Result<()> {
        let mut done = 0;
        while done < kills {
            let pause = self.rng.random_range(0..100);
            sleep(Duration::from_millis(pause)).await;
            let victim = Victim::choose(&mut self.rng);
            let struck = self.strike(victim, tally).await;
            let names = match struck {
                Err(error) if is_cut(&error) => {
                    // An order that was given up, and reached its point after all.
                    self.recover().await?;
                    let points = self.points();
                    ensure!(!points.is_empty(), "{victim:?}: {error:#}");
                    self.look(&points, true, tally).await?;
                    points
                }
                struck => struck.with_context(|| format!("kill {done}, {victim:?}"))?,
            };
            done += names.len() as u64;
        }
        self.finish(tally).await
    }

    /// Kills, and audits; returns the names of what died.
    async fn strike(&mut self, victim: Victim, tally: &mut Tally) -> Result<Vec<String>> {
        let names = self.kill(victim).await?;
        if !names.is_empty() {
            self.look(&names, victim != Victim::Client, tally).await?;
        }
        Ok(names)
    }

    /// Counts a kill, and audits what it has left.
    async fn look(&mut self, names: &[String], is_audited: bool, tally: &mut Tally) -> Result<()> {
        let session = session(self.cluster.server()).await?;
        let in_flight = "engine.run_state where execution_status <> 'FINISHED'";
        let in_flight = session.count(in_flight).await?;
        for name in names {
            tally.killed(name, in_flight);
        }
        if is_audited {
            let found = self.load.audit(&session).await?;
            judge(&names.join(" and "), &found, tally)?;
        }
        Ok(())
    }

    /// Kills; returns the names of what died, none if there was nothing to kill.
    async fn kill(&mut self, victim: Victim) -> Result<Vec<String>> {
        let name = vec![victim.name().to_owned()];
        match victim {
            Victim::Client => {
                self.load.kill_a_client(&mut self.rng).await?;
                return Ok(name);
            }
            Victim::Postmaster => {
                self.cluster.kill_9()?;
                self.cluster.restart()?;
                self.points();
                return Ok(name);
            }
            _ => {}
        }
        let bystander = session(self.cluster.server()).await?;
        match victim {
            Victim::Point(number) => {
                self.load.arm(number)?;
                if !ends(&bystander, POINT_PATIENCE).await {
                    self.load.disarm();
                    return Ok(Vec::new());
                }
            }
            _ => {
                let kind = if victim == Victim::Session {
                    "client backend"
                } else {
                    "engine tick"
                };
                let Some(pid) = self.backend(&bystander, kind).await? else {
                    return Ok(Vec::new());
                };
                // It may have ended by itself.
                if self.cluster.kill_9_backends(&[pid]).is_err() {
                    return Ok(Vec::new());
                }
                ensure!(ends(&bystander, PATIENCE).await, "the server goes on");
            }
        }
        self.recover().await?;
        let points = self.points();
        Ok(match victim {
            Victim::Point(_) if points.is_empty() => bail!("a session died, and not at its point"),
            Victim::Point(_) => points,
            _ => name,
        })
    }

    /// A process of this kind.
    async fn backend(&mut self, session: &Session, kind: &str) -> Result<Option<i32>> {
        let sql = "select pid from pg_stat_activity where backend_type = $1 and datname = $2 and pid <> pg_backend_pid() order by pid";
        let rows = session.client.query(sql, &[&kind, &DATABASE]).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        Ok(Some(rows[self.rng.random_range(0..rows.len())].get(0)))
    }

    /// Waits until the server, which recovers by itself, takes sessions.
    async fn recover(&self) -> Result<()> {
        let server = self.cluster.server();
        eventually("the server has recovered", PATIENCE, async || {
            Ok(session(server).await.is_ok())
        })
        .await
    }

    /// The points at which sessions have died since the last time.
    fn points(&mut self) -> Vec<String> {
        let log = fs::read(self.cluster.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let points = log[self.logged..].lines().filter_map(point).collect();
        self.logged = log.len();
        points
    }

    /// Nothing new begins; everything ends.
    async fn finish(&mut self, tally: &mut Tally) -> Result<()> {
        self.load.drain()?;
        let session = self.calm().await?;
        self.load.until_finished(&session).await?;
        let found = self.load.audit(&session).await?;
        judge("all, at the end", &found, tally)?;
        let count =
            "select (select count(*) from engine.run), (select count(*) from public.effect)";
        let row = session.client.query_one(count, &[]).await?;
        tally.runs += row.get::<_, i64>(0);
        tally.effects += row.get::<_, i64>(1);
        self.load.stop().await
    }

    /// A session of a server in which no session has an order left; without schedules.
    async fn calm(&mut self) -> Result<Session> {
        for _ in 0..100 {
            self.recover().await?;
            let session = session(self.cluster.server()).await?;
            sleep(Duration::from_millis(500)).await;
            if Load::end_schedules(&session).await.is_ok() {
                return Ok(session);
            }
        }
        bail!("the server does not stay")
    }

    pub fn end_of_log(&self) -> String {
        let log = fs::read_to_string(self.cluster.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

fn judge(name: &str, found: &Found, tally: &mut Tally) -> Result<()> {
    tally.found(name, found);
    ensure!(found.is_nothing(), "after the kill of {name}:\n{found}");
    Ok(())
}

/// Whether a session was cut.
fn is_cut(error: &anyhow::Error) -> bool {
    let cut = |error: &tokio_postgres::Error| match error.code() {
        Some(code) => code.code().starts_with("57P"),
        None => true,
    };
    error.downcast_ref().is_some_and(cut)
}

/// Whether the server ends the session in time.
async fn ends(bystander: &Session, patience: Duration) -> bool {
    let begun_at = Instant::now();
    while begun_at.elapsed() < patience {
        if bystander.client.simple_query("select 1").await.is_err() {
            return true;
        }
        sleep(Duration::from_millis(5)).await;
    }
    false
}
