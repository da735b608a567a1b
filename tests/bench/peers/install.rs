//! Installing peers from their registries, at the versions that the lock files beside their adapters name.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use engine_harness::{Workspace, progress};
use serde_json::Value;

use super::catalog::{Peer, Registry};

/// An adapter with all that it needs.
pub(super) struct Program {
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    /// Where its standard error goes.
    pub(super) log: PathBuf,
}

impl Program {
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command
    }
}

/// Installs `peer`, or finds it installed.
pub(super) fn install(workspace: &Workspace, peer: &Peer) -> Result<Program> {
    let place = Place::of(workspace, peer);
    fs::create_dir_all(&place.home)?;
    match peer.registry {
        Registry::Npm => npm(&place),
        Registry::PyPi => pypi(&place),
        Registry::Crates => crates(workspace, &place),
    }
}

/// The version that is locked.
pub(super) fn version(workspace: &Workspace, peer: &Peer) -> Result<String> {
    let place = Place::of(workspace, peer);
    let package = peer.package;
    let text = fs::read_to_string(place.sources.join(peer.registry.lock()))?;
    let found = match peer.registry {
        Registry::Npm => {
            let lock: Value = serde_json::from_str(&text)?;
            let version = &lock["packages"][format!("node_modules/{package}")]["version"];
            version.as_str().map(str::to_owned)
        }
        Registry::PyPi => locked(&text, &format!("{package}=="), ""),
        Registry::Crates => locked(&text, &format!("name = \"{package}\"\nversion = \""), "\""),
    };
    found.with_context(|| format!("no version of {package} is locked"))
}

/// The text between `before`, at the beginning of a line, and `after`, or the end of that line.
fn locked(text: &str, before: &str, after: &str) -> Option<String> {
    let text = format!("\n{text}");
    let (_, rest) = text.split_once(&format!("\n{before}"))?;
    let line = rest.lines().next()?;
    line.strip_suffix(after).map(str::to_owned)
}

impl Registry {
    fn lock(self) -> &'static str {
        match self {
            Self::Npm => "package-lock.json",
            Self::PyPi => "requirements.txt",
            Self::Crates => "Cargo.lock",
        }
    }
}

/// Where a peer's adapter and its dependencies are.
struct Place {
    name: &'static str,
    /// The adapter.
    sources: PathBuf,
    /// All adapters, and what they share.
    shared_sources: PathBuf,
    /// The installed peer.
    home: PathBuf,
    /// All installed peers.
    shared_home: PathBuf,
    log: PathBuf,
}

impl Place {
    fn of(workspace: &Workspace, peer: &Peer) -> Self {
        let shared_sources = workspace.root().join("tests/bench/peers");
        let shared_home = workspace.target().join("bench/peers");
        Self {
            name: peer.package,
            sources: shared_sources.join(peer.package),
            home: shared_home.join(peer.package),
            log: shared_home.join(format!("{}.log", peer.package)),
            shared_sources,
            shared_home,
        }
    }

    /// Runs `commands` unless they have run with the same lock file before.
    fn once(&self, lock: &str, commands: &mut [Command]) -> Result<()> {
        let wanted = fs::read(self.sources.join(lock))?;
        let stamp = self.home.join("installed");
        if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        for command in commands {
            progress::watch(&format!("installing {}", self.name), command)?;
        }
        Ok(fs::write(stamp, wanted)?)
    }
}

/// Node looks for packages above the script that asks for them, so the adapter is copied beside them.
fn npm(place: &Place) -> Result<Program> {
    for file in ["adapter.mjs", "package.json", "package-lock.json"] {
        fs::copy(place.sources.join(file), place.home.join(file))?;
    }
    let contract = "contract.mjs";
    fs::copy(
        place.shared_sources.join(contract),
        place.shared_home.join(contract),
    )?;
    let mut install = Command::new("npm");
    install
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        // It would say that its own Node is too old, which does not matter here.
        .args(["--loglevel", "error"])
        .current_dir(&place.home);
    place.once(Registry::Npm.lock(), &mut [install])?;
    // Node is one of the packages, where there is one for this machine.
    let packaged = place.home.join("node_modules/.bin/node");
    let program = if packaged.exists() {
        packaged
    } else {
        PathBuf::from("node")
    };
    Ok(Program {
        program,
        arguments: vec![place.home.join("adapter.mjs").into()],
        variables: Vec::new(),
        log: place.log.clone(),
    })
}

fn pypi(place: &Place) -> Result<Program> {
    let environment = place.home.join("venv");
    let python = environment.join("bin/python");
    let mut create = Command::new("python3");
    create.args(["-m", "venv", "--clear"]).arg(&environment);
    let mut install = Command::new(&python);
    install
        .args(["-m", "pip", "install", "--disable-pip-version-check"])
        .args(["--no-deps", "--requirement"])
        .arg(place.sources.join(Registry::PyPi.lock()));
    place.once(Registry::PyPi.lock(), &mut [create, install])?;
    Ok(Program {
        program: python,
        arguments: vec![place.sources.join("adapter.py").into()],
        variables: vec![
            ("PYTHONPATH", place.shared_sources.clone().into()),
            ("PYTHONDONTWRITEBYTECODE", "1".into()),
        ],
        log: place.log.clone(),
    })
}

fn crates(workspace: &Workspace, place: &Place) -> Result<Program> {
    let target = place.shared_home.join("cargo");
    let mut build = workspace.cargo("build");
    build
        .args(["--release", "--locked", "--manifest-path"])
        .arg(place.sources.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target);
    progress::watch(&format!("building {}", place.name), &mut build)?;
    Ok(Program {
        program: target.join("release").join(format!("peer-{}", place.name)),
        arguments: Vec::new(),
        variables: Vec::new(),
        log: place.log.clone(),
    })
}
