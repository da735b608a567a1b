//! One commit per flow, counted from the WAL, beside the commits that trigger.dev's run engine needs for it (its
//! queue and its jobs are in another store and not counted).

use anyhow::{Context, Result};
use engine_harness::{Cluster, Held, Options, Session};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

/// The printed table, and the session that does the counted work.
struct Table {
    cluster: Cluster,
    session: Session,
    rows: Vec<(&'static str, &'static str, u64)>,
}

impl Table {
    async fn open() -> Result<Self> {
        let cluster = Cluster::start(Options::default().set("autovacuum", "off")).await?;
        let database = cluster.database().await?;
        database.set("engine.queue_max_attempts", "2").await?;
        let session = Session::open(&database).await?;
        // A session's first call also reads the catalog; that writes nothing, but it is not counted here.
        session.tick().await?;
        Ok(Self {
            cluster,
            session,
            rows: Vec::new(),
        })
    }

    /// Counts the commits of a call that returns at least one row.
    async fn call(
        &mut self,
        flow: &'static str,
        reference: &'static str,
        sql: &str,
    ) -> Result<Held> {
        let sql = format!("select * from {sql}");
        let (rows, wal) = self
            .cluster
            .count_commits(self.session.client.query(&sql, &[]))
            .await?;
        self.rows.push((flow, reference, wal.commits));
        let row = rows?
            .into_iter()
            .next()
            .with_context(|| format!("{flow}: no row"))?;
        let text = |column: &str| row.try_get::<_, String>(column).unwrap_or_default();
        Ok(Held {
            run_id: text("run_id"),
            snapshot_id: text("snapshot_id"),
        })
    }

    /// Counts the commits of a tick, which must do this much of each kind.
    async fn tick(
        &mut self,
        flow: &'static str,
        reference: &'static str,
        expected: [i32; 2],
    ) -> Result<()> {
        let sql = "select kind, processed from engine_tick()";
        let (rows, wal) = self
            .cluster
            .count_commits(self.session.client.query(sql, &[]))
            .await?;
        self.rows.push((flow, reference, wal.commits));
        let rows = rows?;
        let of = |kind: &str| {
            rows.iter()
                .find(|row| row.get::<_, &str>(0) == kind)
                .map_or(0, |row| row.get(1))
        };
        assert_eq!(
            [of("stalled_heartbeat"), of("cancelled_child")],
            expected,
            "{flow}"
        );
        Ok(())
    }

    /// Counts the commits of a dequeue that finds only a stray item.
    async fn stray(
        &mut self,
        flow: &'static str,
        reference: &'static str,
        run: &Held,
    ) -> Result<()> {
        self.session.put_stray(&run.run_id).await?;
        let (given, wal) = self.cluster.count_commits(self.session.dequeue()).await?;
        assert_eq!(given?, None, "{flow}");
        self.rows.push((flow, reference, wal.commits));
        Ok(())
    }

    async fn taken(&self) -> Result<Held> {
        self.session.trigger("test").await?;
        self.session.take().await
    }

    async fn dequeued(&self) -> Result<Held> {
        self.session.trigger("test").await?;
        self.session.dequeue().await?.context("nothing is queued")
    }

    /// This many executing runs.
    async fn many(&self, runs: i32) -> Result<Vec<Held>> {
        let sql = "select count(*) from engine_trigger_many( \
                   (select jsonb_agg(jsonb_build_object('task', 'test')) from generate_series(1, $1)))";
        self.session.client.query_one(sql, &[&runs]).await?;
        let mut held = Vec::new();
        for dequeued in self.session.dequeue_many(runs).await? {
            held.push(self.session.start(&dequeued).await?);
        }
        Ok(held)
    }

    fn print_and_check(&self) {
        println!(
            "{:<50} | {:<13} | reachable minimum | ours",
            "flow", "trigger.dev"
        );
        for (flow, reference, ours) in &self.rows {
            println!("{flow:<50} | {reference:<13} | {:<17} | {ours}", 1);
        }
        for (flow, _, ours) in &self.rows {
            assert_eq!(*ours, 1, "{flow}");
        }
    }
}

fn complete(held: &Held, completion: &Value) -> String {
    format!(
        "engine_complete_attempt('{}', '{}', '{completion}')",
        held.run_id, held.snapshot_id
    )
}

fn failure(retry: &Value) -> Value {
    json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": retry})
}

#[tokio::test]
async fn every_flow_is_one_commit() -> Result<()> {
    let mut table = Table::open().await?;
    way_of_a_run(&mut table).await?;
    failures(&mut table).await?;
    cancels(&mut table).await?;
    strays_and_second_chances(&mut table).await?;
    many_at_once(&mut table).await?;
    waits(&mut table).await?;
    table.print_and_check();
    table.session.check().await
}

async fn way_of_a_run(table: &mut Table) -> Result<()> {
    table.call("trigger", "1", "engine_trigger('test')").await?;
    let held = table
        .call("dequeue, success", "1", "engine_dequeue()")
        .await?;
    let start = format!(
        "engine_start_attempt('{}', '{}')",
        held.run_id, held.snapshot_id
    );
    let held = table.call("start", "1", &start).await?;
    let success = json!({"ok": true, "output": "1", "metadata": {"step": 2}});
    table
        .call("success", "1-2", &complete(&held, &success))
        .await?;
    Ok(())
}

async fn failures(table: &mut Table) -> Result<()> {
    let held = table.taken().await?;
    table
        .call(
            "permanent failure",
            "3-4",
            &complete(&held, &failure(&json!(null))),
        )
        .await?;
    let held = table.taken().await?;
    let at_once = complete(&held, &failure(&json!({"delay": 0})));
    let held = table.call("retry-immediate", "3", &at_once).await?;
    let held = table.session.start(&held).await?;
    let queued = complete(&held, &failure(&json!({"delay": 3_600_000})));
    table
        .call("requeue after a failed attempt", "4", &queued)
        .await?;

    let held = table.dequeued().await?;
    table.session.lapse(&held.run_id).await?;
    table
        .tick("requeue after a start that never came", "2", [1, 0])
        .await?;
    table.session.make_due(&held.run_id).await?;
    let held = table.session.take().await?;
    table.session.lapse(&held.run_id).await?;
    table
        .tick("the queue gives a run up", "5-6", [1, 0])
        .await?;
    let redrive = format!("engine_redrive('{}')", held.run_id);
    let held = table.call("redrive", "none", &redrive).await?;
    table.session.cancel(&format!("'{}'", held.run_id)).await?;
    let held = table.taken().await?;
    table.session.lapse(&held.run_id).await?;
    table
        .tick("requeue after a stalled attempt", "4", [1, 0])
        .await?;
    table.session.cancel(&format!("'{}'", held.run_id)).await?;
    Ok(())
}

async fn cancels(table: &mut Table) -> Result<()> {
    let held = table.taken().await?;
    let asked = table
        .call(
            "cancel, executing",
            "2",
            &format!("engine_cancel('{}')", held.run_id),
        )
        .await?;
    let confirmed =
        json!({"ok": false, "error": {"type": "INTERNAL_ERROR", "code": "TASK_RUN_CANCELLED"}});
    table
        .call(
            "cancel confirmed by its worker",
            "3-4",
            &complete(&asked, &confirmed),
        )
        .await?;
    let run = table.session.trigger("test").await?;
    table
        .call(
            "cancel, queued",
            "2-3",
            &format!("engine_cancel('{}')", run.run_id),
        )
        .await?;
    let held = table.taken().await?;
    let finally = format!("engine_cancel('{}', finalize => true)", held.run_id);
    table.call("cancel, finalize", "2-3", &finally).await?;
    let held = table.taken().await?;
    table.session.cancel(&format!("'{}'", held.run_id)).await?;
    table.session.lapse(&held.run_id).await?;
    table
        .tick("cancel that no worker confirms", "2-3", [1, 0])
        .await
}

async fn strays_and_second_chances(table: &mut Table) -> Result<()> {
    let held = table.taken().await?;
    table.stray("dequeue, invalid state", "4-5", &held).await?;
    table
        .stray("dequeue, invalid state of a finished run", "1", &held)
        .await?;
    table
        .call("replay", "1", &format!("engine_replay('{}')", held.run_id))
        .await?;
    table
        .session
        .dequeue()
        .await?
        .context("nothing is queued")?;
    table
        .call(
            "a run that begins cancelled",
            "1",
            r#"engine_create_cancelled_run('{"task": "t"}')"#,
        )
        .await?;
    let failed =
        r#"engine_create_failed_run('{"task": "t"}', '{"type": "STRING_ERROR", "raw": "no"}')"#;
    table.call("a run that begins failed", "1", failed).await?;
    Ok(())
}

async fn many_at_once(table: &mut Table) -> Result<()> {
    let held = table.many(100).await?;
    let runs: Vec<&str> = held.iter().map(|held| held.run_id.as_str()).collect();
    let snapshots: Vec<&str> = held.iter().map(|held| held.snapshot_id.as_str()).collect();
    let beats = format!(
        "engine_heartbeat_many('{{{}}}', '{{{}}}')",
        runs.join(","),
        snapshots.join(",")
    );
    table.call("heartbeat_many(100)", "none", &beats).await?;
    let element =
        |held: &Held| json!({"run_id": held.run_id, "snapshot_id": held.snapshot_id, "ok": true});
    let elements: Vec<Value> = held.iter().map(element).collect();
    let sql = "select count(*) from engine_complete_many($1) where error_code is null";
    let elements = Json(elements);
    let completed = async { table.session.client.query_one(sql, &[&elements]).await };
    let (completed, wal) = table.cluster.count_commits(completed).await?;
    assert_eq!(completed?.get::<_, i64>(0), 100);
    table
        .rows
        .push(("complete_many(100)", "100-200", wal.commits));

    // Ten attempts that stall, and ten cancels that no worker confirms, of runs with a child each.
    for (index, held) in table.many(20).await?.iter().enumerate() {
        if index >= 10 {
            let child = format!("'test', parent_run_id => '{}'", held.run_id);
            table.session.trigger_with(&child).await?;
            table.session.cancel(&format!("'{}'", held.run_id)).await?;
        }
        table.session.lapse(&held.run_id).await?;
    }
    table
        .tick(
            "a tick: 10 stalls, 10 cancels, 10 children",
            "80-100",
            [20, 10],
        )
        .await
}

async fn waits(table: &mut Table) -> Result<()> {
    // Runs that are retried come first, once they are due.
    let others =
        "select count(c.run_id) from engine.queue_item as i, lateral engine_cancel(i.run_id) as c";
    table.session.client.query_one(others, &[]).await?;
    let held = table.session.executing("test").await?;
    let token = table.session.token().await?;
    let block = format!("engine_block('{}', '{{{token}}}')", held.run_id);
    let blocked = table.call("block", "2", &block).await?;
    let complete = format!("engine_complete_waitpoint('{token}')");
    let continues = "complete a waitpoint, its run continues";
    table.call(continues, "3", &complete).await?;
    table
        .call("block, by what is complete", "2", &block)
        .await?;
    let unblock = format!("engine_unblock('{}')", blocked.run_id);
    table.call("continue, executing", "2", &unblock).await?;

    let token = table.session.token().await?;
    let blocked = table.session.block(&held.run_id, &[&token]).await?.held;
    let checkpoint = format!(
        "engine_create_checkpoint('{}', '{}', 'DOCKER', 'here')",
        blocked.run_id, blocked.snapshot_id
    );
    table.call("checkpoint", "3", &checkpoint).await?;
    let complete = format!("engine_complete_waitpoint('{token}')");
    let resumed = "complete a waitpoint, its run is queued";
    table.call(resumed, "3", &complete).await?;
    let dequeued = table
        .session
        .dequeue()
        .await?
        .context("nothing is queued")?;
    let resume = format!(
        "engine_continue('{}', '{}')",
        dequeued.run_id, dequeued.snapshot_id
    );
    let parent = table
        .call("continue after a checkpoint", "2", &resume)
        .await?;

    let trigger = format!(
        "engine_trigger('child', parent_run_id => '{}', resume_parent => true)",
        parent.run_id
    );
    table.call("trigger and wait", "3", &trigger).await?;
    let child = table.session.take().await?;
    let succeed = format!(
        "engine_succeed('{}', '{}')",
        child.run_id, child.snapshot_id
    );
    table
        .call("success of a child that is waited for", "4", &succeed)
        .await?;
    assert_eq!(
        table.session.execution_status(&parent.run_id).await?,
        "EXECUTING"
    );
    Ok(())
}
