//! The pages of the documentation: every block works as printed.

mod drawing;
mod form;
mod picture;
mod reference;
mod right;
mod scale;
mod shell_worker;
mod task;

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use engine_harness::{Database, Page, Prefix, Session, Workspace};

/// The files whose documentation includes pages, which `cargo test` compiles and runs.
const DOCTESTS: &[&str] = &["tests/harness/lib.rs", "engine-client/src/lib.rs"];

/// Whether a test runs the blocks of a language on a page.
fn is_run(page: &Page, language: &str) -> Result<bool> {
    let root = Workspace::find()?.root().canonicalize()?;
    match language {
        // every_page_can_be_typed_into_psql_line_by_line
        "sql" => Ok(true),
        // reference: signatures
        "text" => Ok(page.path.as_os_str() == "sql/README.md"),
        "mermaid" => Ok(true), // picture
        // drawing
        "" => Ok(true),
        // task
        "sh" => Ok(true),
        // engine-client/cli/tests/server/page.rs
        "console" => Ok(true),
        // Code of the system that is left.
        "go" | "js" | "ts" | "postgresql" => Ok(page.path.starts_with("engine-client/migrate")),
        // shell_worker
        "bash" => Ok(page.path.as_os_str() == "sql/README.md"),
        _ if language.starts_with("rust") => {
            let path = root.join(&page.path);
            for file in DOCTESTS {
                let file = root.join(file);
                let text = std::fs::read_to_string(&file)?;
                let directory = file.parent().context("no directory")?;
                for included in text.split("include_str!(\"").skip(1) {
                    let included = included.split('"').next().unwrap_or_default();
                    if directory.join(included).canonicalize()? == path {
                        return Ok(true);
                    }
                }
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}

#[test]
fn every_block_of_every_page_is_run_by_a_test() -> Result<()> {
    let mut idle = BTreeSet::new();
    let mut count = 0;
    for page in Page::all()? {
        for block in page.blocks() {
            count += 1;
            if !is_run(&page, &block.language)? {
                let place = format!("{}:{}", page.path.display(), block.line);
                idle.insert(format!("{place} ({})", block.language));
            }
        }
    }
    assert!(count >= 10, "{count}");
    assert_eq!(idle, BTreeSet::new(), "blocks that no test runs");
    Ok(())
}

#[tokio::test]
async fn every_page_can_be_typed_into_psql_line_by_line() -> Result<()> {
    for page in Page::all()? {
        let script: String = page
            .blocks_of("sql")
            .iter()
            .map(|block| block.text.as_str())
            .collect();
        if script.is_empty() {
            continue;
        }
        let database = Database::fresh().await?;
        let session = Session::open(&database).await?;
        // The front page begins where there is no extension.
        if script.contains("create extension") {
            session
                .client
                .batch_execute("drop extension engine cascade; drop schema if exists engine")
                .await?;
        }
        // Roles belong to the whole server.
        let makes_roles = script.contains("create role ");
        let script = if makes_roles {
            format!("begin;\n{script}\nrollback;")
        } else {
            script
        };
        let printed = typed(&database, &script).with_context(|| page.path.display().to_string())?;
        if page.path.as_os_str() == "README.md" {
            assert!(
                printed.contains("COMPLETED_SUCCESSFULLY") && printed.contains("FINISHED"),
                "{printed}"
            );
            let completed = "engine.run_state where run_status = 'COMPLETED_SUCCESSFULLY'";
            assert_eq!(session.count(completed).await?, 1);
        }
    }
    Ok(())
}

/// Types a script into psql; returns its output.
fn typed(database: &Database, script: &str) -> Result<String> {
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
    Ok(printed.into_owned())
}
