//! A session remembers in which environment a run is. An id may come to name a run of another one.

use anyhow::Result;
use engine_harness::{Database, Session};

use super::Role;

/// The id that is chosen twice; its end names the shard.
const ID: &str = "chosen000000000000000000a00";

/// Ways in which the tenant's session learns of a run of its own that is gone afterwards.
const WAYS: [&str; 4] = [
    // Known by a call, then removed.
    "select engine_trigger('t', environment_id => 'own', run_id => 'ID'); \
     select engine_heartbeat('ID', 'any'); select engine_heartbeat('ID', 'any')",
    // Known by its dequeue, then removed.
    "select engine_trigger('t', environment_id => 'own', run_id => 'ID'); \
     select engine_dequeue(environment_id => 'own')",
    "begin; select engine_trigger('t', environment_id => 'own', run_id => 'ID'); \
     select engine_heartbeat('ID', 'any'); select engine_dequeue(environment_id => 'own'); rollback",
    "begin; savepoint s; select engine_trigger('t', environment_id => 'own', run_id => 'ID'); \
     select engine_heartbeat('ID', 'any'); select engine_dequeue(environment_id => 'own'); rollback to s; commit",
];

#[tokio::test]
async fn a_run_that_is_gone_gives_no_right_to_a_foreign_one_with_its_id() -> Result<()> {
    let database = Database::fresh().await?;
    let (owner, tenant) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let environments =
        "select engine_set_environment('own'); select engine_set_environment('foreign')";
    owner.client.batch_execute(environments).await?;
    let role = Role::create(&owner, "worker").await?;
    for capability in ["trigger", "work"] {
        role.granted(&owner, capability, "own").await?;
    }
    let become_it = format!("set role {}", role.name);
    tenant.client.batch_execute(&become_it).await?;
    for way in WAYS {
        // Each by itself: together they would be one transaction.
        for statement in way.replace("ID", ID).split("; ") {
            tenant.client.batch_execute(statement).await?;
        }
        remove(&owner).await?;
        let foreign =
            format!("select engine_trigger('t', environment_id => 'foreign', run_id => '{ID}')");
        owner.client.batch_execute(&foreign).await?;
        for call in [
            format!("select engine_heartbeat('{ID}', 'any')"),
            format!("select engine_start_attempt('{ID}', 'any')"),
            format!("select engine_succeed('{ID}', 'any')"),
        ] {
            let refused = tenant.refused(&call).await?;
            assert_eq!(refused.code, "RE001", "{way}: {call}: {refused:?}");
        }
        remove(&owner).await?;
    }
    role.drop(&owner).await
}

/// Ends and removes the run of the id, if there is one.
async fn remove(owner: &Session) -> Result<()> {
    if owner
        .count(&format!("engine.run where id = '{ID}'"))
        .await?
        == 0
    {
        return Ok(());
    }
    for call in [
        format!("select engine_cancel('{ID}', finalize => true)"),
        format!("select engine_forget('{ID}', dry_run => false)"),
    ] {
        owner.client.batch_execute(&call).await?;
    }
    let left = owner
        .count(&format!("engine.run where id = '{ID}'"))
        .await?;
    assert_eq!(left, 0, "the run is still there");
    Ok(())
}
