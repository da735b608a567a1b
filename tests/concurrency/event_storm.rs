//! Readers of events beside many writers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use engine_harness::{Database, Event, Session};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::task::JoinSet;

use crate::event::{open, sessions};

const WRITERS: u64 = 8;
const STEPS: u32 = 40;

/// Moves runs of its own through all transitions, now and then several in one transaction, some of which roll back.
async fn write(session: Session, seed: u64) -> Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..STEPS {
        let together = random.random_bool(0.5);
        if together {
            session.client.batch_execute("begin").await?;
        }
        for _ in 0..random.random_range(1..4) {
            step(&session, &mut random).await?;
        }
        if together {
            let end = match random.random_range(0..10) {
                0..3 => "rollback",
                3..6 => "savepoint s; select from engine_trigger('test'); rollback to s; commit",
                _ => "commit",
            };
            session.client.batch_execute(end).await?;
        }
    }
    Ok(())
}

async fn step(session: &Session, random: &mut StdRng) -> Result<()> {
    session.trigger("test").await?;
    let Some(held) = session.dequeue().await? else {
        return Ok(());
    };
    let held = session.start(&held).await?;
    let failure =
        json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": {"delay": 0}});
    match random.random_range(0..4) {
        0 => {
            session
                .complete(&held, json!({"ok": true, "metadata": {"a": 1}}))
                .await?;
        }
        1 => {
            session.complete(&held, failure).await?;
        }
        2 => {
            let asked = session.cancel(&format!("'{}'", held.run_id)).await?;
            session.complete(&asked.latest, failure).await?;
        }
        _ => {}
    }
    Ok(())
}

/// Reads until all `writers` have ended and nothing is left; returns everything that it read.
async fn read(session: Session, writers: &AtomicU64, seed: u64) -> Result<Vec<Event>> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut events: Vec<Event> = Vec::new();
    loop {
        let is_over = writers.load(Ordering::SeqCst) == 0;
        let after = events.last().map_or(0, |event| event.position);
        let max_events = random.random_range(1..20);
        let next = if is_over {
            session.all_events(after).await?
        } else {
            session.events(after, max_events).await?
        };
        events.extend(next);
        if is_over {
            return Ok(events);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_beside_eight_writers_reads_every_event_once_and_in_order() -> Result<()> {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let database = Database::fresh().await?;
    // It holds back readers that ignore locks, so that they have to read them.
    let [other] = sessions(&database).await?;
    open(&other, "select").await?;
    let writers = Arc::new(AtomicU64::new(WRITERS));
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let (session, writers) = (Session::open(&database).await?, writers.clone());
        tasks.spawn(async move {
            let written = write(session, seed ^ (writer + 1)).await;
            writers.fetch_sub(1, Ordering::SeqCst);
            written
        });
    }
    let events = read(Session::open(&database).await?, &writers, seed).await?;
    while let Some(written) = tasks.join_next().await {
        written??;
    }

    let session = Session::open(&database).await?;
    let sql = "select position, ordinal from engine.event order by position";
    let rows = session.client.query(sql, &[]).await?;
    let written: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
    let skipped = written
        .iter()
        .find(|position| !positions.contains(position));
    assert_eq!(skipped, None, "seed {seed}");
    assert!(
        positions.is_sorted_by(|one, next| one < next),
        "seed {seed}"
    );
    assert_eq!(positions.len(), written.len(), "seed {seed}");
    let mut last: HashMap<&str, i32> = HashMap::new();
    for (event, row) in events.iter().zip(&rows) {
        let Some(ordinal) = row.get::<_, Option<i32>>(1) else {
            continue;
        };
        let before = last.insert(&event.run_id, ordinal).unwrap_or(0);
        assert!(
            ordinal == before || ordinal == before + 1,
            "run {} emits ordinal {ordinal} after {before}, seed {seed}",
            event.run_id
        );
    }
    assert!(events.len() > 1000, "{} events", events.len());
    Ok(())
}
