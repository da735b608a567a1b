//! What goes into packages: the stripped library, the control file and the scripts; and the templates of what describes them.

use std::env;
use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use engine_harness::{Extension, PgConfig, Profile, Workspace, progress, put};

/// Where the templates are, below the workspace.
pub const TEMPLATES: &str = "tests/package";

/// The maintainer where the environment names none. A release has a real one.
const UNNAMED: &str = "The engine developers <maintainers@engine.example>";

/// The files of one major, and facts about them.
pub struct Staged {
    pub version: String,
    pub major: u32,
    /// Debian's name of the architecture.
    pub architecture: &'static str,
    /// The time that every file in a package has: that of the commit that is packaged.
    pub epoch: String,
    /// Whether it is made for a trial only: the library is not optimised.
    pub is_quick: bool,
    /// Library, control file and scripts of the build.
    extension: Extension,
    library: PathBuf,
    workspace: Workspace,
}

impl Staged {
    pub fn of(workspace: &Workspace, pg: &PgConfig, profile: Profile) -> Result<Self> {
        let extension = Extension::build(workspace, pg, profile)?;
        let library = extension.script.with_file_name("engine.so");
        fs::copy(&extension.library, &library)?;
        let mut strip = Command::new("strip");
        strip.args(["--strip-unneeded", "--remove-section=.comment"]);
        progress::watch("stripping the library", strip.arg(&library))?;
        Ok(Self {
            version: workspace.extension_version().to_owned(),
            major: pg.major(),
            architecture: architecture()?,
            epoch: epoch(workspace)?,
            is_quick: profile == Profile::Dev,
            extension,
            library,
            workspace: workspace.clone(),
        })
    }

    /// Puts the files where a server with these directories looks for them.
    pub fn lay(&self, lib: &Path, share: &Path) -> Result<()> {
        for (source, place) in self.extension.places(lib, share) {
            let is_library = source == self.extension.library;
            let source = if is_library { &self.library } else { source };
            copy(source, &place)?;
        }
        Ok(())
    }

    /// A file of the workspace, such as the licence.
    pub fn source(&self, name: &str) -> PathBuf {
        self.workspace.root().join(name)
    }

    /// A template with the facts in their places, such as `@VERSION@`.
    pub fn fill(&self, template: &str, facts: &[(&str, &str)]) -> Result<String> {
        let path = self.source(TEMPLATES).join(template);
        let mut text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let major = self.major.to_string();
        let own = [
            ("VERSION", self.version.as_str()),
            ("MAJOR", &major),
            ("ARCHITECTURE", self.architecture),
            ("MAINTAINER", &maintainer()),
        ];
        for (name, value) in own.iter().chain(facts) {
            text = text.replace(&format!("@{name}@"), value);
        }
        Ok(text)
    }

    /// The newest version of glibc whose symbols the library asks for.
    pub fn glibc(&self) -> Result<String> {
        let output = Command::new("objdump")
            .arg("-T")
            .arg(&self.library)
            .output()
            .context("cannot start objdump")?;
        newest_glibc(&String::from_utf8_lossy(&output.stdout))
            .context("the library asks for no symbol of glibc")
    }
}

/// Copies with the modes that files of packages have.
pub fn copy(source: &Path, place: &Path) -> Result<()> {
    if let Some(directory) = place.parent() {
        fs::create_dir_all(directory)?;
    }
    put(source, place).with_context(|| format!("cannot write {}", place.display()))?;
    Ok(())
}

fn architecture() -> Result<&'static str> {
    match ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => bail!("packages for {other} have not been tried"),
    }
}

/// The maintainer of the packages: `DEBFULLNAME` and `DEBEMAIL`, as Debian's tools have it.
pub fn maintainer() -> String {
    match (env::var("DEBFULLNAME"), env::var("DEBEMAIL")) {
        (Ok(name), Ok(address)) => format!("{name} <{address}>"),
        _ => UNNAMED.to_owned(),
    }
}

/// `SOURCE_DATE_EPOCH`, else the time of the last commit.
fn epoch(workspace: &Workspace) -> Result<String> {
    if let Ok(epoch) = env::var("SOURCE_DATE_EPOCH") {
        return Ok(epoch);
    }
    let output = Command::new("git")
        .args(["log", "-1", "--format=%ct"])
        .current_dir(workspace.root())
        .output();
    let epoch = output.ok().filter(|output| output.status.success());
    // A source archive has no history.
    Ok(epoch.map_or_else(
        || "0".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    ))
}

fn newest_glibc(symbols: &str) -> Option<String> {
    let versions = symbols
        .split(|character: char| character.is_whitespace() || "()".contains(character))
        .filter_map(|word| word.strip_prefix("GLIBC_"));
    let numbers = |version: &str| -> Vec<u32> {
        version
            .split('.')
            .filter_map(|part| part.parse().ok())
            .collect()
    };
    versions
        .max_by_key(|version| numbers(version))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_depends_on_the_newest_glibc_that_a_symbol_asks_for() {
        let symbols =
            "0000 DF *UND* 0000 (GLIBC_2.9) write\n0000 DF *UND* 0000  GLIBC_2.34  dlsym\n";
        assert_eq!(newest_glibc(symbols).as_deref(), Some("2.34"));
    }
}
