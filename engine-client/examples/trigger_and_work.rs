//! Triggers ten runs, works them off in the same process, prints their results and exits.
//!
//! ```sh
//! cargo run -p engine-client --example trigger_and_work -- "host=/var/run/postgresql dbname=app"
//! ```
//!
//! Without an argument, the connection string is read from `DATABASE_URL`.

use std::error::Error;

use engine_client::{Context, Database, Trigger, Worker, WorkerConfig};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

#[derive(Debug, Serialize, Deserialize)]
struct Words {
    text: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let database = std::env::args().nth(1);
    let database: Database = match database {
        Some(database) => database.parse()?,
        None => std::env::var("DATABASE_URL")?.parse()?,
    };

    // A worker queue of its own keeps this example from taking anybody else's runs.
    let triggers = (1..=10)
        .map(|n| {
            let text = vec!["word"; n].join(" ");
            Ok(Trigger::new("count-words")
                .payload(&Words { text })?
                .worker_queue("example"))
        })
        .collect::<Result<Vec<_>, engine_client::Error>>()?;
    let connection = database.connect().await?;
    let triggered = connection.engine().trigger_many(&triggers).await?;
    println!("triggered {} runs", triggered.len());

    let (counted, mut counts) = mpsc::unbounded_channel();
    let worker = Worker::new(database)
        .config(WorkerConfig {
            worker_queue: "example".to_owned(),
            concurrency: 4,
            ..WorkerConfig::default()
        })
        .task("count-words", move |ctx: Context, words: Words| {
            let counted = counted.clone();
            async move {
                let count = words.text.split_whitespace().count();
                counted.send((ctx.run_id().clone(), ctx.attempt_number(), count))?;
                Ok(count)
            }
        });
    let all_counted = async {
        for _ in 0..triggered.len() {
            if let Some((run_id, attempt, count)) = counts.recv().await {
                println!("run {run_id}, attempt {attempt}: {count} words");
            }
        }
    };
    worker.run(all_counted).await?;

    // The worker has drained: every run that was counted is completed.
    for run in &triggered {
        let data = connection
            .engine()
            .execution_data(&run.run_id, None)
            .await?;
        let status = data.map(|data| data["run"]["status"].clone());
        println!("run {}: {}", run.run_id, status.unwrap_or_default());
    }
    connection.close().await;
    Ok(())
}
