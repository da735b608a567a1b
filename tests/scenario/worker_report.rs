//! Workers tell what they are, also while they have nothing to do.

use anyhow::Result;
use engine_harness::{Database, Session};

const STATE: &str = "select array(select w.runner_id || ' ' || w.worker_queue || ' ' || coalesce(w.environment_id, 'any') || ' ' || \
                     coalesce(w.version, 'any') || ' ' || w.capacity from engine.worker_state as w order by 1)";

async fn report(session: &Session, arguments: &str) -> Result<bool> {
    let call = format!("select engine_report_worker({arguments})");
    Ok(session.client.query_one(&call, &[]).await?.get(0))
}

async fn seen(session: &Session) -> Result<Vec<String>> {
    Ok(session.client.query_one(STATE, &[]).await?.get(0))
}

#[tokio::test]
async fn a_worker_is_seen_with_its_capacity_from_its_first_report_to_its_last() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    assert!(!report(&session, "10, 'mail', 'mail-1'").await?);
    assert!(!report(&session, "4, 'mail', 'mail-2', 'gpu', 'default', '7'").await?);
    assert_eq!(
        seen(&session).await?,
        ["mail-1 main any any 10", "mail-2 gpu default 7 4"]
    );
    assert!(report(&session, "12, 'mail', 'mail-1'").await?);
    assert_eq!(
        seen(&session).await?,
        ["mail-1 main any any 12", "mail-2 gpu default 7 4"]
    );
    assert!(report(&session, "0, 'mail', 'mail-1'").await?);
    assert!(!report(&session, "0, 'mail', 'mail-1'").await?);
    assert_eq!(seen(&session).await?, ["mail-2 gpu default 7 4"]);
    for (arguments, code) in [
        ("null, 'mail'", "22004"),
        ("1", "22004"),
        ("-1, 'mail'", "22023"),
        ("1000001, 'mail'", "22023"),
        ("1, 'mail', environment_id => 'none'", "RE005"),
    ] {
        let call = format!("select engine_report_worker({arguments})");
        assert_eq!(session.refused(&call).await?.code, code, "{arguments}");
    }
    Ok(())
}

#[tokio::test]
async fn the_tick_forgets_a_worker_that_has_told_nothing_for_an_hour_or_two() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    report(&session, "10, 'mail', 'mail-1'").await?;
    assert_eq!(session.tick_of("forgotten_worker").await?, 0);
    let sql = "update engine.worker_report set forget_at = now() - interval '1 ms' \
               where forget_at between now() + interval '1 h' and now() + interval '2 h'";
    assert_eq!(session.client.execute(sql, &[]).await?, 1);
    assert_eq!(session.tick_of("forgotten_worker").await?, 1);
    assert_eq!(session.count("engine.worker_state").await?, 0);
    Ok(())
}
