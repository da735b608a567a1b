//! The audit: what somebody did, of sessions that say who acts.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use engine_core::Capabilities;
use engine_harness::{Database, Session};
use serde_json::{Value, json};

use super::{Role, functions};

/// The entries, the oldest first.
async fn entries(session: &Session) -> Result<Vec<Value>> {
    let sql = "select jsonb_build_object('actor', actor, 'action', action, 'environment', environment_id, \
                      'arguments', arguments) from engine.audit order by id";
    let rows = session.client.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[tokio::test]
async fn every_action_is_noted_by_whom_and_nothing_else_is() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let mut noted = BTreeSet::new();
    for (name, parameters) in functions(&session).await? {
        if name == "engine_wait" {
            // A procedure: it works, and ends the transaction of its caller.
            continue;
        }
        // Whoever notes the call sees that this name is too long.
        let nulls = parameters.iter().map(|(_, of)| format!("null::{of}"));
        let call = format!(
            "begin; select set_config('engine.actor', repeat('a', 1025), true); select {name}({})",
            nulls.collect::<Vec<_>>().join(", ")
        );
        let answer = session.client.batch_execute(&call).await;
        session.client.batch_execute("rollback").await?;
        if let Err(error) = answer {
            let error = error.as_db_error().context("the server is gone")?;
            if error.message().contains("engine.actor") {
                ensure!(error.code().code() == "22023", "{name}: {error:?}");
                noted.insert(name);
            }
        }
    }
    let functions = functions(&session).await?;
    let actions = functions
        .keys()
        .filter(|name| Capabilities::of(name).are_of_actions());
    assert_eq!(noted, actions.cloned().collect());
    ensure!(
        noted.contains("engine_set_queue") && noted.contains("engine_grant"),
        "{noted:?}"
    );
    Ok(())
}

#[tokio::test]
async fn an_entry_says_who_did_what_where_and_keeps_no_payload() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let unnamed = "select engine_set_environment('shop'); \
                   select engine_trigger('t', run_id => 'known', environment_id => 'shop')";
    session.client.batch_execute(unnamed).await?;
    let named = "set engine.actor = 'anna'; \
                 select engine_set_queue('mail', 'shop', paused => true, reason => 'out of paper', override_limit => null); \
                 select engine_cancel('run_known', 'no longer needed'); \
                 select engine_trigger('t', '{\"secret\": 1}', metadata => '{\"secret\": 2}'); \
                 select engine_bulk('cancel', '{\"task\": \"flood\"}'); \
                 select engine_bulk('cancel', '{\"task\": \"flood\"}', dry_run => false); \
                 set engine.actor = ''; \
                 select engine_set_queue('mail', 'shop', paused => false)";
    session.client.batch_execute(named).await?;
    let found = entries(&session).await?;
    let actions: Vec<&Value> = found.iter().map(|entry| &entry["action"]).collect();
    assert_eq!(
        actions,
        [
            "engine_set_queue",
            "engine_cancel",
            "engine_trigger",
            "engine_bulk"
        ],
        "a dry run shows only"
    );
    ensure!(
        found.iter().all(|entry| entry["actor"] == "anna"),
        "{found:?}"
    );
    ensure!(!json!(found).to_string().contains("secret"), "{found:?}");
    let arguments = json!({"name": "mail", "environment_id": "shop", "paused": "true", "reason": "out of paper", "override_limit": null});
    assert_eq!(found[0]["arguments"], arguments);
    assert_eq!(found[0]["environment"], "shop");
    assert_eq!(found[1]["environment"], "shop", "that of the run");
    assert_eq!(found[3]["arguments"]["filter"], r#"{"task": "flood"}"#);
    let roles = "engine.audit where role = current_user and session_role = session_user";
    assert_eq!(session.count(roles).await?, 4);
    session.check().await
}

#[tokio::test]
async fn what_is_refused_or_rolled_back_is_no_action() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .client
        .batch_execute("set engine.actor = 'anna'")
        .await?;
    session
        .refused("select engine_cancel('run_unknown')")
        .await?;
    let undone = "begin; select engine_set_queue('mail'); rollback";
    session.client.batch_execute(undone).await?;
    assert_eq!(entries(&session).await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn a_reader_of_an_environment_sees_what_was_done_there() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let role = Role::create(&session, "auditor").await?;
    let done = "select engine_set_environment('own'); select engine_set_environment('other'); \
                set engine.actor = 'anna'; \
                select engine_set_queue('mail', 'own'); select engine_set_queue('mail', 'other'); \
                select engine_set_machine('micro', 1, 1, 1); \
                select engine_set_schedule('nightly', 't', '0 3 * * *', environment_id => 'own'); \
                select engine_delete_schedule('nightly'); \
                set engine.actor = ''";
    session.client.batch_execute(done).await?;
    role.granted(&session, "read", "own").await?;
    let read = "select action, arguments ->> 'environment_id' from engine.audit order by id";
    let seen = role.answer(&session, read).await?;
    let own = [
        "engine_set_queue own",
        "engine_set_schedule own",
        "engine_delete_schedule null",
    ];
    assert_eq!(seen, Ok(own.map(str::to_owned).to_vec()));
    let table = role
        .code(&session, "select from engine.audit_entry")
        .await?;
    assert_eq!(table, "42501");
    role.drop(&session).await
}

#[tokio::test]
async fn an_entry_is_kept_for_a_year() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let act = "set engine.actor = 'anna'; select engine_set_queue('mail')";
    session.client.batch_execute(act).await?;
    session.client.batch_execute(act).await?;
    let age = "update engine.audit_entry set acted_at = acted_at - interval '366 days' \
               where id = (select min(id) from engine.audit_entry)";
    session.client.batch_execute(age).await?;
    session.client.batch_execute(act).await?;
    assert_eq!(entries(&session).await?.len(), 2);
    Ok(())
}
