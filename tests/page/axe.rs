//! axe-core, which finds what makes a page hard to use with a screen reader, or without seeing its colours.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use engine_harness::{Workspace, package, progress};
use serde_json::Value;

use crate::Browser;

const AXE: &str = "axe-core@4.14.1";

/// Findings of the page that a browser shows, one line each.
///
/// # Errors
/// If axe-core cannot be had, or fails.
pub async fn findings(browser: &Browser) -> Result<Vec<String>> {
    let source = fs::read_to_string(find_or_install()?)?;
    browser.client().execute(&source, Vec::new()).await?;
    let run = "const done = arguments[0]; axe.run().then(r => done(r.violations.map(v => \
               v.impact + ' ' + v.id + ': ' + v.nodes.map(n => n.target + ' ' + n.html).slice(0, 3).join(' | '))), e => done(['failed: ' + e]))";
    let found = browser.client().execute_async(run, Vec::new()).await?;
    let found = found.as_array().context("axe-core says nothing")?;
    Ok(found
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect())
}

fn find_or_install() -> Result<PathBuf> {
    let workspace = Workspace::find()?;
    let directory = workspace.target().join("axe");
    let script = directory.join("node_modules/axe-core/axe.min.js");
    if script.exists() {
        return Ok(script);
    }
    if !Command::new("npm")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        package::update()?;
        package::install(&["npm"])?;
    }
    fs::create_dir_all(&directory)?;
    let mut install = Command::new("npm");
    install
        .args(["install", "--no-save", "--silent", "--prefix"])
        .arg(&directory)
        .arg(AXE);
    progress::watch(&format!("installing {AXE}"), &mut install)?;
    Ok(script)
}
