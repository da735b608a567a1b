//! `cargo xtask install`: the extension in a real server.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};
use engine_harness::{Extension, PgConfig, Profile, Workspace, progress, put};

pub fn run(pg_config: Option<&Path>) -> Result<()> {
    let workspace = Workspace::find()?;
    let pg = PgConfig::find_or_install(pg_config)?;
    let extension = Extension::build(&workspace, &pg, Profile::Release)?;
    let places = extension.places(pg.library_directory(), pg.share_directory());
    for (source, place) in &places {
        match put(source, place) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let commands: Vec<String> = places
                    .iter()
                    .map(|(source, place)| {
                        format!(
                            "sudo install -m 644 '{}' '{}'",
                            source.display(),
                            place.display()
                        )
                    })
                    .collect();
                bail!(
                    "no right to write {}\nrun: {}\nthen in the database: CREATE EXTENSION engine;",
                    place.display(),
                    commands.join(" && ")
                );
            }
            put => put.with_context(|| format!("cannot write {}", place.display()))?,
        };
        progress::say(format!("installed {}", place.display()));
    }
    progress::say("now run in the database:");
    println!("CREATE EXTENSION engine;");
    Ok(())
}
