//! The driver has the words and the codes of the engine, without depending on it.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result};
use engine_client::{
    AttemptStatus, Engine, ErrorKind, ExecutionStatus, RunId, RunStatus, SnapshotId, Trigger,
};
use engine_harness::{Database, Session, Workspace};

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
async fn the_driver_distinguishes_refusals() -> Result<()> {
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
            .start_attempt(
                &run.run_id,
                &run.snapshot_id.clone().expect("it is there"),
                false,
            )
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

#[tokio::test]
async fn every_function_of_the_catalog_has_a_statement_and_every_statement_a_method() -> Result<()>
{
    let session = Session::open(&Database::fresh().await?).await?;
    let source = Workspace::find()?.root().join("engine-client/src");
    let statements = fs::read_to_string(source.join("statement.rs"))?;
    let sql = "select distinct p.proname::text \
               from pg_proc p join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e' \
               join pg_extension x on x.oid = d.refobjid and x.extname = 'engine'";
    for row in session.client.query(sql, &[]).await? {
        let name: &str = row.get(0);
        assert!(
            statements.contains(&format!("{name}(")),
            "the driver does not call {name}"
        );
    }
    let mut methods = fs::read_to_string(source.join("engine.rs"))?;
    for entry in fs::read_dir(source.join("engine"))? {
        methods.push_str(&fs::read_to_string(entry?.path())?);
    }
    for line in statements.lines() {
        if let Some(constant) = line.strip_prefix("pub(crate) const ") {
            let name = constant.split(':').next().unwrap_or_default();
            assert!(
                methods.contains(&format!("statement::{name}")),
                "no method sends {name}"
            );
        }
    }
    Ok(())
}

#[test]
fn the_driver_has_every_option_of_a_trigger() -> Result<()> {
    let source = Workspace::find()?
        .root()
        .join("engine-client/src/trigger.rs");
    let source = fs::read_to_string(source)?;
    let options = source
        .split_once("    Trigger {\n")
        .context("no options")?
        .1;
    let options = options.split("\n    }").next().unwrap_or_default();
    let names = options.lines().map(str::trim);
    let names: BTreeSet<&str> = names
        .filter_map(|line| Some(line.split_once(": ")?.0))
        .collect();
    let expected = engine_core::TriggerOptions::PARAMETERS.iter();
    assert_eq!(names, expected.map(|(name, _)| *name).collect());
    Ok(())
}

#[tokio::test]
async fn every_code_of_the_engine_has_a_kind() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let source = Workspace::find()?
        .root()
        .join("engine-ext/core/src/refusal/sqlstate.rs");
    let source = fs::read_to_string(source)?;
    let codes: BTreeSet<&str> = source
        .split('"')
        .filter(|text| text.len() == 5 && text.starts_with("RE0"))
        .collect();
    assert!(codes.len() >= 8, "{codes:?}");
    let mut kinds = BTreeSet::new();
    for code in codes {
        let raise = format!("do $$ begin raise exception using errcode = '{code}'; end $$");
        let error = session.client.batch_execute(&raise).await.err();
        let error = engine_client::Error::from(error.context("not raised")?);
        assert_eq!(error.code().map(|code| code.code()), Some(code));
        assert_ne!(error.kind(), ErrorKind::Database, "{code}");
        assert!(kinds.insert(format!("{:?}", error.kind())), "{code}");
    }
    Ok(())
}
