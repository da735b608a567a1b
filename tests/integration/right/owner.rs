//! Which roles may grant.

use std::time::Duration;

use anyhow::Result;
use engine_core::Capability;
use engine_harness::condition::{backend_pid, eventually};
use engine_harness::{Database, Session};

use super::Role;

#[tokio::test]
async fn only_the_owner_grants_and_a_role_that_was_dropped_leaves_nothing_to_the_next() -> Result<()>
{
    let session = Session::open(&Database::fresh().await?).await?;
    let role = Role::create(&session, "operator").await?;
    for capability in Capability::ALL {
        role.granted(&session, capability.as_str(), "*").await?;
    }
    let execute = format!(
        "grant execute on function engine_grant, engine_revoke to {}",
        role.name
    );
    session.client.batch_execute(&execute).await?;
    let grant = format!("select engine_grant('{}', 'tick')", role.name);
    assert_eq!(role.code(&session, &grant).await?, "42501");
    assert_eq!(
        session
            .refused("select engine_grant('no such role', 'tick')")
            .await?
            .code,
        "22023"
    );
    assert_eq!(
        session
            .refused("select engine_grant('public', 'all')")
            .await?
            .code,
        "22023"
    );
    let (granted, again) = (
        "select engine_grant('public', 'tick')",
        "select engine_grant('public', 'tick', '*')",
    );
    assert!(
        session
            .client
            .query_one(granted, &[])
            .await?
            .get::<_, bool>(0)
    );
    assert!(
        !session
            .client
            .query_one(again, &[])
            .await?
            .get::<_, bool>(0)
    );
    role.drop(&session).await?;
    session
        .client
        .batch_execute(
            "select engine_revoke('public', 'work'); select engine_revoke('public', 'tick')",
        )
        .await?;
    assert_eq!(session.count("engine.grant").await?, 0);
    Ok(())
}

#[tokio::test]
async fn sessions_that_grant_at_the_same_time_wait_for_each_other() -> Result<()> {
    let database = Database::fresh().await?;
    let (one, other) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let (first, second) = (
        Role::create(&one, "first").await?,
        Role::create(&one, "second").await?,
    );
    one.client.batch_execute("begin").await?;
    first.granted(&one, "work", "*").await?;
    let pid = backend_pid(&other.client).await?;
    let granting = async { second.granted(&other, "work", "*").await };
    let committing = async {
        let waits =
            "select count(*) from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'";
        eventually("the other one waits", Duration::from_secs(20), async || {
            let observer = Session::open(&database).await?;
            let row = observer.client.query_one(waits, &[&pid]).await?;
            Ok(row.get::<_, i64>(0) == 1)
        })
        .await?;
        one.client.batch_execute("commit").await?;
        anyhow::Ok(())
    };
    tokio::try_join!(granting, committing)?;
    assert_eq!(one.count("engine.grant").await?, 2);
    first.drop(&one).await?;
    second.drop(&one).await
}
