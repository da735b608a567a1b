//! What a role that operates and reads one environment finds of another: schedules, policies, runs to forget.

use anyhow::Result;
use engine_harness::{Database, Session};

use super::Role;

/// A role that may read and operate the environment `own`; `foreign` exists beside it.
async fn operator(session: &Session) -> Result<Role> {
    let environments =
        "select engine_set_environment('own'); select engine_set_environment('foreign')";
    session.client.batch_execute(environments).await?;
    let role = Role::create(session, "operator").await?;
    for capability in ["read", "operate"] {
        role.granted(session, capability, "own").await?;
    }
    Ok(role)
}

#[tokio::test]
async fn a_schedule_of_another_environment_is_not_read_changed_taken_over_or_deleted() -> Result<()>
{
    let session = Session::open(&Database::fresh().await?).await?;
    let operator = operator(&session).await?;
    session
        .client
        .batch_execute(
            "select engine_set_schedule('theirs', 't', '* * * * *', environment_id => 'foreign'); \
             select engine_set_schedule('mine', 't', '* * * * *', environment_id => 'own')",
        )
        .await?;
    let state = "select md5(string_agg(s::text, ',' order by id)) from engine.schedule as s";
    let before: String = session.client.query_one(state, &[]).await?.get(0);
    for (call, code) in [
        ("engine_set_schedule('theirs', active => false)", "23505"),
        (
            "engine_set_schedule('theirs', 't', '* * * * *', environment_id => 'own')",
            "23505",
        ),
        (
            "engine_set_schedule('mine', environment_id => 'foreign')",
            "42501",
        ),
        ("engine_run_schedule('theirs')", "RE014"),
        ("engine_upcoming_runs('theirs')", "RE014"),
        ("engine_upcoming_runs('none')", "RE014"),
    ] {
        let refused = operator.code(&session, &format!("select {call}")).await?;
        assert_eq!(refused, code, "{call}");
    }
    let delete = |id: &str| format!("select engine_delete_schedule('{id}')");
    let mine = operator.answer(&session, &delete("mine")).await?;
    assert_eq!(mine, Ok(vec!["t".to_owned()]));
    let theirs = operator.answer(&session, &delete("theirs")).await?;
    assert_eq!(theirs, Ok(vec!["f".to_owned()]));
    let after: String = session.client.query_one(state, &[]).await?.get(0);
    assert_eq!(before, after);
    let listed = operator
        .answer(&session, "select schedule_id from engine.next_run")
        .await?;
    assert_eq!(listed, Ok(vec!["mine".to_owned()]));
    operator.drop(&session).await
}

#[tokio::test]
async fn policies_and_runs_of_another_environment_are_neither_shown_nor_forgotten() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let operator = operator(&session).await?;
    for environment in ["own", "foreign"] {
        session
            .ended(&format!("'t', environment_id => '{environment}'"))
            .await?;
    }
    session
        .client
        .batch_execute(
            "select engine_set_retention('foreign', keep => '3 days'); \
             select engine_set_retention(task => 'secret', keep => '4 days'); \
             select engine_set_retention('own', outcome => 'FAILED', keep => '5 days')",
        )
        .await?;
    let policies = "select environment_id, outcome, ended_runs from engine_retention()";
    let shown = operator.answer(&session, policies).await?;
    let expected = ["own FAILED 0", "null COMPLETED 1"];
    assert_eq!(shown, Ok(expected.map(str::to_owned).to_vec()));
    let everywhere = "select engine_set_retention(keep => '1 day')";
    assert_eq!(operator.code(&session, everywhere).await?, "42501");
    let forget = "select environment_id, outcome from engine_forget(filter => '{\"task\": \"t\"}', dry_run => false)";
    let forgotten = operator.answer(&session, forget).await?;
    assert_eq!(forgotten, Ok(vec!["own forgotten".to_owned()]));
    operator.drop(&session).await
}

#[tokio::test]
async fn the_id_of_a_run_of_another_environment_tells_nothing_of_it() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let operator = operator(&session).await?;
    for environment in ["own", "foreign"] {
        session
            .trigger_with(&format!(
                "'t', run_id => '{environment}', environment_id => '{environment}'"
            ))
            .await?;
    }
    let create = |id: &str| {
        format!(
            "select engine_create_cancelled_run('{{\"task\": \"t\", \"run_id\": \"{id}\", \"environment_id\": \"own\"}}')"
        )
    };
    // Of its own run it is told the status.
    let [own, foreign] = ["own", "foreign"].map(create);
    let own = operator.answer(&session, &own).await?;
    let foreign = operator.answer(&session, &foreign).await?;
    assert!(matches!(&own, Err([code, _]) if code == "23505"), "{own:?}");
    assert!(
        matches!(&foreign, Err([code, _]) if code == "23505"),
        "{foreign:?}"
    );
    session
        .client
        .batch_execute("select engine_cancel('foreign')")
        .await?;
    let again = operator.answer(&session, &create("foreign")).await?;
    assert_eq!(again, foreign);
    operator.drop(&session).await
}

#[tokio::test]
async fn a_bulk_action_is_stopped_and_seen_only_by_those_who_operate_all_of_its_environments()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let operator = operator(&session).await?;
    let other = Role::create(&session, "other").await?;
    other.granted(&session, "operate", "foreign").await?;
    for environment in ["own", "foreign"] {
        session
            .trigger_with(&format!("'t', environment_id => '{environment}'"))
            .await?;
    }
    let begin = "select bulk_id from engine_bulk('cancel', '{\"task\": \"t\"}', dry_run => false)";
    let mut begun = Vec::new();
    for role in [Some(&operator), Some(&other), None] {
        let set = role.map_or("reset role".to_owned(), |role| {
            format!("set role {}", role.name)
        });
        session.client.batch_execute(&set).await?;
        let bulk_id: String = session.client.query_one(begin, &[]).await?.get(0);
        session.client.batch_execute("reset role").await?;
        begun.push(bulk_id);
    }
    let [own, foreign, of_all] = begun.try_into().expect("three");
    let stop = |bulk_id: &str| format!("select engine_bulk_stop('{bulk_id}')");
    for bulk_id in [&foreign, &of_all] {
        assert_eq!(operator.code(&session, &stop(bulk_id)).await?, "RE018");
    }
    let stopped = operator.answer(&session, &stop(&own)).await?;
    assert_eq!(stopped, Ok(vec!["t".to_owned()]));
    let seen = operator
        .answer(&session, "select bulk_id from engine.bulk")
        .await?;
    assert_eq!(seen, Ok(vec![own]));
    // What it began cancels its own run only.
    session.client.batch_execute(&stop(&of_all)).await?;
    session.client.batch_execute(&stop(&foreign)).await?;
    session.tick().await?;
    let cancelled = "select array_agg(environment_id::text) from engine.run_overview where run_status = 'CANCELED'";
    let cancelled: Vec<String> = session.client.query_one(cancelled, &[]).await?.get(0);
    assert_eq!(cancelled, ["own"]);
    other.drop(&session).await?;
    operator.drop(&session).await
}
