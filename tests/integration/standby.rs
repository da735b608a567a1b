//! A standby answers reads, and refuses writes with advice; errors carry no backtraces.

use anyhow::{Context, Result};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Options, Session};
use tokio_postgres::error::DbError;

use crate::wakeup::PATIENCE;

/// Calls of every function and procedure, with each required argument naming something that exists.
async fn calls(session: &Session, run_id: &str, snapshot_id: &str) -> Result<Vec<String>> {
    let sql = "select format('%s %s(%s)', case p.prokind when 'p' then 'call' else 'select * from' end, p.proname, \
                      array_to_string(array( \
                      select format('%s => %s', a.name, case \
                          when a.name = 'run_id' then quote_literal($1::text) \
                          when a.name = 'snapshot_id' then quote_literal($2::text) \
                          when a.name = 'run_ids' then quote_literal(array[$1::text]) \
                          when a.name = 'snapshot_ids' then quote_literal(array[$2::text]) \
                          when a.name in ('completions', 'runs') then '''[{\"task\": \"t\"}]''' \
                          when a.name = 'completion' then '''{\"ok\": true}''' \
                          when a.name = 'error' then '''{\"type\": \"STRING_ERROR\", \"raw\": \"x\"}''' \
                          when a.name = 'name' then '''micro''' \
                          when a.name = 'type' then '''DOCKER''' \
                          when a.name = 'id' then '''s''' \
                          when a.name = 'environment_id' then '''default''' \
                          when a.name = 'wait_ms' then '5' \
                          when a.type = 'jsonb'::regtype then '''{\"task\": \"t\"}''' \
                          when a.type = 'text'::regtype then '''x''' \
                          when a.type = 'text[]'::regtype then '''{x}''' \
                          when a.type = 'timestamptz'::regtype then 'now()' \
                          when a.type = 'boolean'::regtype then 'true' \
                          else '1' end) \
                      from unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) with ordinality as a(name, type, place) \
                      where a.place <= p.pronargs - p.pronargdefaults or a.name = 'wait_ms'), ', ')) \
               from pg_proc as p where p.proname like 'engine\\_%' order by 1";
    let rows = session.client.query(sql, &[&run_id, &snapshot_id]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Whether an error contains a backtrace of the library.
fn has_backtrace(error: &DbError) -> bool {
    let texts = [Some(error.message()), error.detail(), error.hint()];
    texts.into_iter().flatten().any(|text| {
        ["backtrace", ".rs:", "0: "]
            .iter()
            .any(|part| text.contains(part))
    })
}

/// Functions that only read; all others are refused on a standby.
const READERS: &[&str] = &[
    "engine_batch_data",
    "engine_check",
    "engine_doctor",
    "engine_events",
    "engine_execution",
    "engine_execution_data",
    "engine_metrics",
    "engine_moved",
    "engine_retention",
    "engine_run_result",
    "engine_snapshots_since",
    "engine_upcoming_runs",
    "engine_version",
    "engine_waitpoint_data",
];

#[tokio::test]
async fn a_standby_answers_reads_and_refuses_everything_else_with_advice() -> Result<()> {
    let mut cluster = Cluster::start(Options::quick()).await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    session
        .client
        .batch_execute(
            "select engine_set_schedule('s', 't', '* * * * *'); \
             select engine_create_manual_waitpoint(); select engine_create_batch(1)",
        )
        .await?;
    session.trigger("t").await?;
    let held = session.take().await?;
    session.trigger("t").await?;
    let calls = calls(&session, &held.run_id, &held.snapshot_id).await?;
    assert!(calls.len() > 45, "{} functions", calls.len());
    drop(session);
    cluster.become_standby()?;

    let session = Session::open(&database).await?;
    let mut wrong = Vec::new();
    for call in &calls {
        let answer = session.client.query(call, &[]).await;
        let refused = match &answer {
            Ok(_) => None,
            Err(error) => Some(error.as_db_error().with_context(|| call.clone())?),
        };
        let is_reader = READERS
            .iter()
            .any(|name| call.contains(&format!("{name}(")));
        let is_right = match refused {
            None => is_reader,
            Some(refused) => {
                !is_reader
                    && refused.code().code() == "25006"
                    && refused.hint().is_some_and(|hint| hint.contains("primary"))
                    && !has_backtrace(refused)
            }
        };
        if !is_right {
            wrong.push((call, answer.map(|rows| rows.len())));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let views = "select oid::regclass::text from pg_class \
                 where relnamespace = 'engine'::regnamespace and relkind in ('v', 'r')";
    for row in session.client.query(views, &[]).await? {
        let name: &str = row.get(0);
        session
            .client
            .query(&format!("select * from {name}"), &[])
            .await
            .with_context(|| format!("{name} cannot be read"))?;
    }
    let events = session
        .client
        .query("select * from engine_events()", &[])
        .await?;
    assert!(events.len() >= 5, "{} events", events.len());
    Ok(())
}

#[tokio::test]
async fn a_wait_that_is_ended_is_ended_as_every_statement_is() -> Result<()> {
    let database = engine_harness::Database::fresh().await?;
    let session = Session::open(&database).await?;
    for wait in [
        "select run_id from engine_dequeue(wait_ms => 60000)",
        "call engine_wait(wait_ms => 60000)",
    ] {
        session
            .client
            .batch_execute("set statement_timeout = '50ms'")
            .await?;
        let ended = session.client.query(wait, &[]).await.err().context(wait)?;
        let ended = ended.as_db_error().context("not an error of the server")?;
        assert_eq!(ended.code().code(), "57014", "{ended:?}");
        assert!(
            ended.detail().is_none() && !has_backtrace(ended),
            "{ended:?}"
        );
        session
            .client
            .batch_execute("set statement_timeout = 0")
            .await?;

        let waiting = Session::open(&database).await?;
        let pid: i32 = waiting
            .client
            .query_one("select pg_backend_pid()", &[])
            .await?
            .get(0);
        let (answer, cancelled) = tokio::join!(waiting.client.query(wait, &[]), async {
            let sleeps = format!(
                "pg_stat_activity where pid = {pid} and state = 'active' and wait_event_type = 'Extension'"
            );
            eventually("the session waits", PATIENCE, async || {
                Ok(session.count(&sleeps).await? == 1)
            })
            .await?;
            let cancel = format!("select pg_cancel_backend({pid})");
            session.client.query(&cancel, &[]).await?;
            anyhow::Ok(())
        });
        cancelled?;
        let ended = answer.err().context(wait)?;
        let ended = ended.as_db_error().context("not an error of the server")?;
        assert_eq!(ended.code().code(), "57014", "{ended:?}");
        assert!(
            ended.detail().is_none() && !has_backtrace(ended),
            "{ended:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_error_of_postgres_passes_through_as_it_is() -> Result<()> {
    let session = Session::open(&engine_harness::Database::fresh().await?).await?;
    session.broken_on_purpose().await?;
    for code in [
        "54000", "54001", "53100", "53200", "57014", "40001", "40P01", "55P03", "22003", "XX001",
    ] {
        let trigger = format!(
            "create or replace function pg_temp.fail() returns trigger language plpgsql as \
                 $$begin raise exception 'in the way' using errcode = '{code}'; end$$; \
             create or replace trigger fail before insert on engine.run for each row execute function pg_temp.fail()"
        );
        session.client.batch_execute(&trigger).await?;
        let refused = session
            .client
            .query("select engine_trigger('t')", &[])
            .await;
        let refused = refused.err().context("not refused")?;
        let refused = refused
            .as_db_error()
            .context("not an error of the server")?;
        assert_eq!(refused.code().code(), code, "{refused:?}");
        assert_eq!(refused.message(), "in the way");
        assert!(
            refused.detail().is_none() && !has_backtrace(refused),
            "{refused:?}"
        );
    }
    Ok(())
}
