//! Update scripts: the changes of tables in `sql/upgrade`, then every view and function again, with their earlier
//! grants, then a message to all sessions.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::extension::scripts;

/// What pgrx writes around each part of an install script.
const PART: &str = "/* <begin connected objects> */";
const END_OF_PART: &str = "/* </end connected objects> */";

/// Keeps a script from binding to anything else.
const PINNED: &str = "set local search_path to pg_catalog, pg_temp;\n";

/// How views and functions begin in an install script, and in an update script.
const RERUN: [(&str, &str); 3] = [
    ("create view ", "create or replace view "),
    ("create function ", "create or replace function "),
    ("create procedure ", "create or replace procedure "),
];

/// Writes the update scripts to `version` beside its install script, one per file `OLD--VERSION.sql` of `upgrade`.
pub(crate) fn write(upgrade: &Path, install: &Path, version: &str) -> Result<Vec<PathBuf>> {
    let script = fs::read_to_string(install)?;
    let rerun = rerun(&script);
    ensure!(!rerun.is_empty(), "the install script makes nothing");
    let around = |name: &str| {
        let path = upgrade.join("around").join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let (keep, give_back) = (around("keep_grants.sql")?, around("give_grants_back.sql")?);
    let announce = around("announce.sql")?;
    let mut written = Vec::new();
    for tables in scripts(upgrade)? {
        let name = tables.file_stem().unwrap_or_default().to_string_lossy();
        let (_, to) = name
            .split_once("--")
            .with_context(|| format!("{} is not named OLD--NEW.sql", tables.display()))?;
        if to != version {
            continue;
        }
        let text = format!(
            "\\echo Use \"ALTER EXTENSION engine UPDATE TO '{version}'\" to load this file. \\quit\n\n\
             {PINNED}\n{keep}\n{}\n{rerun}\n{give_back}\n{announce}",
            fs::read_to_string(&tables)?
        );
        let update = install.with_file_name(format!("engine--{name}.sql"));
        fs::write(&update, text).with_context(|| format!("cannot write {}", update.display()))?;
        written.push(update);
    }
    Ok(written)
}

/// The parts of an install script that an update runs again: those that create views and functions.
fn rerun(script: &str) -> String {
    let makes = |part: &&str| {
        let starts = |line: &str| RERUN.iter().any(|(first, _)| line.starts_with(first));
        part.lines().any(starts)
    };
    let parts = script.split(PART).skip(1);
    let parts = parts.map(|part| part.split(END_OF_PART).next().unwrap_or(part));
    let mut rerun: String = parts.filter(makes).collect();
    for (first, again) in RERUN {
        rerun = rerun.replace(&format!("\n{first}"), &format!("\n{again}"));
    }
    rerun
}
