//! Events of shards: one order for all until a shard has come from another database, and one for each that a move never turns back.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_harness::condition::eventually;
use engine_harness::{Database, Session};

const PATIENCE: Duration = Duration::from_secs(60);

/// A session of a database with the environments `one` on shard 1 and `two` on shard 2, and runs of both.
async fn open() -> Result<Session> {
    let session = Session::open(&Database::fresh().await?).await?;
    let environments = "select engine_set_environment('one', shard => 1); \
                        select engine_set_environment('two', shard => 2)";
    session.client.batch_execute(environments).await?;
    for environment in ["one", "two", "one"] {
        trigger(&session, environment).await?;
    }
    Ok(session)
}

async fn trigger(session: &Session, environment: &str) -> Result<String> {
    let arguments = format!("'t', environment_id => '{environment}'");
    Ok(session.trigger_with(&arguments).await?.run_id)
}

async fn set(session: &Session, shard: i32, state: &str) -> Result<()> {
    let sql = format!("select engine_set_shard({shard}, '{state}')");
    Ok(session.client.batch_execute(&sql).await?)
}

/// Positions and runs.
async fn events(session: &Session, arguments: &str) -> Result<Vec<(i64, String)>> {
    let sql = format!("select position, run_id from engine_events({arguments})");
    let rows = session.client.query(&sql, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The same, once there are so many: they wait for transactions of other tests that the server still runs.
async fn all(session: &Session, arguments: &str, count: usize) -> Result<Vec<(i64, String)>> {
    let mut found = Vec::new();
    eventually("all events can be read", PATIENCE, async || {
        found = events(session, arguments).await?;
        Ok(found.len() >= count)
    })
    .await?;
    assert_eq!(found.len(), count, "{found:?}");
    Ok(found)
}

fn of_shard(events: &[(i64, String)], suffix: &str) -> Vec<(i64, String)> {
    let of_shard = events.iter().filter(|(_, run_id)| run_id.ends_with(suffix));
    of_shard.cloned().collect()
}

#[tokio::test]
async fn the_events_of_a_shard_are_those_of_all_without_the_others() -> Result<()> {
    let session = open().await?;
    // Two of each trigger.
    let together = all(&session, "0", 6).await?;
    for (shard, suffix, count) in [(1, "01", 4), (2, "02", 2)] {
        let mine = of_shard(&together, suffix);
        assert_eq!(mine.len(), count);
        let read = all(&session, &format!("0, shard => {shard}"), count).await?;
        assert_eq!(read, mine);
        let (first, behind) = mine.split_first().context("no events")?;
        let read = events(&session, &format!("{}, shard => {shard}", first.0)).await?;
        assert_eq!(read, behind);
        // One by one, from the first that is kept on.
        let mut position = "null".to_owned();
        for event in &mine {
            let next = events(&session, &format!("{position}, 1, {shard}")).await?;
            assert_eq!(next, std::slice::from_ref(event));
            position = event.0.to_string();
        }
    }
    assert_eq!(events(&session, "0, shard => 3").await?, []);
    let unknown = session.refused("select engine_events(0, shard => 1296)");
    assert_eq!(unknown.await?.code, "22023");
    Ok(())
}

#[tokio::test]
async fn what_was_removed_of_one_shard_does_not_refuse_readers_of_another() -> Result<()> {
    let session = open().await?;
    for sql in [
        "select engine_cancel(id) from engine.run where shard = 2",
        "select engine_forget(run_id => id, dry_run => false) from engine.run where shard = 2",
    ] {
        session.client.batch_execute(sql).await?;
    }
    for arguments in ["1", "1, shard => 2"] {
        let sql = format!("select engine_events({arguments})");
        assert_eq!(session.refused(&sql).await?.code, "RE015", "{arguments}");
    }
    all(&session, "1, shard => 1", 4).await?;
    Ok(())
}

#[tokio::test]
async fn one_order_ends_when_a_shard_has_come_from_elsewhere() -> Result<()> {
    let session = open().await?;
    // A hand-over that was called off, a shard that never had a run, and one that was only given away.
    for (shard, state) in [
        (1, "MOVING"),
        (1, "SERVING"),
        (9, "AWAY"),
        (9, "SERVING"),
        (900, "SERVING"),
    ] {
        set(&session, shard, state).await?;
        all(&session, "0", 6).await?;
    }
    set(&session, 2, "AWAY").await?;
    // What is not here is not read.
    let here = all(&session, "0", 4).await?;
    assert_eq!(here, of_shard(&here, "01"));
    let away = session.refused("select engine_events(0, shard => 2)");
    assert_eq!(away.await?.code, "RE020");
    set(&session, 2, "SERVING").await?;
    let refused = session.refused("select engine_events(0)").await?;
    assert_eq!(refused.code, "22023");
    ensure!(refused.detail.contains("Shard 2"), "{}", refused.detail);
    ensure!(refused.hint.contains("Pass a shard"), "{}", refused.hint);
    all(&session, "0, shard => 2", 2).await?;
    let come = "engine.shard_state where has_come and shard = 2";
    assert_eq!(session.count(come).await?, 1);
    // For good: what it leaves behind if it goes is still among the others.
    set(&session, 2, "AWAY").await?;
    let refused = session.refused("select engine_events(0)").await?;
    assert_eq!(refused.code, "22023");
    Ok(())
}

async fn last_position(session: &Session) -> Result<i64> {
    let sql = "select last_value from engine.event_position";
    Ok(session.client.query_one(sql, &[]).await?.get(0))
}

#[tokio::test]
async fn a_reader_of_a_shard_continues_where_it_was_moved_to() -> Result<()> {
    let from = open().await?;
    // The other database has drawn fewer positions.
    let to = Session::open(&Database::fresh().await?).await?;
    let home = "select engine_set_environment('home', shard => 5)";
    to.client.batch_execute(home).await?;
    trigger(&to, "home").await?;
    ensure!(last_position(&to).await? < last_position(&from).await?);
    let read = all(&from, "0, shard => 1", 4).await?;
    let position = read.last().context("no events")?.0;

    set(&to, 1, "AWAY").await?;
    set(&from, 1, "MOVING").await?;
    from.copy_shard(&to, 1).await?;
    // What comes is not among what is here.
    assert_eq!(all(&to, "0", 2).await?, all(&to, "0, shard => 5", 2).await?);
    let early = to.refused("select engine_set_shard(1, 'SERVING')").await?;
    assert_eq!(early.code, "22023");
    ensure!(
        early.hint.contains("engine.event_position"),
        "{}",
        early.hint
    );
    to.reach_positions_of(&from).await?;
    set(&from, 1, "AWAY").await?;
    set(&to, 1, "SERVING").await?;

    // All that it has had, and what follows after it.
    assert_eq!(all(&to, "0, shard => 1", 4).await?, read);
    let next = trigger(&to, "one").await?;
    let new = all(&to, &format!("{position}, shard => 1"), 2).await?;
    ensure!(new.iter().all(|(_, run_id)| *run_id == next), "{new:?}");
    assert_eq!(to.refused("select engine_events(0)").await?.code, "22023");
    all(&to, "0, shard => 5", 2).await?;
    to.check().await
}

/// Rows that come from a database that was ahead say nothing about those that are written here.
#[tokio::test]
async fn while_a_shard_comes_no_event_is_skipped_that_is_written_here() -> Result<()> {
    let (from, database) = (open().await?, Database::fresh().await?);
    let to = Session::open(&database).await?;
    let home = "select engine_set_environment('home', shard => 5)";
    to.client.batch_execute(home).await?;
    set(&to, 1, "AWAY").await?;
    set(&from, 1, "MOVING").await?;
    from.copy_shard(&to, 1).await?;
    // A transaction has drawn the first position and is open, others the next ones, and have committed. The third is also that of
    // a row that has come.
    let slow = Session::open(&database).await?;
    slow.client.batch_execute("begin").await?;
    let first = trigger(&slow, "home").await?;
    let second = trigger(&to, "home").await?;
    let third = trigger(&to, "home").await?;
    let same = "engine.snapshot where position = (select last_value from engine.event_position)";
    assert_eq!(to.count(same).await?, 2);
    for arguments in ["0", "0, shard => 5"] {
        assert_eq!(events(&to, arguments).await?, [], "{arguments}");
    }
    slow.client.batch_execute("commit").await?;
    for arguments in ["0", "0, shard => 5"] {
        let found = all(&to, arguments, 6).await?;
        let mut runs: Vec<&str> = found.iter().map(|(_, run_id)| &**run_id).collect();
        runs.dedup();
        assert_eq!(runs, [&first, &second, &third], "{arguments}");
    }
    Ok(())
}
