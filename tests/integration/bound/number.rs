//! The greatest numbers that calls accept.

use anyhow::{Result, ensure};
use engine_harness::{Database, Session};

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

/// The greatest of these that is accepted is kept: those of the types, and powers of ten below them.
fn candidates(kind: &str) -> Vec<String> {
    let greatest = match kind {
        "integer" => i32::MAX.to_string(),
        "bigint" => i64::MAX.to_string(),
        _ => "1e300".to_owned(),
    };
    let powers = (0..19)
        .rev()
        .map(|power| format!("{}", 10_i64.pow(power)))
        .filter(|power| kind != "integer" || power.len() < 11);
    std::iter::once(greatest).chain(powers).collect()
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
        session.client.query(&format!("select {call}"), &[]).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_greatest_numbers_that_calls_accept_leave_everything_readable() -> Result<()> {
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
            for number in candidates(kind) {
                let call = format!("select {function}({needed}, {parameter} => {number})");
                if session.client.query(&call, &[]).await.is_ok() {
                    kept += 1;
                    break;
                }
            }
            if let Err(error) = everything(&session).await {
                let database = error.downcast_ref::<tokio_postgres::Error>();
                let database = database.and_then(tokio_postgres::Error::as_db_error);
                ensure!(false, "after {parameter} of {function}: {database:?}");
            }
        }
    }
    ensure!(kept >= 15, "only {kept} numbers were kept");
    Ok(())
}
