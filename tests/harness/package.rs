//! Debian packages: a Postgres server with its headers, and others that commands need.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::unistd::geteuid;

use crate::pg_config::{MAJORS, PREFERRED_MAJOR};
use crate::{Workspace, progress};

/// Programs that building a server from its sources takes, each with its package.
const BUILD_PROGRAMS: [(&str, &str); 8] = [
    ("bison", "bison"),
    ("bzip2", "bzip2"),
    ("cc", "gcc"),
    ("curl", "curl"),
    ("flex", "flex"),
    ("make", "make"),
    ("perl", "perl"),
    ("tar", "tar"),
];

/// Headers that it takes.
const BUILD_HEADERS: [(&str, &str); 2] = [
    ("/usr/include/openssl/ssl.h", "libssl-dev"),
    ("/usr/include/zlib.h", "zlib1g-dev"),
];

/// Installs a server of the preferred major, or prints the commands for the user.
pub(crate) fn install_preferred_server() -> Result<()> {
    if !succeeds(Command::new("apt-get").arg("--version")) {
        bail!(
            "no PostgreSQL server with headers was found, and this is not a Debian-like system\n\
             install PostgreSQL {}–{} with its server headers and name it with --pg-config PATH",
            MAJORS.start(),
            MAJORS.end()
        );
    }
    update()?;
    let offered = offered_majors()?;
    let major = if offered.contains(&PREFERRED_MAJOR) {
        Some(PREFERRED_MAJOR)
    } else {
        offered.into_iter().max()
    };
    install_server(major.context("apt offers no PostgreSQL that the extension can be built for")?)
}

/// Installs a server of `major` with its headers.
pub(crate) fn install_server(major: u32) -> Result<()> {
    let names = names(major);
    install(&[&names[0], &names[1]])
}

/// Whether the system's packages have a server of `major`; no, where the system is another than Debian.
///
/// # Errors
/// If apt does not answer.
pub fn offers(major: u32) -> Result<bool> {
    if !succeeds(Command::new("apt-get").arg("--version")) {
        return Ok(false);
    }
    Ok(offered_majors()?.contains(&major))
}

/// Installs the missing ones of the packages that building a server from its sources takes.
pub(crate) fn install_build_tools() -> Result<()> {
    let programs = BUILD_PROGRAMS.iter();
    let programs = programs.filter(|(program, _)| !succeeds(Command::new("which").arg(program)));
    let headers = BUILD_HEADERS.iter();
    let headers = headers.filter(|(header, _)| !Path::new(header).exists());
    let missing: Vec<&str> = programs
        .chain(headers)
        .map(|(_, package)| *package)
        .collect();
    install_missing(&missing)
}

/// Installs what pgrx reads headers with. Debian's packages of servers bring it themselves.
pub(crate) fn install_bindgen() -> Result<()> {
    let installed = fs::read_dir("/usr/lib").into_iter().flatten();
    let is_there = installed
        .filter_map(Result::ok)
        .any(|entry| entry.file_name().as_encoded_bytes().starts_with(b"llvm-"));
    let is_named = std::env::var_os("LIBCLANG_PATH").is_some();
    let missing: &[&str] = if is_there || is_named {
        &[]
    } else {
        &["libclang-dev"]
    };
    install_missing(missing)
}

fn install_missing(names: &[&str]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    update()?;
    install(names)
}

/// Reads Debian's package lists, which a fresh machine lacks.
///
/// # Errors
/// If that needs root, or fails.
pub fn update() -> Result<()> {
    let elevate = elevate("apt-get update")?;
    let _turn = turn()?;
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
    let _turn = turn()?;
    let mut install = apt_get(elevate, &["install", "-y", "--no-install-recommends"]);
    progress::watch(&format!("installing {names_line}"), install.args(names))
}

/// Waits for other processes of these tests that install something: apt refuses to work beside another.
fn turn() -> Result<File> {
    let workspace = Workspace::find()?;
    fs::create_dir_all(workspace.target())?;
    let path = workspace.target().join("apt.lock");
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    file.lock()?;
    Ok(file)
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

/// The majors that the system's packages have.
fn offered_majors() -> Result<Vec<u32>> {
    let pattern = "^postgresql-server-dev-[0-9]+$";
    let output = Command::new("apt-cache")
        .args(["search", "--names-only", pattern])
        .output()
        .context("cannot start apt-cache")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let majors = text
        .lines()
        .filter_map(|line| {
            line.split_whitespace()
                .next()?
                .rsplit('-')
                .next()?
                .parse()
                .ok()
        })
        .filter(|major| MAJORS.contains(major));
    Ok(majors.collect())
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
