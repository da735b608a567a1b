//! pgspot, which finds what an attacker could make an install or update script bind to.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use engine_harness::{Extension, Workspace, progress, python};

/// The version for which there are no findings.
const PGSPOT: &str = "pgspot==0.9.4";

/// Findings that are allowed, each with its reason.
const ALLOWED: &str = include_str!("pgspot.txt");

/// The findings that are allowed in scripts of a kind.
fn allowed(kind: &str) -> Vec<&'static str> {
    let lines = ALLOWED.lines().filter(|line| !line.starts_with('#'));
    let exceptions = lines.filter_map(|line| {
        let mut words = line.splitn(3, ' ');
        let (of, finding, reason) = (words.next()?, words.next()?, words.next()?);
        (of == kind && reason.len() > 10).then_some(finding)
    });
    exceptions.collect()
}

/// Checks all scripts of a built extension.
pub fn run(workspace: &Workspace, extension: &Extension) -> Result<()> {
    let program = find_or_install(workspace)?;
    let check = |allowed: &[&str]| {
        let mut command = Command::new(&program);
        // Functions in C have no body to read.
        command.args(["--ignore-lang", "c"]);
        for code in allowed {
            command.args(["--ignore", code]);
        }
        command
    };
    super::lint::check(
        "pgspot, install script",
        check(&allowed("install")).arg(&extension.script),
    )?;
    for update in &extension.updates {
        let mut command = check(&allowed("update"));
        super::lint::check("pgspot, update script", command.arg(update))?;
    }
    Ok(())
}

/// The program, in a Python environment of its own below `target/`.
fn find_or_install(workspace: &Workspace) -> Result<PathBuf> {
    let name = "pgspot";
    let program = workspace.target().join(name).join("bin/pgspot");
    if program.exists() {
        return Ok(program);
    }
    let directory = python::environment(workspace, name)?;
    let mut install = Command::new(directory.join("bin/pip"));
    install.args(["install", "--quiet", PGSPOT]);
    progress::watch(&format!("installing {PGSPOT}"), &mut install)?;
    Ok(program)
}
