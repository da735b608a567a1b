//! Sizes: every argument has a limit, and a value above it is refused where it comes in.

use anyhow::{Context, Result, ensure};
use engine_harness::{Database, Refused, Session};

/// Five megabytes: more than any setting allows by default.
const BIG: &str = "repeat('x', 5000000)";

/// Parameters that only look something up. A value that is too long matches nothing: it is unknown, or finds nothing,
/// and is not stored.
const LOOKED_UP: &[&str] = &[
    "run_id",
    "run_ids",
    "snapshot_id",
    "snapshot_ids",
    "waitpoint_id",
    "waitpoint_ids",
    "batch_id",
    "bulk_id",
    "parent_run_id",
    "environment_id",
    "id",
    "task",
    "idempotency_key",
    "version",
];

/// Whether a call was refused for a value that is too large: with such a code, and the name of the value.
fn is_refused(refused: &Refused, name: &str) -> bool {
    let text = format!("{} {}", refused.message, refused.detail);
    ["22023", "22032", "54000"].contains(&refused.code.as_str()) && text.contains(name)
}

/// No argument is quoted at length, and none was stored.
async fn nothing_is_kept(session: &Session) -> Result<()> {
    let columns = "select c.oid::regclass::text, quote_ident(a.attname) from pg_class c \
                   join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
                   where c.relnamespace = 'engine'::regnamespace and c.relkind = 'r' \
                   and a.atttypid in ('text'::regtype, 'jsonb'::regtype, 'text[]'::regtype)";
    let columns = session.client.query(columns, &[]).await?;
    assert!(columns.len() > 50, "{} columns", columns.len());
    for row in columns {
        let (table, column): (&str, &str) = (row.get(0), row.get(1));
        let large = format!("{table} where octet_length({column}::text) > 300000");
        assert_eq!(session.count(&large).await?, 0, "{table}.{column}");
    }
    Ok(())
}

/// The value of the other parameters.
const OTHER: &str = "case
    when name = 'cron' then '''* * * * *'''
    when name = 'type' then '''DOCKER'''
    when name = 'name' then '''micro'''
    when name = 'state' then '''AWAY'''
    when name = 'error' then '''{\"type\": \"STRING_ERROR\", \"raw\": \"x\"}'''
    when name in ('completions', 'runs') then '''[]'''
    when name = 'completion' then '''{\"ok\": true}'''
    when type = 'jsonb'::regtype then '''{\"task\": \"t\"}'''
    when type = 'text'::regtype then '''x'''
    when type = 'text[]'::regtype then '''{x}'''
    when type = 'timestamptz'::regtype then 'now()'
    when type = 'boolean'::regtype then 'true'
    else '1' end";

#[tokio::test]
async fn five_megabytes_are_refused_by_every_function_in_every_argument() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let parameters = format!(
        "select p.proname::text, p.prokind = 'p', a.name, a.type::regtype::text, \
                array(select format('%s => %s', o.name, {OTHER}) \
                      from unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) with ordinality as o(name, type, place) \
                      where o.place <> a.place and (o.place <= p.pronargs - p.pronargdefaults or o.name in ('task', 'cron'))) \
         from pg_proc as p, unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) with ordinality as a(name, type, place) \
         where p.proname like 'engine\\_%' and a.type in ('text'::regtype, 'jsonb'::regtype, 'text[]'::regtype)"
    );
    let parameters = session.client.query(&parameters, &[]).await?;
    assert!(parameters.len() > 140, "{} parameters", parameters.len());
    let mut wrong = Vec::new();
    for row in parameters {
        let (function, is_procedure): (&str, bool) = (row.get(0), row.get(1));
        let (name, kind): (&str, &str) = (row.get(2), row.get(3));
        let mut arguments: Vec<String> = row.get(4);
        let value = match kind {
            "jsonb" => format!("jsonb_build_object('task', 't', 'x', {BIG})"),
            "text[]" => format!("array[{BIG}]"),
            _ => BIG.to_owned(),
        };
        arguments.push(format!("{name} => {value}"));
        let verb = if is_procedure { "call" } else { "select" };
        let call = format!("{verb} {function}({})", arguments.join(", "));
        match refusal(&session, &call).await? {
            // A document is refused for its contents.
            Some(refused) if kind == "jsonb" && is_refused(&refused, "") => {}
            Some(refused) if is_refused(&refused, name) => {}
            // A message is truncated, as those of completions are; here it belongs to no run.
            Some(refused) if name == "message" && refused.code == "RE001" => {}
            Some(refused) if LOOKED_UP.contains(&name) && refused.code.starts_with("RE0") => {}
            None if LOOKED_UP.contains(&name) => {}
            answer => wrong.push((call, answer)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    nothing_is_kept(&session).await
}

/// The refusal of a call, if it was refused; messages are short whatever the arguments.
async fn refusal(session: &Session, call: &str) -> Result<Option<Refused>> {
    let Err(error) = session.client.query(call, &[]).await else {
        return Ok(None);
    };
    let error = error.as_db_error().context("not an error of the server")?;
    let refused = Refused {
        code: error.code().code().to_owned(),
        message: error.message().to_owned(),
        detail: error.detail().unwrap_or_default().to_owned(),
        hint: error.hint().unwrap_or_default().to_owned(),
    };
    let texts = [&refused.message, &refused.detail, &refused.hint];
    ensure!(
        texts.iter().all(|text| text.len() < 1000),
        "{call}: {refused:?}"
    );
    Ok(Some(refused))
}

/// The options of a run, each with five megabytes: those of the parameters of `engine_trigger` that are not numbers.
async fn large_options(session: &Session) -> Result<Vec<(String, String)>> {
    let options = format!(
        "select a.name, case a.type when 'jsonb'::regtype then 'jsonb_build_object(''x'', {big})' \
                                   when 'text[]'::regtype then 'jsonb_build_array({big})' \
                                   else 'to_jsonb({big})' end \
         from pg_proc as p, unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) as a(name, type) \
         where p.proname = 'engine_trigger' and a.type in ('text'::regtype, 'jsonb'::regtype, 'text[]'::regtype)",
        big = BIG.replace('\'', "''")
    );
    let options = session.client.query(&options, &[]).await?;
    assert!(options.len() >= 20, "{} options", options.len());
    Ok(options.iter().map(|row| (row.get(0), row.get(1))).collect())
}

#[tokio::test]
async fn five_megabytes_are_refused_in_every_option_of_runs_in_documents() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for (option, value) in large_options(&session).await? {
        let run = format!(
            r#"('{{"task": "t", "idempotency_key": "k"}}'::jsonb || jsonb_build_object('{option}', {value}))"#
        );
        for call in [
            format!("engine_trigger_many(jsonb_build_array({run}))"),
            format!("engine_create_cancelled_run({run})"),
            format!(r#"engine_create_failed_run({run}, '{{"type": "STRING_ERROR", "raw": "x"}}')"#),
            format!(
                "engine_set_schedule('s', 't', '* * * * *', options => jsonb_build_object('{option}', {value}))"
            ),
        ] {
            let refused = session.refused(&format!("select {call}")).await?;
            let is_unknown =
                LOOKED_UP.contains(&option.as_str()) && refused.code.starts_with("RE0");
            assert!(
                is_unknown || is_refused(&refused, &option),
                "{call}: {refused:?}"
            );
        }
    }
    nothing_is_kept(&session).await
}

#[tokio::test]
async fn an_item_of_a_batch_that_is_refused_for_its_size_keeps_no_more_than_16_kib_of_its_request()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for (option, value) in large_options(&session).await? {
        // These are the batch's own, or those of another environment.
        if ["batch_id", "parent_run_id", "environment_id"].contains(&option.as_str()) {
            continue;
        }
        let add = format!(
            r#"select error_code, error_message from engine_create_batch(1) as b, engine_add_to_batch(b.batch_id, jsonb_build_array(
                   '{{"task": "t", "idempotency_key": "k"}}'::jsonb || jsonb_build_object('{option}', {value})))"#
        );
        let row = session.client.query_one(&add, &[]).await?;
        let (code, error): (Option<&str>, Option<&str>) = (row.get(0), row.get(1));
        assert!(
            matches!(code, Some("22023" | "54000" | "22032")),
            "{option}: {code:?}"
        );
        let error = error.context("no message")?;
        assert!(error.contains(&option) && error.len() < 500, "{error}");
    }
    nothing_is_kept(&session).await?;
    // One that is refused for another reason stores what it can.
    for (bytes, is_kept) in [(15_000, true), (17_000, false)] {
        let add = format!(
            r#"select batch_id from engine_create_batch(1) as b, engine_add_to_batch(b.batch_id, jsonb_build_array(jsonb_build_object(
                   'task', 't', 'machine', 'huge', 'payload', to_jsonb(repeat('x', {bytes})))))"#
        );
        let batch_id: String = session.client.query_one(&add, &[]).await?.get(0);
        let kept =
            format!("engine.batch_item where batch_id = '{batch_id}' and request is not null");
        assert_eq!(session.count(&kept).await?, i64::from(is_kept), "{bytes}");
    }
    Ok(())
}

#[tokio::test]
async fn completions_of_every_kind_have_the_bounds_of_payloads_and_metadata() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("t").await?;
    let held = session.take().await?;
    let error = |field: &str, value: &str| {
        format!(
            r#"jsonb_build_object('ok', false, 'error', '{{"type": "BUILT_IN_ERROR", "name": "n", "message": "m", "stackTrace": "s"}}'::jsonb || {{{field}}})"#
        )
        .replace(&format!("{{{field}}}"), &format!("jsonb_build_object('{field}', {value})"))
    };
    let metadata = "jsonb_build_object('x', repeat('x', 300000))";
    let cases = [
        (
            format!("jsonb_build_object('ok', true, 'output', to_json({BIG})::text)"),
            "output",
        ),
        (
            "jsonb_build_object('ok', true, 'output', 'x', 'outputType', repeat('x', 1025))"
                .to_owned(),
            "outputType",
        ),
        (
            format!("jsonb_build_object('ok', true, 'metadata', {metadata})"),
            "metadata",
        ),
        (
            format!(
                "jsonb_build_object('ok', true, 'flushedMetadata', jsonb_build_object('data', {metadata}::text))"
            ),
            "metadata",
        ),
        (error("more", BIG), "error"),
        (
            format!(
                "jsonb_build_object('ok', false, 'error', jsonb_build_object('type', 'INTERNAL_ERROR', 'code', {BIG}))"
            ),
            "error",
        ),
    ];
    for (completion, name) in cases {
        let call = format!(
            "select engine_complete_attempt('{}', '{}', {completion})",
            held.run_id, held.snapshot_id
        );
        let refused = session.refused(&call).await?;
        assert!(is_refused(&refused, name), "{completion}: {refused:?}");
        let many = format!(
            "select error_code from engine_complete_many(jsonb_build_array({completion} || \
                 jsonb_build_object('run_id', '{}', 'snapshot_id', '{}')))",
            held.run_id, held.snapshot_id
        );
        let code: Option<String> = session.client.query_one(&many, &[]).await?.get(0);
        assert!(
            matches!(code.as_deref(), Some("54000" | "22023")),
            "{completion}: {code:?}"
        );
    }
    let output = format!(
        "select engine_succeed('{}', '{}', to_json({BIG})::text)",
        held.run_id, held.snapshot_id
    );
    assert_eq!(session.refused(&output).await?.code, "54000");
    // Texts for people are truncated.
    let message = format!(
        "select engine_fail('{}', '{}', {BIG})",
        held.run_id, held.snapshot_id
    );
    session.client.query(&message, &[]).await?;
    nothing_is_kept(&session).await
}

#[tokio::test]
async fn what_a_worker_registers_has_the_bound_of_a_payload() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for documents in [
        format!("jsonb_build_array({BIG})"),
        format!("jsonb_build_array(jsonb_build_object('id', {BIG}))"),
        format!("jsonb_build_array(jsonb_build_object('id', 't', 'machine', {BIG}))"),
        format!(
            "jsonb_build_array(jsonb_build_object('id', 't', 'retry', jsonb_build_object('x', {BIG})))"
        ),
        format!("jsonb_build_array(jsonb_build_object('id', 't', 'ttl', {BIG}))"),
        format!("jsonb_build_array(jsonb_build_object('id', 't', 'more', {BIG}))"),
    ] {
        for (parameter, documents) in [
            ("tasks", documents.clone()),
            ("queues", documents.replace("'id'", "'name'")),
        ] {
            let call = format!(
                "select engine_register_worker('default', '1', {parameter} => {documents})"
            );
            let refused = session.refused(&call).await?;
            assert_eq!(refused.code, "54000", "{call}: {refused:?}");
            assert!(refused.message.contains(parameter), "{call}: {refused:?}");
        }
    }
    nothing_is_kept(&session).await
}

#[tokio::test]
async fn a_schedule_is_refused_where_its_runs_would_be() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let set = |more: &str| format!("select engine_set_schedule('s', 't', '* * * * *', {more})");
    let large = set("payload => jsonb_build_object('x', repeat('x', 3145720))");
    let refused = session.refused(&large).await?;
    assert_eq!(refused.code, "54000", "{refused:?}");
    let machine = set(r#"options => '{"machine": "huge"}'"#);
    assert_eq!(session.refused(&machine).await?.code, "22023");
    session
        .client
        .query(&set(r#"payload => '{"x": 1}'"#), &[])
        .await?;
    let due = "update engine.schedule set next_at = now() - interval '1 minute'";
    session.broken_on_purpose().await?;
    session.client.batch_execute(due).await?;
    assert_eq!(session.tick_of("begun_schedule").await?, 1);
    assert_eq!(session.count("engine.run").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_run_remembers_its_first_hundred_bulk_actions() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("t").await?;
    let cancel = format!(
        "select engine_cancel('{}', bulk_action_id => 'bulk_' || n) from generate_series(1, 105) as n",
        run.run_id
    );
    session.client.query(&cancel, &[]).await?;
    let ids = "engine.run_state where cardinality(bulk_action_ids) = 100";
    assert_eq!(session.count(ids).await?, 1);
    Ok(())
}
