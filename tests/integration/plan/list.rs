//! Lists of the command line and filters read what they show, or what failed, and not every run.

use std::fs;

use anyhow::Result;
use engine_harness::{Database, Session, Workspace};
use serde_json::{Value, json};
use tokio_postgres::types::ToSql;

use super::rows_read;

/// Runs that failed.
const FAILED: i64 = 30;

/// A session of a database with as many thousand queued runs, triggered after those that failed.
async fn with_failures_among(thousands: usize) -> Result<Session> {
    let session = Session::open(&Database::fresh().await?).await?;
    let fail = "select engine_create_failed_run('{\"task\": \"bad\"}', '{\"type\": \"STRING_ERROR\", \"raw\": \"no\"}') \
                from generate_series(1, $1::bigint)";
    session.client.query(fail, &[&FAILED]).await?;
    let fill = "select count(*) from engine_trigger_many( \
                (select jsonb_agg(jsonb_build_object('task', 'test')) from generate_series(1, 1000)))";
    for _ in 0..thousands {
        session.client.query(fill, &[]).await?;
    }
    Ok(session)
}

/// Rows that the scans of a plan have read.
pub(super) fn rows_scanned(plan: &Value) -> f64 {
    let number = |key: &str| plan[key].as_f64().unwrap_or_default();
    let own = if plan["Relation Name"].is_string() {
        (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops")
    } else {
        0.0
    };
    let below = plan["Plans"].as_array().into_iter().flatten();
    own + below.map(rows_scanned).sum::<f64>()
}

#[tokio::test]
async fn a_list_of_the_command_line_reads_what_it_shows_or_may_look_through_and_no_more()
-> Result<()> {
    let session = with_failures_among(6).await?;
    session.client.batch_execute("vacuum analyze").await?;
    let list = "engine-client/cli/src/statement/run_list.sql";
    let list = fs::read_to_string(Workspace::find()?.root().join(list))?;
    let list = format!("explain (analyze, format json) {list}");
    let (before, ended, shown, budget) = (None::<String>, None::<bool>, 20_i64, 1000_i64);
    // One row to find how far the list may look, one to find a run, and two of the run.
    for (filter, most) in [
        (json!({}), budget + 3 * shown),
        (
            json!({"status": ["COMPLETED_WITH_ERRORS", "SYSTEM_FAILURE"]}),
            4 * FAILED,
        ),
        (json!({"error": "no"}), 4 * FAILED),
        (json!({"error_code": ["STRING_ERROR"]}), 4 * FAILED),
        (json!({"error": "other"}), 4 * FAILED),
        (json!({"task": ["none"]}), 4 * budget),
    ] {
        let arguments: [&(dyn ToSql + Sync); 5] = [&filter, &before, &ended, &shown, &budget];
        let plan: Value = session.client.query_one(&list, &arguments).await?.get(0);
        let read = rows_scanned(&plan[0]["Plan"]);
        assert!(
            read > 0.0 && read <= (most + 10) as f64,
            "{filter}: {read} rows: {plan:#}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_bulk_action_on_runs_with_an_error_reads_those_that_failed_and_no_more() -> Result<()> {
    let session = with_failures_among(3).await?;
    for filter in [
        json!({"error": "no"}),
        json!({"error_code": "STRING_ERROR"}),
        json!({"error_code": "STRING_ERROR", "task": "bad"}),
    ] {
        let look = format!("select count from engine_bulk('replay', '{filter}')");
        let count: i64 = session.client.query_one(&look, &[]).await?.get(0);
        assert_eq!(count, FAILED, "{filter}");
        let read = rows_read(&session, &look).await?;
        println!("a look at {filter} reads {read} rows");
        assert!(read <= 4 * FAILED, "a look at {filter} reads {read} rows");
    }
    Ok(())
}
