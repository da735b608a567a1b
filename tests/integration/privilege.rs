//! Rights to call functions.

use anyhow::Result;
use engine_harness::{Database, Session};

#[tokio::test]
async fn a_role_calls_what_it_was_granted_and_touches_no_table() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let role = format!(
        "producer_{}",
        database
            .name()
            .replace(|c: char| !c.is_ascii_alphanumeric(), "_")
    );
    let role = &role[..role.len().min(60)];
    session
        .client
        .batch_execute(&format!("create role {role}; set role {role}"))
        .await?;
    for sql in [
        "select engine_trigger('t')",
        "select engine_dequeue()",
        "select * from engine.run",
    ] {
        assert_eq!(session.refused(sql).await?.code, "42501", "{sql}");
    }
    let grant = format!("reset role; select engine_grant('{role}', 'trigger'); set role {role}");
    session.client.batch_execute(&grant).await?;
    session.trigger("t").await?;
    for sql in [
        "select engine_dequeue()",
        "select * from engine.run",
        "delete from engine.queue_item",
    ] {
        assert_eq!(session.refused(sql).await?.code, "42501", "{sql}");
    }
    session
        .client
        .batch_execute(&format!(
            "reset role; drop owned by {role}; drop role {role}"
        ))
        .await?;
    assert_eq!(session.count("engine.queue_item").await?, 1);
    Ok(())
}

#[tokio::test]
async fn the_owner_of_a_database_may_not_create_the_extension() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.broken_on_purpose().await?;
    let (name, owner) = (database.name(), format!("owner_{}", std::process::id()));
    session
        .client
        .batch_execute(&format!(
            "drop extension engine; create role {owner}; alter database \"{name}\" owner to {owner}; \
             alter schema public owner to {owner}; set role {owner}"
        ))
        .await?;
    let refused = session.refused("create extension engine").await?;
    assert_eq!(refused.code, "42501", "{refused:?}");
    session
        .client
        .batch_execute(&format!(
            "reset role; alter database \"{name}\" owner to postgres; reassign owned by {owner} to postgres; \
             drop owned by {owner}; drop role {owner}"
        ))
        .await?;
    Ok(())
}

#[tokio::test]
async fn what_stands_in_the_callers_search_path_is_not_called() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .client
        .batch_execute(
            "create schema trap; \
             create function trap.jsonb_array_elements_text(jsonb) returns setof text language plpgsql \
                 as $$ begin raise 'trapped'; end $$; \
             create function trap.unnest(text[]) returns setof text language plpgsql as $$ begin raise 'trapped'; end $$; \
             set search_path = trap, public, pg_catalog",
        )
        .await?;
    session.trigger_with("'t', tags => array['a']").await?;
    let held = session.take().await?;
    session
        .complete(&held, serde_json::json!({"ok": true}))
        .await?;
    Ok(())
}
