//! Rights by duty, as engine-ext/README.md grants them: the capabilities of each are what it needs, and none is left over.

use anyhow::{Context, Result, ensure};
use engine_harness::{Database, Session};

/// The actions of a role with a duty, in a transaction that is rolled back. Runs `w1` to `w6` are queued.
const TRIGGER: &str = "
    select engine_trigger('t', run_id => 'a', delay_until => now() + interval '1 hour', idempotency_key => 'k');
    select engine_trigger_many('[{\"task\": \"t\"}]');
    select engine_reschedule('a', now() + interval '2 hours');
    select engine_reset_idempotency_key('t', 'k');
    select engine_run_result('a');
    select engine_cancel('a');
    select engine_replay('a');
    do $$ declare b text; begin
        select batch_id into b from engine_create_batch(2);
        perform engine_add_to_batch(b, '[{\"task\": \"t\"}]');
        perform engine_seal_batch(b);
    end $$";
const WORK: &str = "
    do $$ declare r text[]; s text[]; one text; begin
        perform engine_lead();
        perform engine_tick();
        select array_agg(run_id), array_agg(snapshot_id) into r, s from engine_dequeue(max_runs => 6);
        perform engine_release(r[6], s[6]);
        select snapshot_id into one from engine_start_attempt(r[1], s[1]);
        perform engine_execution(r[1]);
        perform engine_heartbeat(r[1], one);
        perform engine_heartbeat_many(r[1:1], array[one]);
        perform engine_moved(r[1:1], array[one]);
        perform engine_report_worker(1, 'w');
        perform engine_complete_attempt(r[1], one, '{\"ok\": true}');
        select array_agg(run_id), array_agg(snapshot_id) into r, s from engine_start_many(r[2:4], s[2:4]);
        perform engine_complete_many(jsonb_build_array(jsonb_build_object('run_id', r[1], 'snapshot_id', s[1], 'ok', true)));
        perform engine_work(max_runs => 0);
        perform engine_succeed(r[2], s[2]);
        perform engine_fail(r[3], s[3]);
    end $$";
const WAIT: &str = "
    do $$ declare r text; s text; w text; b text; begin
        select run_id, snapshot_id into r, s from engine_dequeue();
        perform engine_start_attempt(r, s);
        select waitpoint_id into w from engine_create_manual_waitpoint();
        perform engine_create_datetime_waitpoint(now() + interval '1 hour');
        perform engine_run_waitpoint('w6');
        select snapshot_id into s from engine_block(r, array[w]);
        perform engine_unblock(r);
        perform engine_waitpoint_data(w);
        perform engine_create_checkpoint(r, s, 'DOCKER', 'here');
        perform engine_complete_waitpoint(w);
        perform engine_tick();
        select snapshot_id into s from engine_dequeue(max_runs => 6) where run_id = r;
        perform engine_continue(r, s);
        select batch_id into b from engine_create_batch(1, parent_run_id => r, resume_parent => true);
        perform engine_add_to_batch(b, '[{\"task\": \"t\"}]');
        perform engine_batch_data(b);
    end $$";
const OPERATE: &str = "
    select engine_set_environment('x');
    select engine_set_queue('q', concurrency_limit => 5);
    select engine_set_quota('x', schedules => 5);
    select engine_set_machine('micro', 1, 1, 1);
    select engine_set_shard(9, 'SERVING');
    select engine_register_worker('default', '1');
    select engine_promote_worker('default', '1');
    select engine_set_schedule('s', 't', '* * * * *');
    select engine_upcoming_runs('s');
    select engine_run_schedule('s');
    select engine_delete_schedule('s');
    select engine_set_retention(keep => '1 day');
    select engine_retention();
    select engine_delete_retention();
    select engine_sweep();
    select engine_cancel('w1');
    select engine_replay('w1');
    do $$ begin perform engine_redrive('w2'); exception when sqlstate 'RE004' then null; end $$;
    select engine_create_cancelled_run('{\"task\": \"t\"}');
    do $$ begin perform engine_forget('w2'); exception when sqlstate 'RE004' then null; end $$;
    select engine_bulk('cancel', '{\"task\": \"none\"}', dry_run => false);
    do $$ begin perform engine_bulk_stop('none'); exception when sqlstate 'RE018' then null; end $$;
    select engine_create_failed_run('{\"task\": \"t\"}', '{\"type\": \"STRING_ERROR\", \"raw\": \"no\"}');
    select engine_tick();
    select engine_check();
    select engine_doctor();
    select engine_metrics();
    do $$ begin perform engine_set_test_clock(now()); exception when sqlstate '55000' then null; end $$";
const READ: &str = "
    select engine_events();
    select engine_event_reader('r');
    select engine_event_ack('r', 1);
    select engine_delete_event_reader('r');
    select engine_execution_data('w1');
    select engine_snapshots_since('w1', snapshot_id) from engine_run_result('w1');
    select engine_waitpoint_data('none');
    select engine_batch_data('none');
    do $$ begin perform engine_upcoming_runs('none'); exception when sqlstate 'RE014' then null; end $$;
    select engine_check();
    select engine_doctor();
    select engine_metrics();
    select engine_version()";

/// Does the actions of a duty as a role, and rolls back; returns the code and the message of the error that ended them.
async fn tour(
    session: &Session,
    role: &str,
    duty: &str,
    sql: &str,
) -> Result<Option<(String, String)>> {
    let execute = async |sql: &str| session.client.batch_execute(sql).await;
    let mut parts = vec![format!("begin; set local role {role}; {sql}")];
    if duty == "work" {
        execute(&format!("set role {role}")).await?;
        parts.insert(0, "call engine_wait(wait_ms => 0)".to_owned());
    }
    let mut refused = None;
    for part in parts {
        if let Err(error) = execute(&part).await {
            let error = error.as_db_error().context("the server is gone")?;
            refused = Some((error.code().code().to_owned(), error.message().to_owned()));
            break;
        }
    }
    execute("rollback; reset role").await?;
    Ok(refused)
}

#[tokio::test]
async fn the_capabilities_of_a_duty_are_all_that_its_role_needs_and_none_can_be_missed()
-> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let id = database.name().bytes().fold(0_u64, |id, byte| {
        id.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    let role = format!("duty_{id}");
    let change = async |verb: &str, capability: &str| {
        let sql = format!("select engine_{verb}('{role}', '{capability}')");
        session.client.batch_execute(&sql).await
    };
    let create = format!("create role {role}");
    session.client.batch_execute(&create).await?;
    for run in 1..=6 {
        session
            .trigger_with(&format!("'t', run_id => 'w{run}'"))
            .await?;
    }
    for (duty, sql, capabilities) in [
        ("trigger", TRIGGER, &["trigger"][..]),
        ("work", WORK, &["work", "tick"]),
        ("wait", WAIT, &["work", "wait", "trigger", "tick"]),
        ("operate", OPERATE, &["operate"]),
        ("read", READ, &["read"]),
    ] {
        for capability in capabilities {
            change("grant", capability).await?;
        }
        assert_eq!(tour(&session, &role, duty, sql).await?, None, "{duty}");
        for capability in capabilities {
            change("revoke", capability).await?;
            let refused = tour(&session, &role, duty, sql).await?;
            let (code, message) =
                refused.with_context(|| format!("{duty} without {capability}"))?;
            ensure!(code == "42501", "{duty} without {capability}: {message}");
            change("grant", capability).await?;
        }
        for capability in capabilities {
            change("revoke", capability).await?;
        }
    }
    let drop = format!("drop owned by {role}; drop role {role}");
    Ok(session.client.batch_execute(&drop).await?)
}

#[tokio::test]
async fn a_reader_reads_every_view_and_no_table() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger("t").await?;
    let sql = "select relname::text, relkind = 'v' from pg_class \
               where relnamespace = 'engine'::regnamespace and relkind in ('r', 'v')";
    let relations = session.client.query(sql, &[]).await?;
    let role = format!("reader_{}", std::process::id());
    let grant = format!("create role {role}; grant usage on schema engine to {role}");
    session.client.batch_execute(&grant).await?;
    for row in relations {
        let (name, is_view): (&str, bool) = (row.get(0), row.get(1));
        if is_view {
            let grant = format!("grant select on engine.{name} to {role}");
            session.client.batch_execute(&grant).await?;
        }
        let read = format!("set role {role}; select count(*) from engine.{name}; reset role");
        let answer = session.client.batch_execute(&read).await;
        session.client.batch_execute("reset role").await?;
        assert_eq!(answer.is_ok(), is_view, "{name}: {answer:?}");
    }
    let drop = format!("drop owned by {role}; drop role {role}");
    Ok(session.client.batch_execute(&drop).await?)
}
