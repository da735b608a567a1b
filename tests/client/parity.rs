//! The driver knows the words and the codes of the engine, without depending on it.

use anyhow::{Context as _, Result};
use engine_client::{
    AttemptStatus, Engine, ErrorKind, ExecutionStatus, RunId, RunStatus, SnapshotId, Trigger,
};
use engine_harness::{Database, Session};

#[test]
fn the_driver_knows_every_status_by_its_name() {
    for status in engine_core::RunStatus::ALL {
        let parsed: RunStatus = status.as_str().parse().expect("a run status");
        assert_eq!(
            (parsed.as_str(), parsed.is_final()),
            (status.as_str(), status.is_final())
        );
    }
    for status in engine_core::ExecutionStatus::ALL {
        let parsed: ExecutionStatus = status.as_str().parse().expect("an execution status");
        assert_eq!(parsed.as_str(), status.as_str());
    }
    for status in engine_core::AttemptStatus::ALL {
        let parsed: AttemptStatus = status.as_str().parse().expect("an attempt status");
        assert_eq!(parsed.as_str(), status.as_str());
    }
}

#[tokio::test]
async fn the_types_of_the_catalog_have_the_values_of_core_in_its_order() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let types: [(&str, Vec<&str>); 3] = [
        (
            "run_status",
            engine_core::RunStatus::ALL
                .iter()
                .map(|status| status.as_str())
                .collect(),
        ),
        (
            "execution_status",
            engine_core::ExecutionStatus::ALL
                .iter()
                .map(|status| status.as_str())
                .collect(),
        ),
        (
            "environment_type",
            engine_core::EnvironmentType::ALL
                .iter()
                .map(|kind| kind.as_str())
                .collect(),
        ),
    ];
    for (name, expected) in types {
        let sql = format!(
            "select enumlabel::text from pg_enum where enumtypid = 'engine.{name}'::regtype order by enumsortorder"
        );
        let rows = session.client.query(&sql, &[]).await?;
        assert_eq!(
            rows.iter()
                .map(|row| row.get::<_, String>(0))
                .collect::<Vec<_>>(),
            expected,
            "{name}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_driver_tells_refusals_apart() -> Result<()> {
    let database = Database::fresh().await?;
    let mut client = database.connect().await?;
    let nothing = (RunId::from("nope"), SnapshotId::from("nope"));
    {
        let engine = Engine::new(&client);
        let kind = |error: engine_client::Error| error.kind();
        assert_eq!(
            engine
                .start_attempt(&nothing.0, &nothing.1, false)
                .await
                .map_err(kind)
                .err(),
            Some(ErrorKind::UnknownRun)
        );
        let run = engine.trigger(&Trigger::new("t").run_id("r")).await?;
        let start = engine
            .start_attempt(&run.run_id, &run.snapshot_id, false)
            .await;
        assert_eq!(start.map_err(kind).err(), Some(ErrorKind::NotStartable));
        let stale = engine
            .succeed(&run.run_id, &nothing.1, &1)
            .await
            .err()
            .context("accepted")?;
        assert!(stale.is_stale_snapshot() && !stale.is_retryable());
        let taken = engine.trigger(&Trigger::new("t").run_id("r")).await;
        assert_eq!(taken.map_err(kind).err(), Some(ErrorKind::RunIdTaken));
        let unknown = engine
            .trigger(&Trigger::new("t").environment_id("nope"))
            .await;
        assert_eq!(
            unknown.map_err(kind).err(),
            Some(ErrorKind::UnknownEnvironment)
        );
        let invalid = engine.trigger(&Trigger::new("")).await;
        assert_eq!(invalid.map_err(kind).err(), Some(ErrorKind::InvalidInput));
    }
    let transaction = client
        .build_transaction()
        .isolation_level(engine_client::tokio_postgres::IsolationLevel::Serializable)
        .start()
        .await?;
    let refused = Engine::new(&transaction)
        .tick(10)
        .await
        .err()
        .context("accepted")?;
    assert_eq!(refused.kind(), ErrorKind::WrongIsolation);
    Ok(())
}
