//! Every function of the catalog that names something of a shard.

use anyhow::{Context, Result, ensure};
use engine_harness::{Database, Held, Session};

use super::{open, set};

/// Parameters that name something of a shard.
const NAMING: &[&str] = &[
    "run_id",
    "run_ids",
    "waitpoint_id",
    "waitpoint_ids",
    "batch_id",
    "parent_run_id",
    "environment_id",
    "run",
    "runs",
    "completions",
    "filter",
    "id",
];

/// Functions that are not about a shard although they name an environment: rights belong to roles of this server.
const OF_NO_SHARD: &[&str] = &["engine_grant", "engine_revoke"];

/// Functions that only read: they are executed while a shard is moved.
const READING: &[&str] = &[
    "engine_execution",
    "engine_execution_data",
    "engine_snapshots_since",
    "engine_run_result",
    "engine_batch_data",
    "engine_waitpoint_data",
    "engine_upcoming_runs",
    "engine_moved",
];

/// What is on shard 7.
struct There {
    held: Held,
    waitpoint: String,
    batch: String,
}

impl There {
    async fn make(session: &Session) -> Result<Self> {
        session
            .trigger_with("'t', environment_id => 'there'")
            .await?;
        let dequeue = "select run_id, snapshot_id from engine_dequeue(environment_id => 'there')";
        let row = session.client.query_one(dequeue, &[]).await?;
        let held = Held {
            run_id: row.get(0),
            snapshot_id: row.get(1),
        };
        let held = session.start(&held).await?;
        let sql = "select w.waitpoint_id, b.batch_id, s.id from engine_create_manual_waitpoint(environment_id => 'there') as w, \
                   engine_create_batch(environment_id => 'there') as b, \
                   engine_set_schedule('s7', 't', '0 9 * * *', environment_id => 'there') as s";
        let row = session.client.query_one(sql, &[]).await?;
        Ok(Self {
            held,
            waitpoint: row.get(0),
            batch: row.get(1),
        })
    }

    /// A value for a parameter.
    fn value(&self, function: &str, parameter: &str) -> Option<String> {
        let Held {
            run_id,
            snapshot_id,
        } = &self.held;
        Some(match (function, parameter) {
            // A new run chooses an id that names the shard.
            ("engine_trigger", "run_id") => "'cmibtzv1k0000abcd12345607'".to_owned(),
            ("engine_add_to_batch", "runs") => "'[{\"task\": \"t\"}]'".to_owned(),
            (_, "run_id" | "parent_run_id") => format!("'{run_id}'"),
            (_, "snapshot_id") => format!("'{snapshot_id}'"),
            (_, "run_ids") => format!("'{{{run_id}}}'"),
            (_, "snapshot_ids") => format!("'{{{snapshot_id}}}'"),
            (_, "waitpoint_id") => format!("'{}'", self.waitpoint),
            (_, "waitpoint_ids") => format!("'{{{}}}'", self.waitpoint),
            (_, "batch_id") => format!("'{}'", self.batch),
            (_, "environment_id") => "'there'".to_owned(),
            (_, "id") => "'s7'".to_owned(),
            (_, "run") => "'{\"task\": \"t\", \"environment_id\": \"there\"}'".to_owned(),
            (_, "runs") => "'[{\"task\": \"t\", \"environment_id\": \"there\"}]'".to_owned(),
            (_, "completions") => format!(
                "'[{{\"run_id\": \"{run_id}\", \"snapshot_id\": \"{snapshot_id}\", \"ok\": true}}]'"
            ),
            (_, "completion") => "'{\"ok\": true}'".to_owned(),
            (_, "error") => "'{\"type\": \"STRING_ERROR\", \"raw\": \"no\"}'".to_owned(),
            (_, "filter") => format!("'{{\"run_id\": \"{run_id}\"}}'"),
            (_, "capacity") => "1".to_owned(),
            (_, "action") => "'cancel'".to_owned(),
            (_, "delay_until" | "completed_after") => "'2100-01-01'".to_owned(),
            (_, "type") => "'DOCKER'".to_owned(),
            (_, "location" | "task" | "name" | "version" | "idempotency_key") => "'t'".to_owned(),
            _ => return None,
        })
    }
}

/// A call with the name of its function.
type Call = (String, String);

/// A call for each parameter of each function of the catalog that names something of a shard, with what else it needs.
async fn calls(session: &Session, there: &There) -> Result<Vec<Call>> {
    let sql = "select p.proname::text, p.proargnames[1:p.pronargs], (p.pronargs - p.pronargdefaults)::integer from pg_proc as p \
               join pg_depend as d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e' \
               join pg_extension as x on x.oid = d.refobjid and x.extname = 'engine' \
               where p.prokind = 'f' order by p.proname";
    let mut calls = Vec::new();
    for row in session.client.query(sql, &[]).await? {
        let (function, needed): (String, i32) = (row.get(0), row.get(2));
        let parameters: Option<Vec<String>> = row.get(1);
        let parameters = parameters.unwrap_or_default();
        let naming = parameters.iter().filter(|name| NAMING.contains(&&***name));
        for naming in naming.filter(|_| !OF_NO_SHARD.contains(&&*function)) {
            let mut given = Vec::new();
            for (index, parameter) in parameters.iter().enumerate() {
                // What is new is on the shard of its environment.
                let places = parameter == "environment_id" && !READING.contains(&&*function);
                if index >= usize::try_from(needed)? && parameter != naming && !places {
                    continue;
                }
                let value = there.value(&function, parameter);
                let value = value.with_context(|| format!("{function}: {parameter}"))?;
                given.push(format!("{parameter} => {value}"));
            }
            let call = format!("select * from {function}({})", given.join(", "));
            calls.push((function.clone(), call));
        }
    }
    Ok(calls)
}

/// SQLSTATE, message and detail of a call, or of its only element; the code is empty if it succeeds. It is rolled back.
async fn answer(session: &Session, call: &str) -> Result<[String; 3]> {
    session.client.batch_execute("begin").await?;
    let answer = session.client.query(call, &[]).await;
    session.client.batch_execute("rollback").await?;
    let rows = match answer {
        Ok(rows) => rows,
        Err(error) => {
            let error = error.as_db_error().context("the server is gone")?;
            let detail = error.detail().unwrap_or_default().to_owned();
            return Ok([
                error.code().code().to_owned(),
                error.message().to_owned(),
                detail,
            ]);
        }
    };
    let text = |name: &str| -> Option<String> {
        let row = rows.first()?;
        row.try_get::<_, Option<String>>(name).ok().flatten()
    };
    Ok(["error_code", "error_message", ""].map(|name| text(name).unwrap_or_default()))
}

const STATE: &str = "select md5(string_agg(s::text || coalesce(h::text, ''), ',' order by s.run_id)) \
                     from engine.run_state as s left join engine.heartbeat as h on h.run_id = s.run_id";

#[tokio::test]
async fn every_call_about_a_shard_that_is_away_is_refused_with_its_place() -> Result<()> {
    let session = open(&Database::fresh().await?).await?;
    let there = There::make(&session).await?;
    set(&session, "AWAY").await?;
    let calls = calls(&session, &there).await?;
    ensure!(calls.len() > 60, "{} calls", calls.len());
    for (function, call) in calls {
        let [code, message, detail] = answer(&session, &call).await?;
        if function == "engine_moved" {
            // A run that is not here has moved on.
            let moved = format!("({call}) as m where run_id = '{}'", there.held.run_id);
            assert_eq!(session.count(&moved).await?, 1);
            continue;
        }
        assert_eq!(code, "RE020", "{call}: {message}");
        ensure!(message.contains("shard 7"), "{call}: {message}");
        ensure!(
            detail.is_empty() || detail.contains("\"node-b\""),
            "{call}: {detail}"
        );
    }
    set(&session, "SERVING").await?;
    session.check().await
}

#[tokio::test]
async fn a_shard_that_is_moved_can_be_read_and_not_written() -> Result<()> {
    let session = open(&Database::fresh().await?).await?;
    let there = There::make(&session).await?;
    let before: String = session.client.query_one(STATE, &[]).await?.get(0);
    set(&session, "MOVING").await?;
    for (function, call) in calls(&session, &there).await? {
        let [code, message, _] = answer(&session, &call).await?;
        let is_reading = READING.contains(&&*function);
        let expected = if is_reading { "" } else { "RE021" };
        assert_eq!(code, expected, "{call}: {message}");
        ensure!(
            is_reading || message.contains("shard 7"),
            "{call}: {message}"
        );
    }
    let after: String = session.client.query_one(STATE, &[]).await?.get(0);
    assert_eq!(before, after);
    set(&session, "SERVING").await?;
    for (_, call) in calls(&session, &there).await? {
        let [code, message, _] = answer(&session, &call).await?;
        ensure!(!["RE020", "RE021"].contains(&&*code), "{call}: {message}");
    }
    session.check().await
}

#[tokio::test]
async fn of_many_runs_only_those_of_the_shard_are_refused() -> Result<()> {
    let session = open(&Database::fresh().await?).await?;
    let there = There::make(&session).await?.held;
    let here = session.executing("here").await?;
    let ids = format!("'{{{},{}}}'", there.run_id, here.run_id);
    let snapshots = format!("'{{{},{}}}'", there.snapshot_id, here.snapshot_id);
    let completion = |held: &Held| {
        format!(
            "{{\"run_id\": \"{}\", \"snapshot_id\": \"{}\", \"ok\": true}}",
            held.run_id, held.snapshot_id
        )
    };
    let completions = format!("'[{}, {}]'", completion(&there), completion(&here));
    for (state, code) in [("MOVING", "RE021"), ("AWAY", "RE020")] {
        set(&session, state).await?;
        for call in [
            format!("engine_heartbeat_many({ids}, {snapshots})"),
            format!("engine_complete_many({completions})"),
            format!("engine_work({completions}, max_runs => 0)"),
        ] {
            session.client.batch_execute("begin").await?;
            let sql = format!("select run_id, error_code, snapshot_id from {call}");
            let rows = session.client.query(&sql, &[]).await?;
            session.client.batch_execute("rollback").await?;
            let codes: Vec<Option<&str>> = rows.iter().map(|row| row.get(1)).collect();
            assert_eq!(codes, [Some(code), None], "{call}");
            let answered: Option<&str> = rows[1].get(2);
            ensure!(answered.is_some(), "{call}");
            assert_eq!(rows[0].get::<_, &str>(0), there.run_id);
        }
    }
    set(&session, "SERVING").await?;
    session.check().await
}

#[tokio::test]
async fn a_record_keeps_its_place_until_the_shard_is_served() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let place = async |arguments: &str| -> Result<Option<String>> {
        let sql = format!("select place from engine_set_shard({arguments})");
        Ok(session.client.query_one(&sql, &[]).await?.get(0))
    };
    assert_eq!(
        place("9, 'MOVING', 'node-b'").await?.as_deref(),
        Some("node-b")
    );
    assert_eq!(place("9, 'AWAY'").await?.as_deref(), Some("node-b"));
    assert_eq!(place("9, 'SERVING'").await?, None);
    assert_eq!(place("9, 'AWAY'").await?, None);
    for (arguments, code) in [
        ("1296, 'AWAY'", "22023"),
        ("9, 'GONE'", "22023"),
        ("9, 'SERVING', 'here'", "22023"),
        ("9, 'AWAY', repeat('x', 1025)", "22023"),
        ("null, 'AWAY'", "22004"),
        ("9, null", "22004"),
    ] {
        let refused = session
            .refused(&format!("select engine_set_shard({arguments})"))
            .await?;
        assert_eq!(refused.code, code, "{arguments}");
    }
    let elsewhere = "select engine_set_environment('new', shard => 9)";
    assert_eq!(session.refused(elsewhere).await?.code, "RE020");
    Ok(())
}

#[tokio::test]
async fn a_stricter_transaction_leaves_no_old_record_behind() -> Result<()> {
    let database = Database::fresh().await?;
    let session = open(&database).await?;
    let strict = Session::open(&database).await?;
    let trigger = "select engine_trigger('t', environment_id => 'there')";
    let begin = "begin isolation level repeatable read; select 1";
    strict.client.batch_execute(begin).await?;
    set(&session, "MOVING").await?;
    // Its snapshot is older than the record.
    strict.client.batch_execute(trigger).await?;
    strict.client.batch_execute("commit").await?;
    assert_eq!(strict.refused(trigger).await?.code, "RE021");
    Ok(())
}
