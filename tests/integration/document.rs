//! Documents: one that not every reader could read is refused at once, every other is returned unchanged, and none stops a reader.

use std::time::Duration;

use anyhow::{Context, Result};
use engine_harness::condition::eventually;
use engine_harness::{Database, Session};

const PATIENCE: Duration = Duration::from_secs(60);

/// Deepest accepted document.
const MAX_DEPTH: usize = 64;

/// Documents that readers in Rust misread, or cannot read.
const RESERVED: [&str; 3] = [
    r#"{"$serde_json::private::Number": "1"}"#,
    r#"{"$serde_json::private::RawValue": "[1]"}"#,
    r#"[{"a": {"b": 1, "$serde_json::private::Number": "x"}}]"#,
];

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// The document parameters of all functions: function, parameter, and a call with `$` for the parameter.
async fn document_parameters(session: &Session) -> Result<Vec<(String, String, String)>> {
    let sql = "select p.proname::text, p.proargnames[a.place]::text, \
                      array(select format('%s => %s', p.proargnames[o.place], \
                                case o.type when 'jsonb'::regtype then '''[]''' \
                                            when 'text'::regtype then '''x''' \
                                            when 'text[]'::regtype then '''{x}''' \
                                            when 'timestamptz'::regtype then 'now()' \
                                            when 'boolean'::regtype then 'true' \
                                            else '1' end) \
                            from unnest(p.proargtypes::oid[]) with ordinality as o(type, place) \
                            where o.place <= p.pronargs - p.pronargdefaults and o.place <> a.place) \
               from pg_proc as p, unnest(p.proargtypes::oid[]) with ordinality as a(type, place) \
               where p.proname like 'engine\\_%' and a.type = 'jsonb'::regtype";
    let rows = session.client.query(sql, &[]).await?;
    let read = |row: &tokio_postgres::Row| {
        let (function, parameter): (String, String) = (row.get(0), row.get(1));
        let mut arguments: Vec<String> = row.get(2);
        arguments.push(format!("{parameter} => $$DOCUMENT$$::jsonb"));
        // A turn that only completes: it starts no run that another call has triggered.
        arguments.extend((function == "engine_work").then(|| "max_runs => 0".to_owned()));
        let call = format!("select {function}({})", arguments.join(", "));
        (function, parameter, call)
    };
    Ok(rows.iter().map(read).collect())
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_refused_by_every_function_and_never_as_an_internal_error()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let parameters = document_parameters(&session).await?;
    assert!(parameters.len() >= 12, "{parameters:?}");
    for (function, parameter, call) in parameters {
        let before = session.contents().await?;
        let deep = [MAX_DEPTH + 1, 125, 127, 128, 130, 3000].map(nested);
        let deeper = deep.iter().map(|document| format!("[{document}]"));
        let reserved = RESERVED.map(str::to_owned);
        for document in deep.iter().cloned().chain(deeper).chain(reserved) {
            let sql = call.replace("DOCUMENT", &document);
            // Problems other than the document may be reported first.
            match session.client.query(&sql, &[]).await {
                Ok(_) => assert!(
                    function.ends_with("_many") || function == "engine_work",
                    "{function}({parameter}): {document}"
                ),
                Err(error) => {
                    let error = error.as_db_error().context("not an error of the server")?;
                    assert_ne!(
                        error.code().code(),
                        "XX000",
                        "{function}({parameter}): {error:?}"
                    );
                }
            }
            assert_eq!(session.contents().await?, before, "{function}({parameter})");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_key_that_readers_take_for_something_else_is_22032() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for document in RESERVED {
        for option in ["metadata", "trace_context", "annotations", "payload"] {
            let sql = format!("select engine_trigger('t', {option} => $${document}$$)");
            let refused = session.refused(&sql).await?;
            assert_eq!(refused.code, "22032", "{option}: {document}");
            assert!(
                refused.detail.contains("$serde_json::private::"),
                "{refused:?}"
            );
        }
        session.trigger("t").await?;
        let held = session.take().await?;
        let sql = format!(
            "select error_code from engine_complete_many(jsonb_build_array(jsonb_build_object( \
                 'run_id', $1::text, 'snapshot_id', $2::text, 'ok', true, 'metadata', $${document}$$::jsonb)))"
        );
        let row = session
            .client
            .query_one(&sql, &[&held.run_id, &held.snapshot_id])
            .await?;
        assert_eq!(row.get::<_, Option<&str>>(0), Some("22032"), "{document}");
        let text =
            format!("select engine_trigger('t', $${document}$$, payload_type => 'text/plain')");
        session.client.query_one(&text, &[]).await?;
        session.take().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_document_that_is_too_deep_is_22032_and_one_at_the_bound_is_taken() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for option in ["metadata", "trace_context", "annotations", "payload"] {
        let at = |depth| format!("'t', {option} => '{}'", nested(depth));
        session.trigger_with(&at(MAX_DEPTH)).await?;
        let sql = format!("select engine_trigger({})", at(MAX_DEPTH + 1));
        assert_eq!(session.refused(&sql).await?.code, "22032", "{option}");
        let many = |depth| {
            format!(
                r#"select engine_trigger_many('[{{"task": "t"}}, {{"task": "t", "{option}": {}}}]')"#,
                nested(depth)
            )
        };
        session.client.query(&many(MAX_DEPTH), &[]).await?;
        let refused = session.refused(&many(MAX_DEPTH + 1)).await?;
        assert_eq!(refused.code, "22032", "{option}");
        assert!(refused.detail.starts_with("Element 1:"), "{refused:?}");
    }
    let batch = |options: &str| format!("select engine_create_batch(1, options => '{options}')");
    session
        .client
        .query(&batch(&nested(MAX_DEPTH)), &[])
        .await?;
    assert_eq!(
        session.refused(&batch(&nested(MAX_DEPTH + 1))).await?.code,
        "22032"
    );
    let schedule = |payload: &str| {
        format!("select engine_set_schedule('s', 't', '* * * * *', payload => '{payload}')")
    };
    session
        .client
        .query(&schedule(&nested(MAX_DEPTH - 1)), &[])
        .await?;
    assert_eq!(
        session.refused(&schedule(&nested(MAX_DEPTH))).await?.code,
        "22032"
    );
    Ok(())
}

#[tokio::test]
async fn one_element_that_is_too_deep_does_not_spoil_its_neighbours() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("a").await?;
    session.trigger("b").await?;
    let (first, second) = (session.take().await?, session.take().await?);
    let element = |held: &engine_harness::Held, more: &str| {
        format!(
            r#"{{"run_id": "{}", "snapshot_id": "{}", "ok": true, {more}}}"#,
            held.run_id, held.snapshot_id
        )
    };
    let deep = format!(r#""metadata": {}"#, nested(127));
    let sql = format!(
        "select run_status, error_code from engine_complete_many('[{}, {}]')",
        element(&first, &deep),
        element(&second, r#""output": "1""#)
    );
    let rows = session.client.query(&sql, &[]).await?;
    assert_eq!(rows[0].get::<_, Option<&str>>(1), Some("22032"));
    assert_eq!(
        rows[1].get::<_, Option<&str>>(0),
        Some("COMPLETED_SUCCESSFULLY")
    );

    let sql = "select batch_id from engine_create_batch(2)";
    let batch: String = session.client.query_one(sql, &[]).await?.get(0);
    let sql = format!(
        r#"select error_code from engine_add_to_batch('{batch}',
           '[{{"task": "t"}}, {{"task": "t", "metadata": {}}}]') order by index"#,
        nested(127)
    );
    let rows = session.client.query(&sql, &[]).await?;
    assert_eq!(rows[0].get::<_, Option<&str>>(0), None);
    assert_eq!(rows[1].get::<_, Option<&str>>(0), Some("22032"));
    let sql = format!("select engine_batch_data('{batch}')::text");
    assert!(
        session
            .client
            .query_one(&sql, &[])
            .await?
            .get::<_, Option<&str>>(0)
            .is_some()
    );
    Ok(())
}

#[tokio::test]
async fn a_document_that_is_stored_already_stops_no_reader() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("poisonous").await?;
    let sql = "select batch_id from engine_create_batch(1)";
    let batch: String = session.client.query_one(sql, &[]).await?.get(0);
    let deep = nested(127);
    session
        .client
        .batch_execute(&format!(
            "update engine.run set metadata = '{deep}', trace_context = '{deep}', annotations = '{deep}'; \
             update engine.snapshot set error = '{deep}', is_valid = false; update engine.batch set options = '{deep}'"
        ))
        .await?;
    // Transactions of other tests hold events back.
    let sql = "select count(body::text) >= 2 from engine_events()";
    eventually("events are read", PATIENCE, async || {
        Ok(session.client.query_one(sql, &[]).await?.get(0))
    })
    .await?;
    let sql =
        "select run_id, snapshot_id, metadata::text, trace_context::text from engine_dequeue()";
    let run = session.client.query_one(sql, &[]).await?;
    assert_eq!(run.get::<_, &str>(2), deep);
    let (run_id, snapshot_id): (&str, &str) = (run.get(0), run.get(1));
    let sql = "select execution #>> '{run,metadata}', snapshot_id from engine_start_many(array[$1::text], array[$2::text], with_execution => true)";
    let started = session
        .client
        .query_one(sql, &[&run_id, &snapshot_id])
        .await?;
    let held: &str = started.get(1);
    let sql = "select engine_execution_data($1)::text, engine_snapshots_since($1, $2)::text";
    session
        .client
        .query_one(sql, &[&run_id, &snapshot_id])
        .await?;
    let sql = "select run_status from engine_fail($1, $2)";
    session.client.query_one(sql, &[&run_id, &held]).await?;
    session
        .client
        .execute(
            &format!("update engine.run_state set error = '{deep}'"),
            &[],
        )
        .await?;
    let sql = "select error::text from engine_run_result($1)";
    let error: String = session.client.query_one(sql, &[&run_id]).await?.get(0);
    assert_eq!(error, deep);
    let sql = "select engine_batch_data($1)::text";
    let data: String = session.client.query_one(sql, &[&batch]).await?.get(0);
    assert!(data.contains(&deep), "{data}");
    Ok(())
}

#[tokio::test]
async fn every_document_is_returned_unchanged() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for document in [
        r#"{"a": {"$serde_json": "x"}, "b": 1.50, "c": 123456789012345678901234567890}"#,
        r#"{"": [], "ä\"": "\u0001\\", "z": {}}"#,
    ] {
        let sql = "select (select r.metadata = $1::text::jsonb and r.trace_context = $1::text::jsonb \
                           and r.annotations = $1::text::jsonb from engine.run as r where r.id = t.run_id) \
                   from engine_trigger('t', metadata => $1::text::jsonb, trace_context => $1::text::jsonb, \
                                       annotations => $1::text::jsonb) as t";
        session.client.query_one(sql, &[&document]).await?;
        let sql = "select metadata = $1::text::jsonb and trace_context = $1::text::jsonb and annotations = $1::text::jsonb \
                   from engine.run order by created_at desc, id desc limit 1";
        assert!(
            session
                .client
                .query_one(sql, &[&document])
                .await?
                .get::<_, bool>(0),
            "{document}"
        );
        let held = session.take().await?;
        let sql = "select run_status from engine_complete_attempt($1, $2, \
                       jsonb_build_object('ok', true, 'metadata', $3::text::jsonb))";
        session
            .client
            .query_one(sql, &[&held.run_id, &held.snapshot_id, &document])
            .await?;
        let sql = "select body #> '{run,metadata}' = $1::text::jsonb from engine.event \
                   where name = 'runMetadataUpdated' order by position desc limit 1";
        assert!(
            session
                .client
                .query_one(sql, &[&document])
                .await?
                .get::<_, bool>(0),
            "{document}"
        );
        let sql = "select payload::jsonb = $1::text::jsonb from engine_trigger_many(\
                       jsonb_build_array(jsonb_build_object('task', 't', 'payload', $1::text::jsonb))) as t, \
                   lateral (select payload from engine_dequeue()) as d";
        assert!(
            session
                .client
                .query_one(sql, &[&document])
                .await?
                .get::<_, bool>(0),
            "{document}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn what_is_said_to_be_json_is_json() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for sql in [
        "select engine_trigger('t', 'not json')",
        "select engine_trigger('t', '')",
        "select engine_trigger('t', '{} {}')",
        "select engine_trigger('t', 'nan', payload_type => 'application/json; charset=utf-8')",
        r#"select engine_trigger_many('[{"task": "t", "payload": "not json"}]')"#,
        "select engine_create_failed_run('{\"task\": \"t\", \"payload\": \"not json\"}', '{\"type\": \"STRING_ERROR\", \"raw\": \"x\"}')",
    ] {
        let refused = session.refused(sql).await?;
        assert_eq!(refused.code, "22032", "{sql}");
        assert!(
            refused.message.contains("is not JSON") && !refused.hint.is_empty(),
            "{refused:?}"
        );
    }
    session
        .trigger_with("'t', 'not json', payload_type => 'text/plain'")
        .await?;
    let held = session.take().await?;
    let call = |function: &str, rest: &str| {
        format!(
            "select {function}('{}', '{}', {rest})",
            held.run_id, held.snapshot_id
        )
    };
    for sql in [
        call("engine_succeed", "'not json'"),
        call(
            "engine_complete_attempt",
            r#"'{"ok": true, "output": "not json"}'"#,
        ),
    ] {
        assert_eq!(session.refused(&sql).await?.code, "22032", "{sql}");
    }
    let token = session.token().await?;
    let complete = |rest: &str| format!("select engine_complete_waitpoint('{token}', {rest})");
    assert_eq!(
        session.refused(&complete("'not json'")).await?.code,
        "22032"
    );
    session
        .client
        .query(&complete("'not json', 'text/plain'"), &[])
        .await?;
    let sql = call(
        "engine_complete_attempt",
        r#"'{"ok": true, "output": "plain", "outputType": "text/plain"}'"#,
    );
    session.client.query(&sql, &[]).await?;
    Ok(())
}
