//! PL/Proxy, as Debian has it.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::package;

const EXTENSION: &str = "create extension if not exists plproxy;";

/// What `engine router --plproxy` has printed, as servers of tests take it: they have a tree of their own, and load the library of
/// Debian's package by its path. It is installed if it is missing. `None` for a major that Debian does not have here.
///
/// # Errors
/// If it cannot be installed, or the script is none of these.
pub fn with_plproxy(script: &str, major: u32) -> Result<Option<String>> {
    if !package::offers(major)? {
        return Ok(None);
    }
    let library = Path::new("/usr/lib/postgresql").join(format!("{major}/lib/plproxy.so"));
    if !library.exists() {
        package::update()?;
        package::install(&[&format!("postgresql-{major}-plproxy")])?;
    }
    ensure!(
        script.contains(EXTENSION),
        "no script for PL/Proxy: {script}"
    );
    let library = library.display();
    let language = format!(
        "create function plproxy_call_handler() returns language_handler language c as '{library}'; \
         create function plproxy_validator(oid) returns void language c as '{library}'; \
         create language plproxy handler plproxy_call_handler validator plproxy_validator;"
    );
    Ok(Some(script.replace(EXTENSION, &language)))
}
