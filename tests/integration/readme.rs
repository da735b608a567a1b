//! The README's SQL works as printed.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
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
