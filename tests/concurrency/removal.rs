//! Removal beside everything else: one session sweeps, none waits, and nothing that lives loses anything.

use anyhow::{Context, Result};
use engine_harness::condition::{backend_pid, waits_for_lock};
use engine_harness::{Database, Held, Scale, Session};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng};
use serde_json::json;
use tokio::task::JoinSet;

/// Steps of each session that works beside a sweep.
const STEPS: Scale = Scale::new("steps", 60, 2000);

#[tokio::test]
async fn one_session_sweeps_and_another_one_does_not_wait_for_it() -> Result<()> {
    let database = Database::fresh().await?;
    let (first, second) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    for _ in 0..3 {
        first.ended("'t'").await?;
    }
    first.age(8).await?;
    let bound = "set lock_timeout = '1ms'; set statement_timeout = '10s'";
    second.client.batch_execute(bound).await?;
    let one = "begin; select engine_sweep(1)";
    first.client.batch_execute(one).await?;
    assert_eq!(second.sweep().await?, 0, "another session sweeps");
    assert_eq!(second.tick_of("removed_run").await?, 0);
    second.trigger("t").await?;
    second.dequeue().await?.context("nothing is queued")?;
    first.client.batch_execute("rollback").await?;
    assert_eq!(second.sweep().await?, 3);
    first.check().await
}

#[tokio::test]
async fn a_run_that_another_session_begins_to_wait_for_is_not_removed() -> Result<()> {
    let database = Database::fresh().await?;
    let (waiting, sweeping) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let awaited = waiting.ended("'awaited'").await?;
    let sql = "select waitpoint_id from engine_run_waitpoint($1)";
    let row = waiting.client.query_one(sql, &[&awaited.run_id]).await?;
    let waitpoint: String = row.get(0);
    waiting.age(8).await?;
    let run = waiting.executing("waiting").await?;
    waiting.client.batch_execute("begin").await?;
    waiting.block(&run.run_id, &[&waitpoint]).await?;
    assert_eq!(sweeping.sweep().await?, 0, "its waitpoint is locked");
    waiting.client.batch_execute("commit").await?;
    assert_eq!(sweeping.sweep().await?, 0, "it has a run that waits");
    assert!(waiting.exists(&awaited.run_id).await?);
    waiting.check().await
}

#[tokio::test]
async fn a_policy_that_is_set_while_a_sweep_is_under_way_holds_at_its_next_look() -> Result<()> {
    let database = Database::fresh().await?;
    let (sweeping, setting) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let run = sweeping.ended("'t'").await?;
    sweeping.age(1).await?;
    sweeping
        .client
        .batch_execute("begin; select engine_sweep()")
        .await?;
    let pid = backend_pid(&setting.client).await?;
    let set = tokio::spawn(async move {
        let sql = "select engine_set_retention(keep => '1 hour')";
        setting.client.batch_execute(sql).await?;
        anyhow::Ok(setting)
    });
    waits_for_lock(&Session::open(&database).await?.client, pid).await?;
    sweeping.client.batch_execute("commit").await?;
    let setting = set.await??;
    assert!(sweeping.exists(&run.run_id).await?);
    assert_eq!(
        setting.tick_of("removed_run").await?,
        1,
        "it is due at once"
    );
    setting.check().await
}

/// A parent that ended long ago, and a call that gives it a child.
async fn old_parent(session: &Session) -> Result<String> {
    let parent = session.ended("'parent'").await?;
    session.age(8).await?;
    Ok(format!(
        "select engine_trigger('child', parent_run_id => '{}')",
        parent.run_id
    ))
}

#[tokio::test]
async fn a_run_to_which_another_session_gives_a_child_is_not_removed() -> Result<()> {
    let database = Database::fresh().await?;
    for isolation in ["read committed", "repeatable read"] {
        let (triggering, sweeping) = (
            Session::open(&database).await?,
            Session::open(&database).await?,
        );
        let trigger = old_parent(&triggering).await?;
        let begin = format!("begin isolation level {isolation}; {trigger}");
        triggering.client.batch_execute(&begin).await?;
        assert_eq!(sweeping.sweep().await?, 0, "{isolation}: it gets a child");
        triggering.client.batch_execute("commit").await?;
        assert_eq!(sweeping.sweep().await?, 0, "{isolation}: it has a child");
        triggering.end_next().await?;
        triggering.age(8).await?;
        assert_eq!(sweeping.sweep().await?, 2, "{isolation}");
        triggering.check().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_being_removed_gets_no_child() -> Result<()> {
    let database = Database::fresh().await?;
    let (triggering, sweeping, observer) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let trigger = old_parent(&triggering).await?;
    sweeping.client.batch_execute("begin").await?;
    assert_eq!(sweeping.sweep().await?, 1);
    let pid = backend_pid(&triggering.client).await?;
    let triggered = tokio::spawn(async move { triggering.refused(&trigger).await });
    waits_for_lock(&observer.client, pid).await?;
    sweeping.client.batch_execute("commit").await?;
    assert_eq!(triggered.await??.code, "RE001");
    assert_eq!(observer.tables_with_rows().await?, [] as [String; 0]);
    observer.check().await
}

#[tokio::test]
async fn a_long_transaction_reads_all_of_what_is_removed_meanwhile_and_holds_up_no_sweep()
-> Result<()> {
    let database = Database::fresh().await?;
    let (reading, sweeping) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    sweeping.run_of_every_kind().await?;
    reading
        .client
        .batch_execute("begin isolation level repeatable read")
        .await?;
    let before = reading.contents().await?;
    sweeping.age(8).await?;
    assert_eq!(sweeping.sweep().await?, 4);
    assert_eq!(sweeping.tables_with_rows().await?, ["trigger_key"]);
    assert_eq!(reading.contents().await?, before);
    // What it writes for a reader of events that began before is refused, and not left out.
    assert_eq!(
        reading
            .refused("select * from engine_events(0)")
            .await?
            .code,
        "RE015"
    );
    reading.client.batch_execute("rollback").await?;
    assert_eq!(reading.tables_with_rows().await?, ["trigger_key"]);
    for _ in 0..3 {
        sweeping.ended("'t'").await?;
        sweeping.age(8).await?;
        assert_eq!(sweeping.sweep().await?, 1);
    }
    sweeping.check().await
}

/// One step of a session that triggers, executes and ends runs, some of them of families and batches.
async fn step(session: &Session, random: &mut StdRng) -> Result<()> {
    let key = random.random_range(0..20);
    match random.random_range(0..5) {
        0 => {
            let keyed = format!("select engine_trigger('t', idempotency_key => 'k{key}')");
            session.client.query(&keyed, &[]).await?;
        }
        1 => {
            let batch = session.create_batch("2").await?;
            let items = json!([{"task": "t"}, {"task": "t", "idempotency_key": format!("k{key}")}]);
            session.add_to_batch(&batch, items).await?;
        }
        2 => {
            let Some(held) = session.dequeue().await? else {
                return Ok(());
            };
            let held = session.start(&held).await?;
            let child = format!(
                "'t', parent_run_id => '{}', resume_parent => true",
                held.run_id
            );
            session.trigger_with(&child).await?;
        }
        3 => {
            session.lapse_timers().await?;
            session.tick().await?;
        }
        _ => {
            for held in session.dequeue_many(5).await? {
                let held = session.start(&held).await?;
                end(session, &held).await?;
            }
        }
    }
    Ok(())
}

async fn end(session: &Session, held: &Held) -> Result<()> {
    session.complete(held, json!({"ok": true})).await.map(drop)
}

#[tokio::test]
async fn runs_are_removed_while_others_begin_and_end_and_all_that_is_left_fits_together()
-> Result<()> {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let steps = STEPS.pick();
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session
        .client
        .batch_execute("select engine_set_retention(keep => '0')")
        .await?;
    let mut sessions = JoinSet::new();
    for number in 0..3 {
        let session = Session::open(&database).await?;
        let mut random = StdRng::seed_from_u64(seed.wrapping_add(number));
        sessions.spawn(async move {
            for _ in 0..steps {
                step(&session, &mut random).await?;
            }
            anyhow::Ok(())
        });
    }
    let mut removed = 0;
    while !sessions.is_empty() {
        removed += session.sweep().await?;
        session.check().await?;
        if let Some(done) = sessions.try_join_next() {
            done??;
        }
    }
    println!("{removed} runs were removed");
    assert!(removed > 0);
    session.check().await
}

/// A moment that a session looks at for a while.
struct Moment {
    session: Session,
    contents: Option<Vec<String>>,
}

impl Moment {
    /// Begins to look, or ends: what was there at the beginning still is.
    async fn look(&mut self) -> Result<()> {
        if let Some(contents) = self.contents.take() {
            assert!(self.session.contents().await? == contents, "rows are gone");
            return Ok(self.session.client.batch_execute("rollback").await?);
        }
        let begin = "begin isolation level repeatable read";
        self.session.client.batch_execute(begin).await?;
        self.contents = Some(self.session.contents().await?);
        Ok(())
    }
}

#[tokio::test]
async fn two_sweeps_beside_old_snapshots_and_changes_of_policy_leave_only_what_fits_together()
-> Result<()> {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let steps = STEPS.pick();
    let database = Database::fresh().await?;
    let (first, second) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let mut moment = Moment {
        session: Session::open(&database).await?,
        contents: None,
    };
    let mut random = StdRng::seed_from_u64(seed);
    let mut living = JoinSet::new();
    for number in 1..3 {
        let session = Session::open(&database).await?;
        let mut random = StdRng::seed_from_u64(seed.wrapping_add(number));
        living.spawn(async move {
            for _ in 0..steps {
                step(&session, &mut random).await?;
            }
            anyhow::Ok(())
        });
    }
    let mut removed = 0;
    while !living.is_empty() {
        let keep = ["'0'", "'0'", "'1 hour'", "null"][random.random_range(0..4)];
        let set = format!("select engine_set_retention(keep => {keep})");
        second.client.batch_execute(&set).await?;
        moment.look().await?;
        let (one, other) = tokio::join!(first.sweep(), second.sweep());
        removed += one? + other?;
        first.check().await?;
        if let Some(done) = living.try_join_next() {
            done??;
        }
    }
    let set = "select engine_set_retention(keep => '0')";
    second.client.batch_execute(set).await?;
    removed += first.sweep().await?;
    println!("{removed} runs were removed");
    assert!(removed > 0);
    first.check().await
}
