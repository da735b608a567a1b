//! PL/Proxy, as Debian has it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::package;

/// The library of PL/Proxy for servers of a major, which is installed if it is missing; `None` for a major that Debian does not
/// have here. Servers of tests have a tree of their own, and load it by its path.
///
/// # Errors
/// If it cannot be installed.
pub fn plproxy(major: u32) -> Result<Option<PathBuf>> {
    if !package::offers(major)? {
        return Ok(None);
    }
    let library = Path::new("/usr/lib/postgresql").join(format!("{major}/lib/plproxy.so"));
    if !library.exists() {
        package::update()?;
        package::install(&[&format!("postgresql-{major}-plproxy")])?;
    }
    Ok(Some(library))
}
