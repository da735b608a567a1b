//! The Debian package.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use engine_harness::progress;

use super::staged::{Staged, copy};

/// Makes `postgresql-MAJOR-engine_VERSION-1_ARCHITECTURE.deb` in `out`.
pub fn package(staged: &Staged, out: &Path) -> Result<PathBuf> {
    let tree = tempfile::tempdir_in(out)?;
    let root = tree.path().join("root");
    let name = format!("postgresql-{}-engine", staged.major);
    lay(staged, &root, &name)?;
    describe(staged, &root)?;
    close(&root)?;
    let file = format!("{name}_{}-1_{}.deb", staged.version, staged.architecture);
    let package = out.join(file);
    let mut build = Command::new("dpkg-deb");
    let compression = if staged.is_quick { "-Zgzip" } else { "-Zxz" };
    build
        .args(["--root-owner-group", compression, "--build"])
        .args([&root, &package])
        .env("SOURCE_DATE_EPOCH", &staged.epoch);
    progress::watch("making the Debian package", &mut build)?;
    Ok(package)
}

fn lay(staged: &Staged, root: &Path, name: &str) -> Result<()> {
    let major = staged.major;
    staged.lay(
        &root.join(format!("usr/lib/postgresql/{major}/lib")),
        &root.join(format!("usr/share/postgresql/{major}")),
    )?;
    let documents = root.join("usr/share/doc").join(name);
    fs::create_dir_all(&documents)?;
    let license = fs::read_to_string(staged.source("LICENSE"))?;
    let copyright = staged.fill("copyright", &[("LICENSE", indented(&license).trim_end())])?;
    fs::write(documents.join("copyright"), copyright)?;
    let date = date(&staged.epoch)?;
    let changelog = staged.fill("changelog", &[("DATE", &date)])?;
    compress(changelog.as_bytes(), &documents.join("changelog.Debian.gz"))?;
    let changes = fs::read(staged.source("CHANGELOG.md"))?;
    compress(&changes, &documents.join("changelog.gz"))?;
    copy(
        &staged.source("engine-ext/README.md"),
        &documents.join("README.md"),
    )
}

/// The file `control`, and the digests.
fn describe(staged: &Staged, root: &Path) -> Result<()> {
    let files = files_below(root)?;
    let mut bytes = 0;
    let mut sums = String::new();
    for file in &files {
        bytes += fs::metadata(file)?.len();
        let output = Command::new("md5sum").arg(file).output()?;
        let text = String::from_utf8(output.stdout)?;
        let sum = text.split(' ').next().context("md5sum says nothing")?;
        writeln!(sums, "{sum}  {}", file.strip_prefix(root)?.display())?;
    }
    let size = bytes.div_ceil(1024).to_string();
    let facts = [
        ("INSTALLED_SIZE", size.as_str()),
        ("GLIBC", &staged.glibc()?),
    ];
    let control = staged.fill("control", &facts)?;
    let about = root.join("DEBIAN");
    fs::create_dir(&about)?;
    fs::write(about.join("control"), control)?;
    fs::write(about.join("md5sums"), sums)?;
    Ok(())
}

/// All files below a directory, in the order of their names.
fn files_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Gives directories and files the modes that they have in every package, whatever this process's umask is.
fn close(directory: &Path) -> Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            close(&path)?;
        } else {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        }
    }
    Ok(())
}

/// Without name and time, so that the same text gives the same bytes.
fn compress(text: &[u8], file: &Path) -> Result<()> {
    fs::write(file, text)?;
    let mut gzip = Command::new("gzip");
    gzip.args(["--no-name", "--best", "--stdout"]).arg(file);
    let output = gzip.output().context("cannot start gzip")?;
    ensure!(output.status.success(), "gzip ended with {}", output.status);
    fs::write(file, output.stdout)?;
    Ok(())
}

/// A text in the form of a paragraph of Debian's control files.
fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| match line.trim_end() {
        "" => " .\n".to_owned(),
        line => format!(" {line}\n"),
    });
    lines.collect()
}

fn date(epoch: &str) -> Result<String> {
    let output = Command::new("date")
        .args(["--utc", "--rfc-email", "--date", &format!("@{epoch}")])
        .stdin(Stdio::null())
        .env("LC_ALL", "C")
        .output()
        .context("cannot start date")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
