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
async fn who_paused_a_queue_when_and_why_is_shown_until_it_is_resumed() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger_with("'t', queue => 'q'").await?;
    let role: String = session
        .client
        .query_one("select current_user::text", &[])
        .await?
        .get(0);
    for what in [&["q"][..], &["--environment", "default"]] {
        let pause = [
            &["pause"],
            what,
            &["--reason", "INC-2291: the bank is down"],
        ]
        .concat();
        let paused = prints_json(&database, &pause).await?;
        assert_eq!(paused["paused_by"], json!(role));
        let queue = prints_json(&database, &["queues"]).await?[0].clone();
        for fact in ["paused_at", "paused_by", "pause_reason"] {
            assert!(!queue[fact].is_null(), "{queue}");
            assert_eq!(queue[fact], paused[fact]);
        }
        let table = prints(&database, &["queues"]).await?;
        assert!(table.contains("INC-2291: the bank is down"), "{table}");
        let doctor = engine(&database, &["doctor", "--patience", "0"]).await?;
        let why = format!("by role \"{role}\" at 20");
        for words in [&why, "UTC: \"INC-2291: the bank is down\"."] {
            assert!(doctor.stdout.contains(words), "{words}: {doctor:?}");
        }
        let resumed = prints_json(&database, &[&["resume"], what].concat()).await?;
        assert_eq!(resumed["pause_reason"], json!(null));
        let table = prints(&database, &["queues"]).await?;
        assert!(!table.contains("INC-2291"), "{table}");
    }
    let long = "x".repeat(1025);
    let refused = engine(&database, &["pause", "q", "--reason", &long]).await?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("22023"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_limit_stands_in_for_that_of_the_queue_until_it_is_reset() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session
        .client
        .query("select engine_set_queue('q', concurrency_limit => 7)", &[])
        .await?;
    for _ in 0..3 {
        session.trigger_with("'t', queue => 'q'").await?;
    }
    let limited = prints(&database, &["limit", "q", "1"]).await?;
    assert_eq!(
        limited,
        "limit of queue \"q\" of environment \"default\": 1\n"
    );
    assert!(session.dequeue().await?.is_some());
    assert_eq!(session.dequeue().await?, None);
    let reset = prints_json(&database, &["limit", "q", "--reset"]).await?;
    assert_eq!(
        (&reset["override_limit"], &reset["limit"]),
        (&json!(null), &json!(7))
    );
    assert!(session.dequeue().await?.is_some());
    let none = prints(&database, &["limit", "other", "--reset"]).await?;
    assert!(none.ends_with(": none of its own\n"), "{none}");
    Ok(())
}

#[tokio::test]
async fn a_slip_of_the_pen_makes_no_environment() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    for arguments in [
        &["pause", "--environment", "shpo"][..],
        &["pause", "q", "--environment", "shpo"],
        &["limit", "q", "3", "--environment", "shpo"],
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
