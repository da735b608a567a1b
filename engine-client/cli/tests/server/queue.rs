//! `engine queues`, `engine pause` and `engine resume`.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::json;

use super::{cells, engine, prints, prints_json};

#[tokio::test]
async fn queues_are_listed_with_what_is_queued_due_and_running() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    assert_eq!(prints(&database, &["queues"]).await?, "no queues\n");
    session
        .client
        .query("select engine_set_queue('q', concurrency_limit => 7)", &[])
        .await?;
    for _ in 0..2 {
        session.trigger_with("'t', queue => 'q'").await?;
    }
    session
        .trigger_with("'t', queue => 'q', queue_timestamp => now() + interval '1 hour'")
        .await?;
    session.take().await?;
    let queues = prints_json(&database, &["queues"]).await?;
    let queue = &queues[0];
    let facts = [
        "queue",
        "environment_id",
        "queued",
        "due",
        "running",
        "concurrency_limit",
        "is_paused",
    ];
    assert_eq!(
        facts.map(|fact| queue[fact].clone()),
        [
            json!("q"),
            json!("default"),
            json!(2),
            json!(1),
            json!(1),
            json!(7),
            json!(false)
        ]
    );
    let table = prints(&database, &["queues"]).await?;
    let table = cells(&table);
    assert_eq!(
        table[0][..6],
        ["QUEUE", "ENVIRONMENT", "QUEUED", "DUE", "RUNNING", "LIMIT"]
    );
    assert_eq!(table[1][..6], ["q", "default", "2", "1", "1", "7"]);
    assert_eq!(
        prints_json(&database, &["queues", "--environment", "other"]).await?,
        json!([])
    );
    Ok(())
}

#[tokio::test]
async fn nothing_is_dequeued_from_what_is_paused_until_it_is_resumed() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let environment = "select engine_set_environment('shop', 'PRODUCTION')";
    session.client.query(environment, &[]).await?;
    session
        .trigger_with("'t', queue => 'q', environment_id => 'shop'")
        .await?;
    for (what, name) in [
        (
            &["q", "--environment", "shop"][..],
            "queue \"q\" of environment \"shop\"",
        ),
        (&["--environment", "shop"], "environment \"shop\""),
    ] {
        let text = prints(&database, &[&["pause"], what].concat()).await?;
        assert_eq!(text, format!("paused {name}\n"));
        assert_eq!(session.dequeue().await?, None);
        let paused = prints(&database, &["queues"]).await?;
        assert!(paused.to_lowercase().contains("paused"), "{paused}");
        let resumed = prints_json(&database, &[&["resume"], what].concat()).await?;
        assert_eq!(resumed["is_paused"], false);
        assert!(
            !prints(&database, &["queues"])
                .await?
                .to_lowercase()
                .contains("paused")
        );
    }
    assert!(session.dequeue().await?.is_some());
    Ok(())
}

#[tokio::test]
async fn a_slip_of_the_pen_makes_no_environment() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    for arguments in [
        &["pause", "--environment", "shpo"][..],
        &["pause", "q", "--environment", "shpo"],
    ] {
        let refused = engine(&database, arguments).await?;
        assert_eq!(refused.code, Some(1));
        assert!(
            refused
                .stderr
                .starts_with("error: environment \"shpo\" does not exist\nHINT:  "),
            "{}",
            refused.stderr
        );
    }
    assert_eq!(session.count("engine.environment").await?, 0);
    Ok(())
}
