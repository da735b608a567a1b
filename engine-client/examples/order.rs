//! An order that waits for a person and then for fifty other runs.
//!
//! ```sh
//! database="host=/var/run/postgresql dbname=app"
//! cargo run -p engine-client --example order -- work "$database" &
//! run=$(cargo run -p engine-client --example order -- place "$database")
//! cargo run -p engine-client --example order -- approve "$database" "$run"
//! ```
//!
//! The run of an order creates a token, and waits until a person approves it, or a minute has passed. After three
//! seconds it is suspended: then it has neither a handler nor a slot. When it continues, it has each of its items
//! priced by a run of its own, waits for all of them, and sums up. Kill the worker, or the server, at any
//! moment, and start them again: nothing is done twice, and nothing is lost. The reason is that what a wait led
//! to is in the database: the worker that continues the order calls its handler from the beginning, which finds what
//! was there already, and comes to where it was.

use std::error::Error;
use std::time::{Duration, SystemTime};

use engine_client::{
    Context, Database, Engine, Failure, RunId, TaskOptions, Trigger, WaitpointId, WaitpointOptions,
    Worker, WorkerConfig, shutdown_signal,
};
use serde::{Deserialize, Serialize};

type Client = engine_client::tokio_postgres::Client;

/// Worker queues of their own keep this example from taking anybody else's runs.
const ORDERS: &str = "example-orders";
const ITEMS: &str = "example-items";

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    items: i64,
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
    engine
        .complete_waitpoint(&token, Some("true"), None, false)
        .await?;
    connection.close().await;
    Ok(())
}

/// The token of an order: created by the first call.
async fn token(
    engine: &Engine<'_, Client>,
    run_id: &RunId,
    timeout_at: Option<SystemTime>,
) -> Result<WaitpointId, engine_client::Error> {
    let options = WaitpointOptions::default()
        .idempotency_key(format!("approval/{run_id}"))
        .tags(["approval"]);
    let token = engine.create_manual_waitpoint(timeout_at, &options).await?;
    Ok(token.waitpoint_id)
}

/// Works on orders and prices their items, until the process is asked to stop.
async fn work(database: Database) -> Result<(), Box<dyn Error>> {
    let options = TaskOptions {
        suspend_after: Some(Duration::from_secs(3)),
        ..TaskOptions::default()
    };
    let tokens = database.clone();
    let orders = worker(&database, ORDERS).task_with("order", options, move |ctx, order| {
        take_order(ctx, tokens.clone(), order)
    });
    let items = worker(&database, ITEMS).task("price", |_ctx, item: Item| async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(item.number * 10)
    });
    tokio::try_join!(orders.run(shutdown_signal()), items.run(shutdown_signal()))?;
    Ok(())
}

fn worker(database: &Database, worker_queue: &str) -> Worker {
    Worker::new(database.clone()).config(WorkerConfig {
        worker_queue: worker_queue.to_owned(),
        concurrency: 4,
        // One of the two sees every tenth of a second to what is due.
        timekeeper: Some(Duration::from_millis(100)),
        ..WorkerConfig::default()
    })
}

async fn take_order(ctx: Context, database: Database, order: Order) -> Result<i64, Failure> {
    let connection = database.connect().await?;
    let timeout_at = ctx.run().dequeued_at + Duration::from_millis(order.approval_ms);
    let token = token(&connection.engine(), ctx.run_id(), Some(timeout_at)).await?;
    connection.close().await;
    if ctx.wait_for_token(&token).await? != Some(true) {
        return Err(Failure::message("not approved in time").no_retry());
    }
    let items = (1..=order.items).map(|number| {
        let price = Trigger::new("price").payload(&Item { number })?;
        Ok(price.worker_queue(ITEMS))
    });
    let items: Vec<Trigger> = items.collect::<Result<_, engine_client::Error>>()?;
    let prices = ctx.batch_trigger_and_wait("items", items).await?;
    let mut total = 0;
    for price in prices {
        total += price.output::<i64>()?;
    }
    Ok(total)
}
