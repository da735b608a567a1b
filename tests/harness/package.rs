//! Debian packages: a Postgres server with its headers, and others that commands need.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::unistd::geteuid;

use crate::pg_config::MAJORS;
use crate::progress;

/// The major that a plain `cargo build` is set up for.
const PREFERRED_MAJOR: u32 = 15;

/// Installs the server, or prints the commands for the user.
pub(crate) fn install_server() -> Result<()> {
    if !succeeds(Command::new("apt-get").arg("--version")) {
        bail!(
            "no PostgreSQL server with headers was found, and this is not a Debian-like system\n\
             install PostgreSQL {}–{} with its server headers and name it with --pg-config PATH",
            MAJORS.start(),
            MAJORS.end()
        );
    }
    update()?;
    let names = names(offered_major()?);
    install(&[&names[0], &names[1]])
}

/// Reads Debian's package lists, which a fresh machine lacks.
///
/// # Errors
/// If that needs root, or fails.
pub fn update() -> Result<()> {
    let elevate = elevate("apt-get update")?;
    progress::watch(
        "reading Debian's package lists",
        &mut apt_get(elevate, &["update"]),
    )
}

/// Installs Debian packages.
///
/// # Errors
/// If that needs root, or fails.
pub fn install(names: &[&str]) -> Result<()> {
    let names_line = names.join(" ");
    let command = format!("apt-get install -y --no-install-recommends {names_line}");
    let elevate = elevate(&command)?;
    let mut install = apt_get(elevate, &["install", "-y", "--no-install-recommends"]);
    progress::watch(&format!("installing {names_line}"), install.args(names))
}

/// The prefix of a command that needs root; without one the user is shown the command.
fn elevate(command: &str) -> Result<&'static [&'static str]> {
    if geteuid().is_root() {
        Ok(&[])
    } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
        Ok(&["sudo", "-n"])
    } else {
        bail!("a Debian package is missing, and installing one needs root\nrun: sudo {command}");
    }
}

fn names(major: u32) -> [String; 2] {
    [
        format!("postgresql-{major}"),
        format!("postgresql-server-dev-{major}"),
    ]
}

/// The preferred major where the system's packages have it, else their newest.
fn offered_major() -> Result<u32> {
    let pattern = "^postgresql-server-dev-[0-9]+$";
    let output = Command::new("apt-cache")
        .args(["search", "--names-only", pattern])
        .output()
        .context("cannot start apt-cache")?;
    let majors: Vec<u32> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            line.split_whitespace()
                .next()?
                .rsplit('-')
                .next()?
                .parse()
                .ok()
        })
        .filter(|major| MAJORS.contains(major))
        .collect();
    if majors.contains(&PREFERRED_MAJOR) {
        return Ok(PREFERRED_MAJOR);
    }
    majors
        .into_iter()
        .max()
        .context("apt offers no PostgreSQL that the extension can be built for")
}

fn apt_get(elevate: &[&str], arguments: &[&str]) -> Command {
    let words = [
        elevate,
        &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"],
        arguments,
    ]
    .concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::null());
    command
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
