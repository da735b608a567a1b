//! Who grants.

use anyhow::Result;
use engine_core::Capability;
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
