//! The greatest and the least numbers that calls accept.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use engine_harness::{Database, Session};
use tokio::time::timeout;

/// Many times what a call may take that is cancelled.
const PATIENCE: Duration = Duration::from_secs(20);

/// Calls that keep numbers, each with what it needs besides; the environment and the queue are the same in all of them.
const KEEPING: [(&str, &str); 7] = [
    ("engine_set_environment", "environment_id => 'e'"),
    ("engine_set_queue", "name => 'q', environment_id => 'e'"),
    ("engine_set_quota", "environment_id => 'e'"),
    ("engine_event_reader", "name => 'r'"),
    (
        "engine_trigger",
        "task => 't', queue => 'q', environment_id => 'e'",
    ),
    ("engine_create_batch", "environment_id => 'e'"),
    (
        "engine_bulk",
        "action => 'cancel', filter => '{\"environment\": \"e\"}'",
    ),
];

/// Of these the first that is accepted is kept: the greatest of the type, and powers of ten below it.
fn greatest(kind: &str) -> Vec<String> {
    let greatest = match kind {
        "integer" => i32::MAX.to_string(),
        "bigint" => i64::MAX.to_string(),
        _ => "1e300".to_owned(),
    };
    let powers = (0..19)
        .rev()
        .map(|power| 10_i64.pow(power).to_string())
        .filter(|power| kind != "integer" || power.len() < 11);
    std::iter::once(greatest).chain(powers).collect()
}

/// The same for the least fraction.
fn least(kind: &str) -> Vec<String> {
    match kind {
        "double precision" => (0..=30)
            .map(|step| format!("1e-{}", 300 - step * 10))
            .collect(),
        _ => Vec::new(),
    }
}

/// Everything that readers read, and what ticks and workers do.
async fn everything(session: &Session) -> Result<()> {
    let views = "select format('select to_jsonb(t)::text from engine.%I as t', c.relname) from pg_class as c \
                 where c.relnamespace = 'engine'::regnamespace and c.relkind in ('r', 'v') order by c.relname";
    for row in session.client.query(views, &[]).await? {
        session.client.query(row.get::<_, &str>(0), &[]).await?;
    }
    for call in [
        "engine_check()",
        "engine_doctor()",
        "engine_metrics()",
        "engine_retention()",
        "engine_events()",
        "engine_tick()",
        "engine_trigger('t', queue => 'q', environment_id => 'e')",
        "engine_dequeue(environment_id => 'e')",
        "engine_sweep()",
    ] {
        let answer = session.client.query(&format!("select {call}"), &[]).await;
        // A bound of almost nothing refuses the next run.
        let is_refused = |error: &tokio_postgres::Error| {
            error
                .code()
                .is_some_and(|code| code.code().starts_with("RE"))
        };
        if let Err(error) = answer
            && !is_refused(&error)
        {
            return Err(error.into());
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_greatest_and_least_numbers_that_calls_accept_leave_everything_readable() -> Result<()>
{
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .client
        .batch_execute("select engine_set_environment('e'); select engine_set_queue('q', 'e')")
        .await?;
    let numbers = "select p.proargnames[a.place]::text, format_type(a.type, null) \
                   from pg_proc as p, unnest(p.proargtypes::oid[]) with ordinality as a(type, place) \
                   where p.proname = $1 and a.type in ('integer'::regtype, 'bigint'::regtype, 'double precision'::regtype)";
    let mut kept = 0;
    for (function, needed) in KEEPING {
        for row in session.client.query(numbers, &[&function]).await? {
            let (parameter, kind): (&str, &str) = (row.get(0), row.get(1));
            for candidates in [greatest(kind), least(kind)] {
                for number in candidates {
                    let call = format!("select {function}({needed}, {parameter} => {number})");
                    if session.client.query(&call, &[]).await.is_ok() {
                        kept += 1;
                        break;
                    }
                }
                if let Err(error) = everything(&session).await {
                    let database = error.downcast_ref::<tokio_postgres::Error>();
                    let database = database.and_then(tokio_postgres::Error::as_db_error);
                    bail!("after {parameter} of {function}: {database:?}");
                }
            }
        }
    }
    ensure!(kept >= 15, "only {kept} numbers were kept");
    Ok(())
}

#[tokio::test]
async fn a_call_for_the_greatest_number_can_be_cancelled() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let schedule =
        "select engine_set_schedule('s', 't', '30 2 * * *', timezone => 'Europe/Berlin')";
    session.client.batch_execute(schedule).await?;
    let calls = "select format('select %s(%s %s => 100000)', p.proname, \
                        case when p.proname = 'engine_upcoming_runs' then 'id => ''s'',' else '' end, a.name) \
                 from pg_proc as p, unnest(p.proargnames) as a(name) \
                 where p.proname like 'engine\\_%' and a.name in ('max_runs', 'max_items', 'max_events') \
                   and p.pronargs - p.pronargdefaults <= (p.proname = 'engine_upcoming_runs')::int";
    let calls: Vec<String> = session
        .client
        .query(calls, &[])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    ensure!(calls.len() >= 5, "only {calls:?}");
    session
        .client
        .batch_execute("set statement_timeout = '300ms'")
        .await?;
    for call in calls {
        match timeout(PATIENCE, session.client.query(&call, &[])).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                let code = error.code().map(tokio_postgres::error::SqlState::code);
                ensure!(
                    code == Some("57014") || code == Some("22023"),
                    "{call}: {error:?}"
                );
            }
            Err(_) => bail!("{call} is not to be cancelled"),
        }
    }
    Ok(())
}
