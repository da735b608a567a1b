//! What the engine prints is the same in every session, whatever its role or its database has set.

use anyhow::Result;
use engine_harness::{Database, Held, Session};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

/// Settings with which Postgres prints values differently.
const HOSTILE: &str = "
    set extra_float_digits = -15;
    set timezone = 'Pacific/Chatham';
    set datestyle = 'German';
    set intervalstyle = 'iso_8601';
    set bytea_output = 'escape';
    set xmlbinary = 'hex';
    set lc_messages = 'C';
    set lc_monetary = 'C';
    set lc_numeric = 'C';
    set lc_time = 'C';
    set standard_conforming_strings = off;
    set escape_string_warning = off;
    set backslash_quote = off;
    set quote_all_identifiers = on;
    set transform_null_equals = on;
    set array_nulls = off;
    set default_text_search_config = 'pg_catalog.simple'";

/// Every document that can be read more than once, and every text with a value in it: name and document.
const DOCUMENTS: &str = "
    select 'execution', engine_execution_data(r.id) from engine.run as r
    union all
    select 'since', engine_snapshots_since(s.run_id, s.id) from engine.history as s where s.ordinal = 1
    union all
    select 'batch', engine_batch_data(b.id) from engine.batch as b
    union all
    select 'waitpoint', engine_waitpoint_data(w.id) from engine.waitpoint as w
    union all
    select 'event ' || e.name, jsonb_build_array(e.position, e.body) from engine_events(0, 1000) as e
    union all
    select 'check', to_jsonb(c) from engine_check() as c
    union all
    select 'event ' || e.name, jsonb_build_array(e.position, e.body) from engine.event as e
    union all
    select 'snapshot', d.data from engine.execution_data as d
    union all
    select 'carried', c.entry from engine.completed_waitpoint as c
    union all
    select 'view batch', d.data from engine.batch_data as d
    union all
    select 'view waitpoint', d.data from engine.waitpoint_data as d
    union all
    select 'state', s.error from engine.run_state as s
    union all
    select 'detail', s.detail from engine.snapshot as s
    union all
    select 'advice', to_jsonb(a.detail) from engine.advice as a where a.kind <> 'horizon'
    order by 1, 2";

async fn documents(session: &Session) -> Result<Vec<(String, Option<Value>)>> {
    let rows = session.client.query(DOCUMENTS, &[]).await?;
    let document = |row: &tokio_postgres::Row| {
        let value: Option<Json<Value>> = row.get(1);
        (row.get(0), value.map(|json| json.0))
    };
    Ok(rows.iter().map(document).collect())
}

/// Every time in a document.
fn times<'a>(document: &'a Value, found: &mut Vec<&'a str>) {
    match document {
        Value::String(text) if text.len() > 18 && text.as_bytes()[10] == b'T' => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| times(value, found)),
        Value::Object(values) => values.values().for_each(|value| times(value, found)),
        _ => {}
    }
}

/// A run and its latest snapshot.
async fn latest(session: &Session, held: &Held) -> Result<Held> {
    let sql = "select run_id, snapshot_id from engine.run_state where run_id = $1";
    let row = session.client.query_one(sql, &[&held.run_id]).await?;
    Ok(Held {
        run_id: row.get(0),
        snapshot_id: row.get(1),
    })
}

#[tokio::test]
async fn what_the_engine_prints_does_not_depend_on_the_settings_of_a_session() -> Result<()> {
    let database = Database::fresh().await?;
    let (hostile, plain) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    hostile.client.batch_execute(HOSTILE).await?;
    let machine = "select engine_set_machine('small-1x', 0.5, 0.5, 0.1)";
    hostile.client.batch_execute(machine).await?;

    // A complete run, moved by a session with those settings: a delay, a wait for a batch and a moment, a failure with
    // a cost, a retry, a success, a run that expires.
    let held = hostile.executing("test").await?;
    let batch = hostile
        .create_batch("parent_run_id => null, idempotency_key => 'key', idempotency_key_expires_at => now() + interval '1 day'")
        .await?;
    hostile
        .add_to_batch(&batch, json!([{"task": "child", "ttl": "1h"}]))
        .await?;
    hostile.seal_batch(&batch).await?;
    let hour = hostile.due_in(0).await?;
    let token = hostile.token().await?;
    hostile.block(&held.run_id, &[&hour, &token]).await?;
    hostile.complete_waitpoint(&token).await?;
    hostile.lapse_timers().await?;
    hostile.tick().await?;
    hostile.tick().await?;
    let now = latest(&hostile, &held).await?;
    let failure = json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"},
                         "retry": {"delay": 10}, "usage": {"durationMs": 3}});
    let failed = hostile.complete(&now, failure).await?.latest;
    let start = "select execution from engine_start_attempt($1, $2)";
    let row = hostile
        .client
        .query_one(start, &[&failed.run_id, &failed.snapshot_id])
        .await?;
    let execution = row.get::<_, Json<Value>>(0).0;
    assert_eq!(execution["run"]["costInCents"], json!(0.1 * 3.0));
    let mut found = Vec::new();
    times(&execution, &mut found);
    assert!(!found.is_empty());
    let now = latest(&hostile, &held).await?;
    let success = json!({"ok": true, "output": "1", "usage": {"durationMs": 4}});
    hostile.complete(&now, success).await?;
    hostile
        .trigger_with("'late', delay_until => now() + interval '1 day'")
        .await?;
    let later = "select engine_reschedule(id, now() + interval '2 days') from engine.run where task = 'late'";
    hostile.client.batch_execute(later).await?;
    hostile.trigger_with("'short', ttl => '1s'").await?;

    // And a violation for the check to report, with its time.
    hostile.due_in(60_000).await?;
    hostile
        .client
        .batch_execute("delete from engine.timer where kind = 'FINISH_WAITPOINT'")
        .await?;

    let (theirs, ours) = (documents(&hostile).await?, documents(&plain).await?);
    for (theirs, ours) in theirs.iter().zip(&ours) {
        assert_eq!(theirs, ours);
    }
    assert_eq!(theirs.len(), ours.len());
    for kind in [
        "batch",
        "waitpoint",
        "carried",
        "check",
        "event runSucceeded",
        "detail",
        "since",
    ] {
        assert!(ours.iter().any(|(name, _)| name == kind), "no {kind}");
    }
    for (name, document) in &ours {
        if let Some(document) = document
            && name != "detail"
        {
            times(document, &mut found);
        }
    }
    let elsewhere = found
        .iter()
        .find(|time| !time.ends_with("+00:00") && !time.ends_with('Z'));
    assert_eq!(elsewhere, None);
    plain.broken_on_purpose().await
}
