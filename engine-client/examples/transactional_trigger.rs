//! Triggers a run in the transaction of the application: both are committed together, or neither is.
//!
//! ```sh
//! cargo run -p engine-client --example transactional_trigger -- "host=/var/run/postgresql dbname=app"
//! ```
//!
//! Without an argument, the connection string is read from `DATABASE_URL`.

use std::error::Error;

use engine_client::tokio_postgres::GenericClient;
use engine_client::{Database, Engine, RunId, Trigger};
use serde::Serialize;

#[derive(Serialize)]
struct Welcome<'a> {
    email: &'a str,
}

/// Works on a connection as well as in a transaction.
async fn sign_up(client: &impl GenericClient, email: &str) -> Result<RunId, Box<dyn Error>> {
    client
        .execute("insert into signed_up (email) values ($1)", &[&email])
        .await?;
    let welcome = Trigger::new("send-welcome")
        .payload(&Welcome { email })?
        .worker_queue("example");
    Ok(Engine::new(client).trigger(&welcome).await?.run_id)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let database = std::env::args().nth(1);
    let database: Database = match database {
        Some(database) => database.parse()?,
        None => std::env::var("DATABASE_URL")?.parse()?,
    };
    let mut connection = database.connect().await?;
    connection
        .client()
        .batch_execute("create temporary table signed_up (email text primary key)")
        .await?;

    let transaction = connection.client_mut().transaction().await?;
    let undone = sign_up(&transaction, "ada@example.org").await?;
    transaction.rollback().await?;

    let transaction = connection.client_mut().transaction().await?;
    let kept = sign_up(&transaction, "ada@example.org").await?;
    transaction.commit().await?;

    let engine = connection.engine();
    for (end, run_id) in [("rolled back", undone), ("committed", kept)] {
        let found = match engine.execution_data(&run_id, None).await? {
            Some(_) => "exists",
            None => "does not exist",
        };
        println!("run {run_id} was {end}: it {found}");
    }
    connection.close().await;
    Ok(())
}
