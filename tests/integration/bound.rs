//! Limits of arguments: names that fit every index, moments that every reader supports; and read-only transactions.

mod number;

use anyhow::{Context, Result};
use engine_harness::{Database, Session};

/// A text of `bytes` bytes that no index can compress, in characters of four bytes.
const INCOMPRESSIBLE: &str = "(select string_agg(chr(65536 + (get_byte(sha256(n::text::bytea), 0) * 256 \
     + get_byte(sha256(n::text::bytea), 1)) % 60000), '') from generate_series(1, COUNT) as n)";

fn text(bytes: usize) -> String {
    INCOMPRESSIBLE.replace("COUNT", &(bytes / 4).to_string())
}

#[tokio::test]
async fn names_of_the_greatest_length_fit_every_index_in_every_combination() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (name, key, concurrency_key) = (text(512), text(2048), text(1000));
    session
        .client
        .batch_execute(&format!(
            "select engine_set_environment({name}, concurrency_limit => 1); \
             select engine_set_queue({name}, {name}, concurrency_limit => 1);"
        ))
        .await?;
    let trigger = format!(
        "select engine_trigger({name}, queue => {name}, environment_id => {name}, worker_queue => {name}, \
             concurrency_key => {concurrency_key}, run_id => n || repeat('r', 63), \
             idempotency_key => n || {name}, one_time_use_token => n || {name}) from generate_series(1, 3) as n"
    );
    session.client.query(&trigger, &[]).await?;
    let unnamed = format!(
        "select engine_trigger({name}, environment_id => {name}, worker_queue => {name}, concurrency_key => {concurrency_key}) \
         from generate_series(1, 3)"
    );
    session.client.query(&unnamed, &[]).await?;
    for _ in 0..3 {
        // The lanes of the runs that the limit holds back are filed.
        for environment in [name.as_str(), "null"] {
            let dequeue = format!(
                "select run_id, snapshot_id from engine_dequeue({name}, 10, environment_id => {environment})"
            );
            for run in session.client.query(&dequeue, &[]).await? {
                let (run_id, snapshot_id): (&str, &str) = (run.get(0), run.get(1));
                let sql = "select engine_succeed(s.run_id, s.snapshot_id) from engine_start_attempt($1, $2) as s";
                session.client.query(sql, &[&run_id, &snapshot_id]).await?;
            }
        }
    }
    for make in [
        format!(
            "engine_create_manual_waitpoint(environment_id => {name}, idempotency_key => {key})"
        ),
        format!("engine_create_batch(1, environment_id => {name}, idempotency_key => {key})"),
        format!("engine_register_worker({name}, {name})"),
        format!("engine_set_schedule({name}, {name}, '* * * * *', environment_id => {name})"),
    ] {
        session.client.query(&format!("select {make}"), &[]).await?;
    }
    Ok(())
}

#[tokio::test]
async fn longer_names_are_refused_where_they_come_in() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (name, key, concurrency_key) = (text(516), text(2052), text(1004));
    for (call, parameter) in [
        (
            format!("engine_trigger('t', concurrency_key => {concurrency_key})"),
            "concurrency_key",
        ),
        (
            "engine_trigger('t', concurrency_key => repeat('k', 1001))".to_owned(),
            "concurrency_key",
        ),
        (format!("engine_trigger({name})"), "task"),
        (format!("engine_trigger('t', queue => {name})"), "queue"),
        (
            format!("engine_trigger('t', worker_queue => {name})"),
            "worker_queue",
        ),
        (format!("engine_set_environment({name})"), "environment_id"),
        (
            format!("engine_create_manual_waitpoint(idempotency_key => {key})"),
            "idempotency_key",
        ),
        (
            format!("engine_create_datetime_waitpoint(now(), idempotency_key => {key})"),
            "idempotency_key",
        ),
        (
            format!("engine_create_batch(1, idempotency_key => {key})"),
            "idempotency_key",
        ),
    ] {
        let refused = session.refused(&format!("select {call}")).await?;
        assert_eq!(refused.code, "22023", "{call}: {refused:?}");
        assert!(refused.message.contains(parameter), "{call}: {refused:?}");
    }
    let redirected = format!(
        "select set_config('engine.worker_queue_overrides', \
             jsonb_build_object('workerQueue', jsonb_build_object('main', {name}))::text, false)"
    );
    session.client.query(&redirected, &[]).await?;
    session.trigger("t").await?;
    assert_eq!(
        session
            .count("engine.queue_item where worker_queue = 'main'")
            .await?,
        1,
        "an override that is no name is ignored"
    );
    Ok(())
}

#[tokio::test]
async fn a_moment_outside_of_the_years_1_to_9999_is_refused_by_every_function() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let sql = "select p.proname::text, p.proargnames[a.place]::text, \
                      array(select format('%s => %s', p.proargnames[o.place], \
                                case o.type when 'jsonb'::regtype then '''{\"task\": \"t\"}''' \
                                            when 'text'::regtype then '''x''' \
                                            when 'text[]'::regtype then '''{x}''' \
                                            when 'timestamptz'::regtype then 'now()' \
                                            else '1' end) \
                            from unnest(p.proargtypes::oid[]) with ordinality as o(type, place) \
                            where o.place <= p.pronargs - p.pronargdefaults and o.place <> a.place) \
               from pg_proc as p, unnest(p.proargtypes::oid[]) with ordinality as a(type, place) \
               where p.proname like 'engine\\_%' and a.type = 'timestamptz'::regtype";
    let parameters = session.client.query(sql, &[]).await?;
    assert!(parameters.len() >= 10);
    for row in parameters {
        let (function, parameter): (&str, &str) = (row.get(0), row.get(1));
        let others: Vec<String> = row.get(2);
        for moment in [
            "infinity",
            "-infinity",
            "10000-01-01 00:00+00",
            "0001-12-31 00:00+00 BC",
            "294000-01-01 00:00+00",
        ] {
            let mut arguments = others.clone();
            arguments.push(format!("{parameter} => '{moment}'"));
            let call = format!("select {function}({})", arguments.join(", "));
            let refused = session.refused(&call).await?;
            assert_eq!(refused.code, "22023", "{call}: {refused:?}");
            assert!(refused.message.contains(parameter), "{call}: {refused:?}");
        }
    }
    for option in [
        "queue_timestamp",
        "delay_until",
        "idempotency_key_expires_at",
    ] {
        let run = format!(
            r#"{{"task": "t", "idempotency_key": "k", "{option}": "-009999-01-01T00:00:00Z"}}"#
        );
        for call in [
            format!("engine_trigger_many('[{run}]')"),
            format!(
                r#"engine_create_failed_run('{run}', '{{"type": "STRING_ERROR", "raw": "x"}}')"#
            ),
            format!(
                r#"engine_create_cancelled_run('{{"run_id": "cancelled"}}'::jsonb || '{run}')"#
            ),
            format!(
                r#"engine_set_schedule('s', 't', '* * * * *', options => '{{"{option}": "-009999-01-01T00:00:00Z"}}')"#
            ),
        ] {
            let refused = session.refused(&format!("select {call}")).await?;
            assert!(
                ["22023", "22032"].contains(&refused.code.as_str()),
                "{call}: {refused:?}"
            );
        }
        let item = format!(
            "select error_code from engine_create_batch(1) as b, engine_add_to_batch(b.batch_id, '[{run}]')"
        );
        assert_eq!(session.refused(&item).await?.code, "22023", "{item}");
    }
    for key in ["created_after", "created_before"] {
        for moment in [
            "infinity",
            "-009999-01-01T00:00:00Z",
            "294000-01-01T00:00:00Z",
        ] {
            let call = format!(r#"select engine_forget(filter => '{{"{key}": "{moment}"}}')"#);
            assert_eq!(session.refused(&call).await?.code, "22023", "{call}");
        }
    }
    let early =
        "select engine_trigger('t', queue_timestamp => '0001-01-01 00:00+00', priority_ms => 1000)";
    assert_eq!(session.refused(early).await?.code, "22023");
    Ok(())
}

#[tokio::test]
async fn a_retry_is_postponed_by_ten_years_at_most() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for key in ["minTimeoutInMs", "maxTimeoutInMs"] {
        let call = format!(r#"select engine_trigger('t', retry => '{{"{key}": 1e300}}')"#);
        assert_eq!(session.refused(&call).await?.code, "22023", "{call}");
    }
    session.trigger("t").await?;
    let held = session.take().await?;
    for retry in [
        r#"{"delay": 1e300}"#,
        r#"{"delay": 400000000000}"#,
        r#"{"timestamp": 1e300}"#,
    ] {
        let call = format!(
            r#"select engine_complete_attempt('{}', '{}', '{{"ok": false, "error": {{"type": "STRING_ERROR", "raw": "x"}}, "retry": {retry}}}')"#,
            held.run_id, held.snapshot_id
        );
        assert_eq!(session.refused(&call).await?.code, "22032", "{call}");
    }
    Ok(())
}

#[tokio::test]
async fn a_retry_policy_whose_delays_come_to_nothing_is_refused_wherever_one_is_given() -> Result<()>
{
    let session = Session::open(&Database::fresh().await?).await?;
    for key in ["minTimeoutInMs", "maxTimeoutInMs", "factor"] {
        let retry = format!(r#"{{"{key}": 0}}"#);
        for call in [
            format!("select engine_trigger('t', retry => '{retry}')"),
            format!(r#"select engine_trigger_many('[{{"task": "t", "retry": {retry}}}]')"#),
            format!("select engine_set_environment('default', retry => '{retry}')"),
            format!(
                r#"select engine_register_worker('default', '1', '[{{"id": "t", "retry": {retry}}}]')"#
            ),
        ] {
            let refused = session.refused(&call).await?;
            assert_eq!(refused.code, "22023", "{call}");
            assert!(refused.detail.contains(key), "{call}: {refused:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_machines_and_dequeues_cost_adds_up_to_a_number() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    for values in [
        "1e300, 1, 1",
        "1, 1e300, 1",
        "1, 1, 1e300",
        "1, 1, 'NaN'",
        "1, 1, -1",
    ] {
        let call = format!("select engine_set_machine('micro', {values})");
        assert_eq!(session.refused(&call).await?.code, "22023", "{call}");
    }
    for cost in ["-1", "1e300", "'Infinity'", "'NaN'"] {
        let call = format!("set engine.base_cost_in_cents = {cost}");
        assert_eq!(session.refused(&call).await?.code, "22023", "{call}");
    }
    let most = "set engine.base_cost_in_cents = 1000000; select engine_set_machine('micro', 1e6, 1e6, 1e6)";
    session.client.batch_execute(most).await?;
    session.trigger_with("'t', machine => 'micro'").await?;
    let held = session.take().await?;
    let long = serde_json::json!({"ok": true, "usage": {"durationMs": 1e18}});
    session.complete(&held, long).await?;
    let finite = "engine.run_state where cost_in_cents < 1e30 and base_cost_in_cents = 1e6";
    assert_eq!(session.count(finite).await?, 1);
    Ok(())
}

/// Calls of every function, with each required argument.
pub async fn calls(session: &Session) -> Result<Vec<String>> {
    let sql = "select format('select %s(%s)', p.proname, array_to_string(array( \
                      select case o.type when 'jsonb'::regtype then '''{}''::jsonb' \
                                         when 'text'::regtype then '''x''' \
                                         when 'text[]'::regtype then '''{x}''::text[]' \
                                         when 'timestamptz'::regtype then 'now()' \
                                         when 'boolean'::regtype then 'true' \
                                         else '1' end \
                      from unnest(p.proargtypes::oid[]) with ordinality as o(type, place) \
                      where o.place <= p.pronargs - p.pronargdefaults order by o.place), ', ')) \
               from pg_proc as p where p.proname like 'engine\\_%' and p.prokind = 'f' order by 1";
    let rows = session.client.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[tokio::test]
async fn what_writes_is_refused_with_advice_in_a_transaction_that_only_reads() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let calls = calls(&session).await?;
    session
        .client
        .batch_execute("set default_transaction_read_only = on")
        .await?;
    let mut refused = 0;
    for call in &calls {
        let Err(error) = session.client.query(call, &[]).await else {
            continue;
        };
        let error = error.as_db_error().context("not an error of the server")?;
        assert_ne!(error.code().code(), "XX000", "{call}: {error:?}");
        if error.code().code() == "25006" {
            assert!(
                error.hint().is_some_and(|hint| hint.contains("READ WRITE")),
                "{call}: {error:?}"
            );
            refused += 1;
        }
    }
    assert!(refused >= 25, "{refused} of {}", calls.len());
    Ok(())
}

#[tokio::test]
async fn an_error_that_passes_through_carries_no_backtrace() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.broken_on_purpose().await?;
    session
        .client
        .batch_execute("alter table engine.run add constraint no check (task <> 'no')")
        .await?;
    let refused = session.refused("select engine_trigger('no')").await?;
    assert_eq!(refused.code, "23514");
    for part in [&refused.message, &refused.detail, &refused.hint] {
        assert!(
            !part.contains("stack backtrace") && !part.contains(".rs:"),
            "{refused:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_key_of_a_run_that_is_postponed_to_the_end_of_time_has_an_end_that_readers_support()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let last = "'t', delay_until => '9999-12-31 23:59:59+00', debounce => '{\"key\": \"k\", \"delay\": \"1s\"}'";
    session.trigger_with(last).await?;
    let beyond = "engine.trigger_key where expires_at > '9999-12-31 23:59:59.999999+00'";
    assert_eq!(session.count(beyond).await?, 0);
    Ok(())
}
