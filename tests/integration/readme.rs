//! The README's SQL works as printed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_harness::condition::eventually;
use engine_harness::{Database, Prefix, Session, Workspace};

/// The blocks of `language` in a Markdown text, in order.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let ended = text.split(&fence).skip(1);
    ended
        .filter_map(|rest| rest.split_once("```"))
        .map(|(block, _)| block.to_owned())
        .collect()
}

#[tokio::test]
async fn the_readme_can_be_typed_into_psql_line_by_line() -> Result<()> {
    let readme = std::fs::read_to_string(Workspace::find()?.root().join("README.md"))?;
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session
        .client
        .batch_execute("drop extension engine cascade; drop schema if exists engine")
        .await?;
    let script = blocks(&readme, "sql").join("\n");
    assert!(
        script.contains("engine_trigger") && script.contains("engine_succeed"),
        "{script}"
    );

    let mut psql = Command::new(Prefix::shared()?.program("psql"))
        .args([
            "-X",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            &database.connection_string(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start psql")?;
    psql.stdin
        .take()
        .context("no stdin")?
        .write_all(script.as_bytes())?;
    let output = psql.wait_with_output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        printed.contains("COMPLETED_SUCCESSFULLY") && printed.contains("FINISHED"),
        "{printed}"
    );
    assert_eq!(
        session
            .count("engine.run_state where run_status = 'COMPLETED_SUCCESSFULLY'")
            .await?,
        1
    );
    Ok(())
}

/// The worker of the front page, while it runs a command for each run.
struct ShellWorker(Child);

impl ShellWorker {
    fn start(database: &Database, command: &str) -> Result<Self> {
        let readme = std::fs::read_to_string(Workspace::find()?.root().join("README.md"))?;
        let script = blocks(&readme, "bash").pop().context("no worker")?;
        let psql = Prefix::shared()?.program("psql");
        let path = psql.parent().context("no directory")?;
        let path = format!("{}:{}", path.display(), std::env::var("PATH")?);
        let worker = Command::new("bash")
            .args([
                "-c",
                &script,
                "worker",
                &database.connection_string(),
                command,
            ])
            .env("PATH", path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start bash")?;
        Ok(Self(worker))
    }
}

impl Drop for ShellWorker {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_worker_of_the_readme_retries_and_completes() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session
        .trigger_with(r#"'add', run_id => 'r', payload => '{"n": "it''s"}', max_attempts => 2"#)
        .await?;
    let tried = tempfile::tempdir()?;
    // The first attempt fails.
    let command = format!("mkdir {0}/first && exit 1; cat", tried.path().display());
    let _worker = ShellWorker::start(&database, &command)?;
    eventually("the run is finished", PATIENCE, async || {
        Ok(session
            .count("engine.run_state where execution_status = 'FINISHED'")
            .await?
            == 1)
    })
    .await?;
    let sql =
        "select run_status::text, attempt_number, output::jsonb ->> 'n' from engine.run_state";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(
        (row.get::<_, &str>(0), row.get::<_, i32>(1), row.get(2)),
        ("COMPLETED_SUCCESSFULLY", 2, Some("it's"))
    );
    Ok(())
}

#[tokio::test]
async fn the_worker_of_the_readme_beats_and_stops_what_is_cancelled() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger_with("'long', run_id => 'r'").await?;
    let directory = tempfile::tempdir()?;
    let pid = directory.path().join("pid");
    let command = format!("echo $$ >{}; exec sleep 600", pid.display());
    let _worker = ShellWorker::start(&database, &command)?;
    let beats = "engine.heartbeat where deadline_at > acquired_at + interval_ms * interval '1 ms' + interval '4 s'";
    eventually("the worker beats", PATIENCE, async || {
        Ok(session.count(beats).await? == 1)
    })
    .await?;
    let pid: u32 = std::fs::read_to_string(pid)?.trim().parse()?;
    let process = Path::new("/proc").join(pid.to_string());
    assert!(process.exists());
    session.cancel("'r'").await?;
    let cancelled =
        "engine.run_state where run_status = 'CANCELED' and execution_status = 'FINISHED'";
    eventually("the run is cancelled", PATIENCE, async || {
        Ok(session.count(cancelled).await? == 1)
    })
    .await?;
    assert!(!process.exists(), "the command goes on");
    Ok(())
}

#[tokio::test]
async fn the_readme_names_the_columns_that_functions_return() -> Result<()> {
    let readme = std::fs::read_to_string(Workspace::find()?.root().join("README.md"))?;
    let session = Session::open(&Database::fresh().await?).await?;
    let sql = "select p.proname::text, array(select a.name from unnest(p.proargnames, p.proargmodes) as a(name, mode) \
                                       where a.mode = 't') \
               from pg_proc p join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e' \
               join pg_extension x on x.oid = d.refobjid and x.extname = 'engine'";
    let rows = session.client.query(sql, &[]).await?;
    let returned: BTreeMap<String, BTreeSet<String>> = rows
        .iter()
        .map(|row| {
            (
                row.get(0),
                row.get::<_, Vec<String>>(1).into_iter().collect(),
            )
        })
        .collect();
    let columns = |text: &str| -> BTreeSet<String> {
        let words = text
            .split([',', ' ', '`'])
            .filter(|word| !["", "as", "per", "element", "in", "order", "and"].contains(word));
        words.map(str::to_owned).collect()
    };
    let latest = "run_id, snapshot_id, execution_status, run_status, attempt_number, description, created_at";
    // A call with an argument stands in the table of figures.
    let mut checked = 0;
    for line in readme.lines().filter(|line| line.starts_with("| `engine_")) {
        let cells: Vec<&str> = line.split(" | ").collect();
        for function in cells[0]
            .split('`')
            .filter(|text| text.contains('(') && !text.contains("=>"))
        {
            let name = function.split('(').next().unwrap_or_default();
            let actual = returned.get(name).with_context(|| name.to_owned())?;
            if actual.is_empty() {
                continue;
            }
            let mut said = columns(&cells[1].replace("latest snapshot", latest));
            let other: Vec<String> = said
                .iter()
                .filter(|word| word.starts_with("engine_"))
                .cloned()
                .collect();
            for other in other {
                said.remove(&other);
                said.extend(returned[&other].iter().cloned());
            }
            assert_eq!(said, *actual, "{name}");
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
    Ok(())
}
