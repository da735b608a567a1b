//! pgspot, which finds what an attacker could make an install or update script bind to.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use engine_harness::{Extension, Workspace, progress, python};

/// The version for which there are no findings.
const PGSPOT: &str = "pgspot==0.9.4";

/// Findings that are allowed in an update script, and not in an install script. It replaces functions (PS002) and views
/// (PS015) in place: grants and users' objects on them stay. Postgres itself refuses to replace what is no member of
/// the extension (since 14.5 and 15.0), so planted objects are never adopted.
const ALLOWED_IN_UPDATES: [&str; 2] = ["PS002", "PS015"];

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
    super::lint::check("pgspot, install script", check(&[]).arg(&extension.script))?;
    for update in &extension.updates {
        let mut command = check(&ALLOWED_IN_UPDATES);
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
