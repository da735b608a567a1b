//! The Debian package in an empty Debian system: installed, used, updated and removed, each by the role that does it in practice.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use engine_harness::{Page, Session, Workspace, progress};
use serde_json::json;

use super::staged::Staged;
use super::system::System;

/// The release to update from.
const OLD: &str = "0.1.0";

/// The frozen install script of that release.
const OLD_SCRIPT: &str = "sql/install/engine--0.1.0.sql";

/// Runs the trial, or says why it cannot.
pub async fn run(workspace: &Workspace, staged: &Staged, package: &Path) -> Result<()> {
    let Some(mut system) = System::make(workspace, staged.major)? else {
        return Ok(());
    };
    let before = system.files()?;
    let begun = Instant::now();
    system.install(package)?;
    system.start()?;
    first_run(&system).await?;
    let seconds = begun.elapsed().as_secs_f64();
    progress::say(format!(
        "from the package to the first completed run: {seconds:.1} s"
    ));
    update(&system, workspace, staged).await?;
    remove(&mut system, staged, &before).await?;
    progress::say(
        "the package was installed, used, updated from 0.1.0, and removed; nothing is left",
    );
    Ok(())
}

/// The five minutes of the front page, by a role with the rights that the page about them grants.
async fn first_run(system: &System) -> Result<()> {
    let maintenance = system.server().connect("postgres").await?;
    maintenance.batch_execute("create database app").await?;
    let rights = Page::read("engine-ext/README.md")?;
    let rights = rights.blocks_of("sql").into_iter();
    let rights: Vec<String> = rights
        .map(|block| block.text)
        .filter(|text| text.contains("create role app_work"))
        .collect();
    ensure!(rights.len() == 1, "the page about rights has another form");
    let superuser = system.server().connect("app").await?;
    superuser.batch_execute("create extension engine").await?;
    superuser.batch_execute(&rights[0]).await?;
    superuser
        .batch_execute("create role developer login; grant app_work, app_read to developer")
        .await?;
    let page = Page::read("README.md")?;
    let script: String = page
        .blocks_of("sql")
        .iter()
        .flat_map(|block| block.text.lines())
        .filter(|line| !line.starts_with("create extension"))
        .map(|line| format!("{line}\n"))
        .collect();
    let printed = system.psql("developer", "app", &script)?;
    ensure!(
        printed.contains("COMPLETED_SUCCESSFULLY") && printed.contains("FINISHED"),
        "the run was not completed:\n{printed}"
    );
    Ok(())
}

/// A database of the release before, with runs in several states, lives on after the update.
async fn update(system: &System, workspace: &Workspace, staged: &Staged) -> Result<()> {
    let script = system.path(&format!(
        "usr/share/postgresql/{}/extension/engine--{OLD}.sql",
        staged.major
    ));
    fs::copy(workspace.root().join(OLD_SCRIPT), &script)?;
    let maintenance = system.server().connect("postgres").await?;
    for name in ["made", "old"] {
        let create = format!("create database {name}");
        maintenance.batch_execute(&create).await?;
    }
    let made = session(system, "made").await?;
    made.client.batch_execute("create extension engine").await?;
    let executing = made.executing("executing").await?;
    let waiting = made.executing("waiting").await?;
    let token = made.token().await?;
    made.block(&waiting.run_id, &[&token]).await?;
    made.trigger("queued").await?;
    let old = session(system, "old").await?;
    let create = format!("create extension engine version '{OLD}'");
    old.client.batch_execute(&create).await?;
    made.copy_rows(&old).await?;
    fs::remove_file(script)?;
    old.client
        .batch_execute("alter extension engine update")
        .await?;
    old.complete(&executing, json!({"ok": true})).await?;
    old.complete_waitpoint(&token).await?;
    let status = old.execution_status(&waiting.run_id).await?;
    ensure!(status == "EXECUTING", "the waiting run is {status}");
    let taken = old.take().await?;
    old.complete(&taken, json!({"ok": true})).await?;
    old.check().await
}

/// Leaves the system as it was, but for what Debian itself keeps of every package.
async fn remove(system: &mut System, staged: &Staged, before: &BTreeSet<String>) -> Result<()> {
    for name in ["app", "made", "old"] {
        let client = system.server().connect(name).await?;
        client.batch_execute("drop extension engine").await?;
        let left = "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                    where n.nspname = 'engine' or c.relname like 'engine%'";
        let left: i64 = client.query_one(left, &[]).await?.get(0);
        let functions = "select count(*) from pg_proc where proname like 'engine%'";
        let functions: i64 = client.query_one(functions, &[]).await?.get(0);
        ensure!(
            left == 0 && functions == 0,
            "{name}: {left} relations, {functions} functions"
        );
    }
    system.stop()?;
    system.purge(&format!("postgresql-{}-engine", staged.major))?;
    let left: Vec<String> = system.files()?.difference(before).cloned().collect();
    ensure!(left.is_empty(), "the package has left: {left:#?}");
    Ok(())
}

async fn session(system: &System, database: &str) -> Result<Session> {
    let client = system.server().connect(database).await;
    let client = client.with_context(|| format!("database {database}"))?;
    Ok(Session { client })
}
