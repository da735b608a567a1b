//! The extension as files: library, control file, install script, update scripts.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{PgConfig, Workspace, install_script, progress, update_script};

/// A cargo profile for the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build, with points at which tests have sessions die.
    Dev,
    /// Quick to run.
    Release,
    /// The same, and the bytes do not depend on where it is built.
    Package,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
            Self::Package => "package",
        }
    }

    /// Cargo's own name of it.
    fn of_cargo(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release | Self::Package => "release",
        }
    }
}

/// A built extension.
#[derive(Clone, Debug)]
pub struct Extension {
    /// `engine.so`, under the name cargo gave it.
    pub library: PathBuf,
    /// `engine.control`.
    pub control: PathBuf,
    /// `engine--VERSION.sql`.
    pub script: PathBuf,
    /// `engine--OLD--VERSION.sql`, one per release that can be updated.
    pub updates: Vec<PathBuf>,
    /// The frozen install scripts of these releases, from which tests update.
    pub releases: Vec<PathBuf>,
}

impl Extension {
    /// Builds the library for `pg` and writes control file and scripts beside it.
    ///
    /// # Errors
    /// If the build fails (cargo has said why), or the library's SQL cannot be read.
    pub fn build(workspace: &Workspace, pg: &PgConfig, profile: Profile) -> Result<Self> {
        progress::say(format!(
            "building the extension for {} ({})",
            pg.feature(),
            profile.name()
        ));
        let library = build_library(workspace, pg, profile)?;
        let version = workspace.extension_version();
        let directory = workspace
            .target()
            .join(format!("pg/{}/{}", pg.major(), profile.name()));
        fs::create_dir_all(&directory)?;
        let template = fs::read_to_string(workspace.root().join("engine-ext/engine.control"))
            .context("cannot read engine-ext/engine.control")?;
        let text = template.replace("@CARGO_VERSION@", version);
        let control = directory.join("engine.control");
        let script = directory.join(format!("engine--{version}.sql"));
        fs::write(&control, &text)?;
        install_script::write(&library, &text, &script)?;
        let sql = workspace.root().join("sql");
        let updates = update_script::write(&sql.join("upgrade"), &script, version)?;
        Ok(Self {
            library,
            control,
            script,
            updates,
            releases: scripts(&sql.join("install"))?,
        })
    }

    /// The files of this version, each with its place in a server's directories `lib` and `share`.
    #[must_use]
    pub fn places(&self, lib: &Path, share: &Path) -> Vec<(&Path, PathBuf)> {
        let extension = share.join("extension");
        let mut places = vec![
            (self.library.as_path(), lib.join("engine.so")),
            (self.control.as_path(), extension.join("engine.control")),
        ];
        for script in [&self.script].into_iter().chain(&self.updates) {
            let name = script.file_name().unwrap_or_default();
            places.push((script.as_path(), extension.join(name)));
        }
        places
    }
}

/// The scripts in a directory, in the order of their names.
pub(crate) fn scripts(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "sql") {
            scripts.push(path);
        }
    }
    scripts.sort();
    Ok(scripts)
}

/// Copies `source` to `place` in one step, so that a server which has mapped the old file keeps it. Returns false if it
/// has the same content already.
///
/// # Errors
/// If either cannot be read or `place` cannot be written.
pub fn put(source: &Path, place: &Path) -> io::Result<bool> {
    let content = fs::read(source)?;
    if fs::read(place).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    let directory = place.parent().unwrap_or(Path::new("/"));
    let mut fresh = tempfile::NamedTempFile::new_in(directory)?;
    io::Write::write_all(&mut fresh, &content)?;
    fresh
        .as_file()
        .set_permissions(fs::Permissions::from_mode(0o644))?;
    fresh.persist(place)?;
    Ok(true)
}

fn build_library(workspace: &Workspace, pg: &PgConfig, profile: Profile) -> Result<PathBuf> {
    let mut cargo = workspace.cargo("build");
    let directory = if profile == Profile::Package {
        cargo
            .env("RUSTFLAGS", without_paths(workspace, "--remap-path-prefix"))
            // pgrx compiles a file of C.
            .env("CFLAGS", without_paths(workspace, "-ffile-prefix-map"));
        workspace
            .target()
            .join(format!("pg/{}/package-build", pg.major()))
    } else {
        pg.build_directory(workspace)
    };
    let mut features = pg.feature();
    if profile == Profile::Dev {
        features.push_str(",crash");
    }
    let output = cargo
        .args([
            "--package",
            "engine-ext",
            "--no-default-features",
            "--features",
            &features,
        ])
        .args([
            "--profile",
            profile.of_cargo(),
            "--message-format=json-render-diagnostics",
        ])
        .arg("--target-dir")
        .arg(directory)
        .env("PGRX_PG_CONFIG_PATH", pg.path())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "the extension does not build");
    let text = String::from_utf8(output.stdout)?;
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "engine")
        .filter_map(|message| {
            let files = message["filenames"].as_array()?;
            files
                .iter()
                .filter_map(Value::as_str)
                .find(|file| file.ends_with(".so"))
                .map(PathBuf::from)
        })
        .next_back()
        .context("cargo built no libengine.so")
}

/// Flags that have a compiler write other paths into the library than those of this machine. Of several that fit the last one
/// counts, to both compilers.
fn without_paths(workspace: &Workspace, flag: &str) -> String {
    let registry = env::var_os("CARGO_HOME").map(PathBuf::from);
    let registry = registry.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let places = [
        (registry.as_deref(), "/cargo"),
        (Some(workspace.root()), "/engine"),
        (Some(workspace.target()), "/engine/target"),
    ];
    let flags = places
        .iter()
        .filter_map(|(place, name)| Some(format!("{flag}={}={name}", place.as_ref()?.display())));
    flags.collect::<Vec<_>>().join(" ")
}
