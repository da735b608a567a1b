//! `engine metrics`.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use engine_harness::{Database, Session};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{follow, prints};

/// Two runs that are due, one that is not, one that executes, one that ended in each of three ways.
const STOCK: &str = "
    select engine_set_queue('mail', concurrency_limit => 7);
    select engine_set_environment('default', concurrency_limit => 10, burst_factor => 2);
    select engine_event_reader('billing', after => 0);
    select engine_tick();
    select engine_trigger('t', queue => 'mail', run_id => 'a' || n) from generate_series(1, 4) as n;
    do $$ declare r text[]; s text[]; begin
        select array_agg(run_id), array_agg(snapshot_id) into r, s
        from engine_dequeue(max_runs => 4, worker_id => 'w1') as d;
        select array_agg(e.run_id), array_agg(e.snapshot_id) into r, s from engine_start_many(r, s, worker_id => 'w1') as e;
        perform engine_succeed(r[1], s[1]);
        perform engine_fail(r[2], s[2], retry => 'false');
        perform engine_cancel(r[3], finalize => true);
    end $$;
    select engine_trigger('t', queue => 'mail', queue_timestamp => now() - interval '1 minute');
    select engine_trigger('t', queue => 'mail', queue_timestamp => now() - interval '2 minutes');
    select engine_trigger('t', queue => 'mail', delay_until => now() + interval '1 hour')";

/// The samples of a text by their series.
fn samples(text: &str) -> Result<BTreeMap<String, f64>> {
    ensure!(
        text.ends_with("# EOF\n") || text.ends_with("# EOF"),
        "no end: {text}"
    );
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').context("no value")?;
            Ok((series.to_owned(), value.parse().context("no number")?))
        })
        .collect()
}

#[tokio::test]
async fn figures_say_what_queues_hold_what_ended_and_what_is_behind() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.client.batch_execute(STOCK).await?;
    let text = prints(&database, &["metrics", "--once"]).await?;
    let samples = samples(&text)?;
    let of = |series: &str| {
        let value = samples.get(series).copied();
        value.with_context(|| format!("no {series} in\n{text}"))
    };
    let queue = r#"{environment="default",queue="mail"}"#;
    for (name, value) in [
        ("queued", 2.0),
        ("due", 2.0),
        ("running", 1.0),
        ("concurrency_limit", 7.0),
        ("paused", 0.0),
    ] {
        assert_eq!(of(&format!("engine_queue_{name}{queue}"))?, value, "{name}");
    }
    let age = of(&format!("engine_queue_oldest_due_age_seconds{queue}"))?;
    assert!((120.0..180.0).contains(&age), "{age}");
    assert_eq!(
        of(r#"engine_environment_slot_limit{environment="default"}"#)?,
        20.0
    );
    for outcome in ["COMPLETED", "FAILED", "CANCELED"] {
        let rate = of(&format!(
            "engine_outcome_ended_per_second{{outcome=\"{outcome}\"}}"
        ))?;
        assert!((rate * 60.0 - 1.0).abs() < 0.01, "{outcome}: {rate}");
    }
    assert_eq!(
        of(r#"engine_outcome_ended_per_second{outcome="DEAD_LETTER"}"#)?,
        0.0
    );
    let dequeued = of("engine_activity_dequeued_per_second")?;
    assert!((dequeued * 60.0 - 4.0).abs() < 0.01, "{dequeued}");
    assert!(of("engine_activity_claim_latency_max_seconds")? < 60.0);
    assert_eq!(of("engine_worker_beating")?, 1.0);
    assert!(of(r#"engine_reader_lag_rows{reader="billing"}"#)? > 10.0);
    assert!(of("engine_history_positions_total")? > 10.0);
    assert_eq!(of(r#"engine_overdue_items{kind="heartbeat"}"#)?, 0.0);
    assert!(of(r#"engine_table_bytes{table="run_state"}"#)? > 0.0);
    assert_eq!(of(r#"engine_horizon_holders{holder="prepared"}"#)?, 0.0);
    let late = "update engine.heartbeat set check_at = now() - interval '1 minute', deadline_at = now() - interval '1 minute'";
    session.client.batch_execute(late).await?;
    let text = prints(&database, &["metrics", "--once"]).await?;
    let lag = r#"engine_overdue_oldest_age_seconds{kind="heartbeat"}"#;
    let lag = self::samples(&text)?.get(lag).copied().context("no lag")?;
    assert!((60.0..120.0).contains(&lag), "{lag}");
    Ok(())
}

#[tokio::test]
async fn a_thousand_queues_have_a_hundred_series_and_one() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let many = "select engine_trigger('t', queue => 'q' || n) from generate_series(1, 1000) as n; \
                select engine_trigger('t', queue => 'a\"\\' || chr(10)) from generate_series(1, 2)";
    session.client.batch_execute(many).await?;
    let text = prints(&database, &["metrics", "--once"]).await?;
    let samples = samples(&text)?;
    let due = samples
        .iter()
        .filter(|(series, _)| series.starts_with("engine_queue_due{"));
    assert_eq!(due.clone().count(), 101);
    assert_eq!(due.map(|(_, value)| value).sum::<f64>(), 1002.0);
    let others = r#"engine_queue_due{environment="(other)",queue="(other)"}"#;
    assert_eq!(samples.get(others), Some(&901.0));
    let escaped = r#"engine_queue_due{environment="default",queue="a\"\\\n"}"#;
    assert_eq!(samples.get(escaped), Some(&2.0), "{text}");
    Ok(())
}

async fn get(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn figures_are_served_and_come_again_after_the_server_ended_the_session() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let (_child, mut lines) = follow(&database, &["metrics", "--listen", "127.0.0.1:0"])?;
    let line = lines.next_line().await?.context("nothing printed")?;
    let url = line.strip_prefix("serving http://").context("no address")?;
    let address = url.strip_suffix("/metrics").context("no path")?;
    let answer = get(address, "/metrics").await?;
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    ensure!(
        answer.starts_with("HTTP/1.1 200") && answer.contains(kind),
        "{answer}"
    );
    ensure!(
        answer.contains("# TYPE engine_worker_beating gauge"),
        "{answer}"
    );
    ensure!(get(address, "/else").await?.starts_with("HTTP/1.1 404"));

    let end = "select pg_terminate_backend(pid) from pg_stat_activity \
               where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'";
    session.client.batch_execute(end).await?;
    for _ in 0..100 {
        let answer = get(address, "/metrics").await?;
        if answer.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        ensure!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("no figures any more: {}", json!(address))
}
