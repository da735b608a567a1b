//! What each capability lets a role call, and whose capabilities count.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use engine_core::{Capabilities, Capability, ROUTINES, is_of_the_database};
use engine_harness::{Database, Session, Workspace};

use super::{Role, functions};

#[tokio::test]
async fn a_function_takes_one_of_its_capabilities_and_the_right_to_execute_alone_is_not_enough()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let role = Role::create(&session, "capable").await?;
    let functions = functions(&session).await?;
    let listed: Vec<&str> = ROUTINES.iter().map(|(name, _)| *name).collect();
    for name in functions.keys() {
        let is_the_owners = ["engine_grant", "engine_revoke"].contains(&&**name);
        ensure!(is_the_owners != listed.contains(&&**name), "{name}");
        let execute = format!("grant execute on routine {name} to {}", role.name);
        session.client.batch_execute(&execute).await?;
    }
    let held = Capability::ALL.iter().copied().map(Some).chain([None]);
    let held = held.flat_map(|capability| [(capability, "*"), (capability, "own")]);
    for (capability, environment) in held {
        let is_by_environment = capability.is_none_or(Capability::is_by_environment);
        if environment == "own" && !is_by_environment {
            continue;
        }
        if let Some(capability) = capability {
            role.granted(&session, capability.as_str(), environment)
                .await?;
        }
        for (name, parameters) in &functions {
            let needed = Capabilities::of(name);
            let is_reached = environment == "*" || !is_of_the_database(name);
            let may = name == "engine_version"
                || is_reached && capability.is_some_and(|of| needed.has(of));
            let call = if name == "engine_wait" {
                // It is refused before that in a transaction block.
                continue;
            } else {
                let nulls = parameters.iter().map(|(_, of)| format!("null::{of}"));
                format!("select {name}({})", nulls.collect::<Vec<_>>().join(", "))
            };
            let code = role.code(&session, &call).await?;
            // Nulls stand for the environment "default", or for all.
            if may && environment == "own" && code == "42501" {
                let named = ["environment_id", "id"].map(str::to_owned);
                ensure!(
                    parameters.iter().any(|(of, _)| named.contains(of)),
                    "{name} with {capability:?}"
                );
                continue;
            }
            assert_eq!(
                code != "42501",
                may,
                "{name} with {capability:?} in {environment}: {code}"
            );
        }
        if let Some(capability) = capability {
            role.deprived(&session, capability.as_str(), environment)
                .await?;
            // Grants to the role itself stay for the next round.
            for name in functions.keys() {
                let execute = format!("grant execute on routine {name} to {}", role.name);
                session.client.batch_execute(&execute).await?;
            }
        }
    }
    role.drop(&session).await
}

#[tokio::test]
async fn a_grant_is_all_that_a_role_needs_and_a_revocation_takes_it_back() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let role = Role::create(&session, "granted").await?;
    let trigger = "select engine_trigger('t')";
    assert_eq!(role.code(&session, trigger).await?, "42501");
    role.granted(&session, "trigger", "*").await?;
    assert_eq!(role.code(&session, trigger).await?, "");
    assert_eq!(
        role.code(&session, "select engine_dequeue()").await?,
        "42501"
    );
    // A function that another grant needs as well stays executable.
    role.granted(&session, "operate", "*").await?;
    role.deprived(&session, "trigger", "*").await?;
    assert_eq!(role.code(&session, trigger).await?, "42501");
    let cancel = "select engine_cancel('x')";
    assert_eq!(role.code(&session, cancel).await?, "RE001");
    role.deprived(&session, "operate", "*").await?;
    assert_eq!(role.code(&session, cancel).await?, "42501");
    let read = "select count(*) from engine.run_overview";
    assert_eq!(role.code(&session, read).await?, "42501");
    role.granted(&session, "read", "*").await?;
    assert_eq!(role.code(&session, read).await?, "");
    let table = "select count(*) from engine.run";
    assert_eq!(role.code(&session, table).await?, "42501");
    role.deprived(&session, "read", "*").await?;
    assert_eq!(role.code(&session, read).await?, "42501");
    role.drop(&session).await
}

#[tokio::test]
async fn a_grant_opens_the_schema_of_the_functions_where_that_is_closed() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let role = Role::create(&session, "inside").await?;
    let may_use = |schema: &str| {
        let acl = "select count(*) from pg_namespace as n, aclexplode(n.nspacl) as a";
        format!(
            "{acl} where n.nspname = '{schema}' and a.grantee = '{}'::regrole",
            role.name
        )
    };
    role.granted(&session, "trigger", "*").await?;
    let row = session.client.query_one(&may_use("public"), &[]).await?;
    assert_eq!(row.get::<_, i64>(0), 0, "PUBLIC may use it");
    session.broken_on_purpose().await?;
    let closed = "drop extension engine; create schema closed; create extension engine schema closed; set search_path to closed";
    session.client.batch_execute(closed).await?;
    role.granted(&session, "trigger", "*").await?;
    let row = session.client.query_one(&may_use("closed"), &[]).await?;
    assert_eq!(row.get::<_, i64>(0), 1);
    let trigger = "select closed.engine_trigger('t')";
    assert_eq!(role.code(&session, trigger).await?, "");
    role.drop(&session).await
}

#[tokio::test]
async fn a_call_is_made_by_the_current_user_also_within_a_function_of_an_application() -> Result<()>
{
    let session = Session::open(&Database::fresh().await?).await?;
    let app = Role::create(&session, "app").await?;
    let user = Role::create(&session, "user").await?;
    app.granted(&session, "trigger", "*").await?;
    session
        .client
        .batch_execute(&format!(
            "create schema app authorization {0}; grant usage on schema app to {1}; \
             create function app.order_placed() returns text language plpgsql security definer \
                 as $$ declare id text := (engine_trigger('order')).run_id; begin return id; end $$; \
             create function app.ask() returns text language sql security definer \
                 as $$ select run_id from public.engine_trigger('order') $$; \
             alter function app.order_placed owner to {0}; alter function app.ask owner to {1}; \
             grant execute on function engine_trigger to {1}",
            app.name, user.name
        ))
        .await?;
    let direct = "select engine_trigger('order')";
    assert_eq!(user.code(&session, direct).await?, "42501");
    let wrapped = "select app.order_placed()";
    assert_eq!(user.code(&session, wrapped).await?, "");
    // The other way round: a role with the capability calls a function of a role without it.
    assert_eq!(app.code(&session, direct).await?, "");
    let execute = format!("grant execute on function app.ask to {}", app.name);
    session.client.batch_execute(&execute).await?;
    assert_eq!(app.code(&session, "select app.ask()").await?, "42501");
    session
        .client
        .batch_execute("drop schema app cascade")
        .await?;
    user.drop(&session).await?;
    app.drop(&session).await
}

#[tokio::test]
async fn another_session_obeys_a_grant_and_a_membership_from_its_next_call_on() -> Result<()> {
    let database = Database::fresh().await?;
    let (operator, caller) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let group = Role::create(&operator, "team").await?;
    let member = Role::create(&operator, "member").await?;
    let trigger = "select engine_trigger('t')";
    group.granted(&operator, "trigger", "*").await?;
    assert_eq!(member.code(&caller, trigger).await?, "42501");
    let join = format!("grant {} to {}", group.name, member.name);
    operator.client.batch_execute(&join).await?;
    assert_eq!(member.code(&caller, trigger).await?, "");
    let listed = format!(
        "engine.permission where role = '{}' and capability = 'trigger' and granted_to = '{}'",
        member.name, group.name
    );
    assert_eq!(operator.count(&listed).await?, 1);
    let leave = format!("revoke {} from {}", group.name, member.name);
    operator.client.batch_execute(&leave).await?;
    assert_eq!(member.code(&caller, trigger).await?, "42501");
    member.granted(&operator, "trigger", "*").await?;
    assert_eq!(member.code(&caller, trigger).await?, "");
    member.deprived(&operator, "trigger", "*").await?;
    // The right to execute is not what refuses it.
    let execute = format!(
        "grant execute on function engine_trigger to {}",
        member.name
    );
    operator.client.batch_execute(&execute).await?;
    assert_eq!(member.code(&caller, trigger).await?, "42501");
    member.drop(&operator).await?;
    group.drop(&operator).await
}

#[test]
fn the_advice_about_rights_knows_the_functions_of_every_capability() -> Result<()> {
    let text =
        std::fs::read_to_string(Workspace::find()?.root().join("sql/view/right_advice.sql"))?;
    for capability in Capability::ALL {
        if *capability == Capability::Work {
            continue;
        }
        let begins = format!("('{capability}', array[");
        let (_, rest) = text.split_once(&begins).context("no such capability")?;
        let listed = rest.split(']').next().unwrap_or_default();
        let listed: BTreeSet<&str> = listed.split('\'').skip(1).step_by(2).collect();
        let of = ROUTINES.iter().map(|(name, _)| *name);
        let of = of.filter(|name| *name != "engine_version");
        let expected: BTreeSet<&str> = of
            .filter(|name| Capabilities::of(name).has(*capability))
            .collect();
        assert_eq!(listed, expected, "{capability}");
    }
    Ok(())
}
