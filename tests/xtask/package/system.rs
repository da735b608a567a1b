//! An empty Debian system in a directory, with Debian's Postgres in it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use engine_harness::{Server, Workspace, package, progress};
use nix::unistd::geteuid;
use tempfile::TempDir;

const MIRROR: &str = "http://deb.debian.org/debian";

/// Where the data is in the system, and the socket.
const DATA: &str = "srv/data";
const SOCKET: &str = "srv/socket";

/// Directories in which packages put files. Debian's own records are elsewhere.
const WATCHED: [&str; 4] = ["etc", "opt", "usr", "var/lib/postgresql"];

/// A system, which goes away with this value.
pub struct System {
    root: TempDir,
    major: u32,
    runs: bool,
}

impl System {
    /// Unpacks a system of this machine's release of Debian; `None` where that is impossible, after printing why.
    pub fn make(workspace: &Workspace, major: u32) -> Result<Option<Self>> {
        if !geteuid().is_root() {
            progress::say("skipped: another Debian system is for root only");
            return Ok(None);
        }
        let suite = suite()?;
        if !package::offers(major)? {
            progress::say(format!("skipped: Debian {suite} has no PostgreSQL {major}"));
            return Ok(None);
        }
        let archive = match archive(workspace, &suite, major) {
            Ok(archive) => archive,
            Err(error) => {
                progress::say(format!(
                    "skipped: no empty Debian {suite} can be made here\n{error:#}"
                ));
                return Ok(None);
            }
        };
        let root = tempfile::Builder::new()
            .prefix("engine-system-")
            .tempdir()?;
        let mut unpack = Command::new("tar");
        unpack
            .args(["--extract", "--same-permissions", "--numeric-owner"])
            .arg("--file")
            .arg(&archive)
            .arg("--directory")
            .arg(root.path());
        progress::watch("unpacking an empty Debian system", &mut unpack)?;
        Ok(Some(Self {
            root,
            major,
            runs: false,
        }))
    }

    /// The path of a file of the system, from outside.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The files that packages have put into it.
    pub fn files(&self) -> Result<BTreeSet<String>> {
        let mut find = self.inside("find");
        let output = find.args(WATCHED.map(|name| format!("/{name}"))).output()?;
        ensure!(output.status.success(), "the files cannot be listed");
        let text = String::from_utf8_lossy(&output.stdout);
        // Debian's triggers rewrite these with every package.
        let is_kept = |line: &&str| !line.ends_with("ld.so.cache") && !line.ends_with('~');
        Ok(text.lines().filter(is_kept).map(str::to_owned).collect())
    }

    /// Installs a package file.
    pub fn install(&self, package: &Path) -> Result<()> {
        let place = self.path("srv/package.deb");
        fs::copy(package, &place)?;
        let mut dpkg = self.inside("dpkg");
        dpkg.args(["--install", "/srv/package.deb"]);
        progress::watch("installing the package", &mut dpkg)?;
        Ok(fs::remove_file(place)?)
    }

    /// Removes a package and its settings.
    pub fn purge(&self, name: &str) -> Result<()> {
        let mut dpkg = self.inside("dpkg");
        dpkg.args(["--purge", name]);
        progress::watch("removing the package", &mut dpkg)
    }

    /// Starts a server on new data, which listens on its socket only.
    pub fn start(&mut self) -> Result<()> {
        let script = format!(
            "mkdir -p /{DATA} /{SOCKET} && chown postgres /{DATA} /{SOCKET} && \
             su postgres -s /bin/sh -c '\
             {bin}/initdb --auth trust --encoding UTF8 --no-locale --no-sync --pgdata /{DATA} && \
             {bin}/pg_ctl --wait --pgdata /{DATA} --log /{DATA}/log \
             --options \"-k /{SOCKET} -c listen_addresses=\" start'",
            bin = format_args!("/usr/lib/postgresql/{}/bin", self.major),
        );
        let mut start = self.inside("sh");
        // The server keeps what it inherits: a pipe would never end.
        start.args(["-c", &format!("({script}) > /srv/start.log 2>&1")]);
        self.runs = true;
        let started = progress::watch("starting its server", &mut start);
        started.with_context(|| fs::read_to_string(self.path("srv/start.log")).unwrap_or_default())
    }

    /// Stops the server and removes its data.
    pub fn stop(&mut self) -> Result<()> {
        self.runs = false;
        let script = format!(
            "su postgres -s /bin/sh -c '/usr/lib/postgresql/{}/bin/pg_ctl --pgdata /{DATA} --mode immediate stop' && \
             rm -rf /{DATA} /{SOCKET}",
            self.major
        );
        let mut stop = self.inside("sh");
        progress::watch("stopping its server", stop.args(["-c", &script]))
    }

    /// The running server.
    pub fn server(&self) -> Server {
        Server::at(self.path(SOCKET))
    }

    /// Runs a script in psql, in the system; returns its output.
    pub fn psql(&self, user: &str, database: &str, script: &str) -> Result<String> {
        let mut psql = self.inside("psql");
        let mut psql = psql
            .args(["--no-psqlrc", "--set", "ON_ERROR_STOP=1"])
            .args(["--host", &format!("/{SOCKET}")])
            .args(["--username", user, "--dbname", database])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start psql")?;
        let mut input = psql.stdin.take().context("no stdin")?;
        input.write_all(script.as_bytes())?;
        drop(input);
        let output = psql.wait_with_output()?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "{printed}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(printed)
    }

    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("chroot");
        command
            .arg(self.root.path())
            .arg(program)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if self.runs
            && let Err(error) = self.stop()
        {
            eprintln!("{error:#}");
        }
    }
}

/// The archive of an empty system, which is made once.
fn archive(workspace: &Workspace, suite: &str, major: u32) -> Result<PathBuf> {
    let directory = workspace.target().join("package");
    let archive = directory.join(format!("system-{suite}-{major}.tar"));
    if archive.exists() {
        return Ok(archive);
    }
    if !Path::new("/usr/sbin/debootstrap").exists() {
        package::update()?;
        package::install(&["debootstrap"])?;
    }
    let tree = tempfile::Builder::new()
        .prefix("engine-system-")
        .tempdir()?;
    let mut make = Command::new("/usr/sbin/debootstrap");
    make.args([
        "--variant=minbase",
        &format!("--include=postgresql-{major}"),
    ])
    .arg(suite)
    .arg(tree.path())
    .arg(MIRROR);
    progress::watch(&format!("making an empty Debian {suite}"), &mut make)?;
    let fresh = tempfile::NamedTempFile::new_in(&directory)?;
    let mut pack = Command::new("tar");
    pack.args(["--create", "--numeric-owner", "--exclude=./var/cache/apt"])
        .arg("--directory")
        .arg(tree.path())
        .arg("--file")
        .arg(fresh.path())
        .arg(".");
    progress::watch("keeping it", &mut pack)?;
    fresh.persist(&archive)?;
    File::open(&archive)?.sync_all()?;
    Ok(archive)
}

/// This machine's release of Debian.
fn suite() -> Result<String> {
    let text = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(line
        .context("the release of Debian is not named")?
        .to_owned())
}
