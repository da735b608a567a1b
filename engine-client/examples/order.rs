//! An order that waits for a person and then for fifty other runs.
//!
//! ```sh
//! database="host=/var/run/postgresql dbname=app"
//! cargo run -p engine-client --example order -- work "$database" &
//! run=$(cargo run -p engine-client --example order -- place "$database")
//! cargo run -p engine-client --example order -- approve "$database" "$run"
//! ```
//!
//! The run of an order creates a token, and is suspended until somebody approves it, or a minute is over: meanwhile it has
//! neither a process nor a slot. Then it has each of its items priced by a run of its own, waits for all of them, and
//! sums up. Kill the worker, or the server, at any moment, and start them again: nothing is done twice, and nothing is
//! lost. The reason is that every step has a key, and that what a step led to is in the database: whoever goes on with
//! the order takes the same steps again, finds those that were taken, and comes to where the last one was.

use std::error::Error;
use std::time::{Duration, SystemTime};

use engine_client::{
    BatchItem, Block, Checkpoint, Connection, Context, Database, Dequeue, Dequeued, Engine,
    ExecutionStatus, NewBatch, RunId, SnapshotId, Trigger, Waitpoint, WaitpointOptions, Worker,
    WorkerConfig, shutdown_signal,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

type Client = engine_client::tokio_postgres::Client;

/// Worker queues of their own keep this example from taking anybody else's runs.
const ORDERS: &str = "example-orders";
const ITEMS: &str = "example-items";

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    items: i32,
    approval_ms: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Item {
    number: i64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["work", database] => work(database.parse()?).await,
        ["place", database] => place(database.parse()?, 60_000).await,
        ["place", database, approval_ms] => place(database.parse()?, approval_ms.parse()?).await,
        ["approve", database, run] => approve(database.parse()?, run.into()).await,
        _ => Err("usage: order work|place|approve DATABASE [APPROVAL_MS|RUN]".into()),
    }
}

/// Triggers the run of an order of fifty items, and prints its id.
async fn place(database: Database, approval_ms: u64) -> Result<(), Box<dyn Error>> {
    let connection = database.connect().await?;
    let order = Order {
        items: 50,
        approval_ms,
    };
    let trigger = Trigger::new("order").payload(&order)?.worker_queue(ORDERS);
    println!("{}", connection.engine().trigger(&trigger).await?.run_id);
    connection.close().await;
    Ok(())
}

/// What a person does: completes the token of an order.
async fn approve(database: Database, run_id: RunId) -> Result<(), Box<dyn Error>> {
    let connection = database.connect().await?;
    let engine = connection.engine();
    let token = token(&engine, &run_id, None).await?;
    let output = Some("{\"approved\":true}");
    engine
        .complete_waitpoint(&token.waitpoint_id, output, None, false)
        .await?;
    connection.close().await;
    Ok(())
}

/// The token of an order: created by whoever asks first.
async fn token(
    engine: &Engine<'_, Client>,
    run_id: &RunId,
    timeout_at: Option<SystemTime>,
) -> Result<Waitpoint, engine_client::Error> {
    let options = WaitpointOptions::default()
        .idempotency_key(format!("approval/{run_id}"))
        .tags(["approval"]);
    engine.create_manual_waitpoint(timeout_at, &options).await
}

/// Prices items, and works on one order at a time, until the process is asked to stop.
async fn work(database: Database) -> Result<(), Box<dyn Error>> {
    let pricing = Worker::new(database.clone())
        .config(WorkerConfig {
            worker_queue: ITEMS.to_owned(),
            concurrency: 4,
            // It also goes on with orders whose hour has come, every tenth of a second.
            timekeeper: Some(Duration::from_millis(100)),
            ..WorkerConfig::default()
        })
        .task("price", |_ctx: Context, item: Item| async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(item.number * 10)
        });
    tokio::select! {
        priced = pricing.run(shutdown_signal()) => Ok(priced?),
        () = work_on_orders(&database) => Ok(()),
    }
}

/// Works on orders, on a new connection whenever the last one was lost.
async fn work_on_orders(database: &Database) {
    loop {
        if let Ok(connection) = database.connect().await {
            while let Ok(found) = next_order(&connection).await {
                if !found {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Works on the next order as far as it goes; false if there is none.
async fn next_order(connection: &Connection) -> Result<bool, engine_client::Error> {
    let engine = connection.engine();
    let Some(dequeued) = engine.dequeue(&Dequeue::new(ORDERS)).await?.pop() else {
        return Ok(false);
    };
    let (run_id, snapshot_id) = (&dequeued.run_id, &dequeued.snapshot_id);
    // A run that was suspended goes on with its attempt; any other one starts the next.
    let snapshot_id = match dequeued.checkpoint {
        Some(_) => engine.continue_run(run_id, snapshot_id).await?.execution,
        None => {
            engine
                .start_attempt(run_id, snapshot_id, false)
                .await?
                .execution
        }
    }
    .snapshot_id;
    match take_steps(&engine, &dequeued, snapshot_id).await {
        // Somebody else has the order now: this worker was silent for too long.
        Err(error) if error.is_stale_snapshot() => Ok(true),
        steps => steps.map(|()| true),
    }
}

/// Takes the steps of an order that are left.
async fn take_steps(
    engine: &Engine<'_, Client>,
    run: &Dequeued,
    mut snapshot_id: SnapshotId,
) -> Result<(), engine_client::Error> {
    let run_id = &run.run_id;
    let order: Order = run.payload()?;

    let timeout_at = run.dequeued_at + Duration::from_millis(order.approval_ms);
    let token = token(engine, run_id, Some(timeout_at)).await?;
    if !token.is_completed {
        let blocked = engine
            .block(run_id, &Block::on([token.waitpoint_id.clone()]))
            .await?;
        let waiting = blocked.execution.snapshot_id;
        // Nothing of this process is needed to go on, so there is nothing to be kept but where it was.
        let checkpoint = Checkpoint::new("COMPUTE", "none").reason("waits for approval");
        let frozen = engine
            .create_checkpoint(run_id, &waiting, &checkpoint)
            .await?;
        if frozen.ok {
            return Ok(());
        }
        // Somebody approved it in this very moment: the run goes on.
        snapshot_id = frozen.snapshot_id;
    }
    let approval = engine.waitpoint_data(&token.waitpoint_id, None).await?;
    if approval.is_none_or(|approval| approval["outputIsError"] == true) {
        let message = "not approved in time";
        engine.fail(run_id, &snapshot_id, message).await?;
        return Ok(());
    }

    let batch = NewBatch::of(order.items)
        .awaited_by(run_id.as_str())
        .idempotency_key(format!("items/{run_id}"));
    let batch_id = engine.create_batch(&batch).await?.batch_id;
    let items = (0..order.items)
        .map(|index| {
            let number = i64::from(index) + 1;
            let price = Trigger::new("price").payload(&Item { number })?;
            Ok(BatchItem::at(index, price.worker_queue(ITEMS)))
        })
        .collect::<Result<Vec<_>, engine_client::Error>>()?;
    engine.add_to_batch(&batch_id, &items).await?;
    let snapshot_id = beat_until_it_goes_on(engine, run_id, snapshot_id).await?;

    let data = engine.execution_data(run_id, None).await?;
    let total: i64 = data.iter().flat_map(prices).sum();
    engine.succeed(run_id, &snapshot_id, &total).await?;
    Ok(())
}

/// Keeps a run that waits with its process alive; gives the snapshot that it goes on with.
async fn beat_until_it_goes_on(
    engine: &Engine<'_, Client>,
    run_id: &RunId,
    mut snapshot_id: SnapshotId,
) -> Result<SnapshotId, engine_client::Error> {
    loop {
        let beat = engine.heartbeat(run_id, &snapshot_id).await?;
        match beat.execution.execution_status {
            ExecutionStatus::ExecutingWithWaitpoints => {
                snapshot_id = beat.execution.snapshot_id;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // If the run was lost meanwhile, the next call is refused as stale.
            ExecutionStatus::Executing => return Ok(beat.execution.snapshot_id),
            _ => return Ok(snapshot_id),
        }
    }
}

/// The outputs of the items that a run has waited for.
fn prices(data: &Value) -> impl Iterator<Item = i64> {
    let entries = data["completedWaitpoints"].as_array();
    entries
        .into_iter()
        .flatten()
        .filter(|entry| entry["type"] == "RUN")
        .filter_map(|entry| entry["output"].as_str()?.parse().ok())
}
