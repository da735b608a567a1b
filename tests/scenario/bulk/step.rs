//! How the tick works through a bulk action.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::json;

use super::{begin, counts, ended, open, seen, trigger_many};

#[tokio::test]
async fn a_thousand_runs_are_worked_through_in_steps_each_once() -> Result<()> {
    let session = open().await?;
    trigger_many(&session, "mail", 1000).await?;
    let id = begin(&session, r#"'replay', '{"tag": "many"}'"#).await?;
    let mut steps = 0;
    loop {
        let sql = "select coalesce(sum(processed), 0)::integer from engine_tick(300) where kind = 'bulk_run'";
        let acted: i32 = session.client.query_one(sql, &[]).await?.get(0);
        assert!(acted <= 300, "{acted}");
        let bulk = seen(&session, &id).await?;
        if bulk["state"] == "COMPLETED" {
            assert_eq!(counts(&bulk), [1000, 1000, 0, 0]);
            break;
        }
        steps += 1;
        assert!(steps < 100, "{bulk}");
    }
    assert!(steps > 2, "{steps} steps");
    assert_eq!(session.count("engine.run").await?, 2000);
    let once = "(select replayed_from from engine.run where replayed_from is not null group by 1 having count(*) = 1) as r";
    assert_eq!(session.count(once).await?, 1000);
    session.check().await
}

#[tokio::test]
async fn a_bulk_action_that_is_stopped_keeps_what_it_has_done_and_does_no_more() -> Result<()> {
    let session = open().await?;
    trigger_many(&session, "mail", 100).await?;
    let id = begin(&session, r#"'cancel', '{"queue": "task/mail"}'"#).await?;
    session.client.query("select engine_tick(20)", &[]).await?;
    let stop = "select engine_bulk_stop($1)";
    assert!(
        session
            .client
            .query_one(stop, &[&id])
            .await?
            .get::<_, bool>(0)
    );
    let stopped = seen(&session, &id).await?;
    assert_eq!(stopped["state"], "STOPPED");
    let done = counts(&stopped)[1];
    assert!((1..100).contains(&done), "{done}");
    session.tick().await?;
    assert_eq!(session.count("engine.queue_item").await?, 100 - done);
    assert_eq!(seen(&session, &id).await?, stopped);
    assert!(
        !session
            .client
            .query_one(stop, &[&id])
            .await?
            .get::<_, bool>(0)
    );
    let unknown = session
        .refused("select engine_bulk_stop('bulk_none')")
        .await?;
    assert_eq!(unknown.code, "RE018");
    session.check().await
}

#[tokio::test]
async fn a_run_that_moves_on_meanwhile_is_skipped_and_one_that_is_locked_waits_for_its_session()
-> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let other = Session::open(&database).await?;
    let gone = session.trigger("mail").await?;
    let locked = session.trigger("mail").await?;
    trigger_many(&session, "mail", 3).await?;
    let id = begin(
        &session,
        r#"'cancel', '{"task": "mail", "status": "PENDING"}'"#,
    )
    .await?;
    session.cancel(&format!("'{}'", gone.run_id)).await?;
    let hold = format!(
        "begin; select from engine.run_state where run_id = '{}' for no key update",
        locked.run_id
    );
    other.client.batch_execute(&hold).await?;
    for _ in 0..3 {
        session.tick().await?;
    }
    let waiting = seen(&session, &id).await?;
    assert_eq!(waiting["state"], "RUNNING");
    assert_eq!(counts(&waiting)[1], 3);
    other.client.batch_execute("rollback").await?;
    let bulk = ended(&session, &id).await?;
    assert_eq!(counts(&bulk), [5, 4, 1, 0]);
    assert_eq!(session.status(&locked.run_id).await?.1, "CANCELED");
    session.check().await
}

#[tokio::test]
async fn what_is_wrong_with_one_run_spoils_nothing_for_the_others() -> Result<()> {
    let session = open().await?;
    trigger_many(&session, "mail", 40).await?;
    let poison: String = session
        .client
        .query_one(
            "select id from engine.run order by id offset 17 limit 1",
            &[],
        )
        .await?
        .get(0);
    let trap = format!(
        "create function trap() returns trigger language plpgsql as $$ begin \
             if new.run_id = '{poison}' then raise exception using errcode = 'P0001'; end if; return new; end $$; \
         create trigger trap before update on engine.run_state for each row execute function trap()"
    );
    session.client.batch_execute(&trap).await?;
    let id = begin(&session, r#"'cancel', '{"tag": "many"}'"#).await?;
    let bulk = ended(&session, &id).await?;
    assert_eq!(counts(&bulk), [40, 39, 0, 1]);
    assert_eq!(bulk["refused_by"], json!({"P0001": 1}));
    assert_eq!(session.status(&poison).await?.0, "QUEUED");
    session
        .client
        .batch_execute("drop trigger trap on engine.run_state")
        .await?;
    session.check().await
}

#[tokio::test]
async fn refused_runs_are_counted_by_sqlstate() -> Result<()> {
    let session = open().await?;
    for keep in ["", ", keep => '0'"] {
        session.trigger_with(&format!("'mail'{keep}")).await?;
        let held = session.take().await?;
        session.complete(&held, json!({"ok": true})).await?;
    }
    session.tick().await?;
    let id = begin(&session, r#"'replay', '{"task": "mail"}'"#).await?;
    let bulk = ended(&session, &id).await?;
    assert_eq!(counts(&bulk), [2, 1, 0, 1]);
    assert_eq!(bulk["refused_by"], json!({"22023": 1}));
    session.check().await
}
