//! The test programs, and their tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use engine_harness::{Profile, Workspace};
use serde_json::{Value, json};

use super::Arguments;

/// The extension itself has no tests outside a server.
pub const SELECTED: [&str; 3] = ["--workspace", "--exclude", "engine-ext"];

/// These suites have the longest tests: they begin first, so that none of them runs alone at the end.
const BEGIN_WITH: [&str; 4] = ["crash", "demo", "fuzz", "concurrency"];

/// The tests to run, in this order.
pub struct Plan {
    pub tests: Vec<Test>,
    /// Number of tests with `#[ignore]`.
    pub skipped: u64,
}

/// A test of a program.
#[derive(Clone, Debug)]
pub struct Test {
    /// The suite that it belongs to, such as `scenario`.
    pub suite: String,
    /// Its name in its program.
    pub name: String,
    pub program: PathBuf,
    /// The directory of its package.
    pub directory: PathBuf,
    /// Whether it may use a server: what is tested inside a library or a program does not.
    pub has_server: bool,
}

impl Plan {
    /// Builds the test programs, lists their tests, and selects those that the arguments name.
    pub fn build(workspace: &Workspace, arguments: &Arguments, profile: Profile) -> Result<Self> {
        let mut plan = Self {
            tests: Vec::new(),
            skipped: 0,
        };
        let has = |argument: &str| arguments.passed_on.iter().any(|passed| passed == argument);
        let (only_ignored, also_ignored) = (has("--ignored"), has("--include-ignored"));
        for suite in build(workspace, &arguments.suite, profile)? {
            let ignored = suite.list(&["--ignored"])?;
            for name in suite.list(&["--include-ignored"])? {
                let test = suite.test(name);
                if !test.is_meant(&arguments.filter) {
                    continue;
                }
                if ignored.contains(&test.name) && !only_ignored && !also_ignored {
                    plan.skipped += 1;
                } else if ignored.contains(&test.name) || !only_ignored {
                    plan.tests.push(test);
                }
            }
        }
        plan.tests.sort_by_key(|test| {
            let first = BEGIN_WITH.iter().position(|suite| *suite == test.suite);
            first.unwrap_or(BEGIN_WITH.len())
        });
        Ok(plan)
    }
}

impl Test {
    /// Suite and name.
    pub fn full_name(&self) -> String {
        format!("{}::{}", self.suite, self.name)
    }

    /// The same test, named as one that runs on another major.
    pub fn on(&self, major: u32) -> Self {
        Self {
            suite: format!("{} on {major}", self.suite),
            ..self.clone()
        }
    }

    fn is_meant(&self, filter: &[String]) -> bool {
        let name = self.full_name();
        filter.is_empty() || filter.iter().any(|part| name.contains(part.as_str()))
    }
}

/// A test program.
struct Suite {
    name: String,
    has_server: bool,
    program: PathBuf,
    directory: PathBuf,
}

impl Suite {
    /// The test program in a line of cargo's output, if it is one.
    fn of(message: &Value) -> Option<Self> {
        let is_test = message["profile"]["test"].as_bool()?;
        let program = message["executable"].as_str()?;
        let directory = Path::new(message["manifest_path"].as_str()?).parent()?;
        let target = message["target"]["name"].as_str()?;
        let has_server = message["target"]["kind"] == json!(["test"]);
        is_test.then(|| Self {
            name: target.replace('_', "-"),
            has_server,
            program: program.into(),
            directory: directory.to_owned(),
        })
    }

    fn list(&self, arguments: &[&str]) -> Result<Vec<String>> {
        let output = Command::new(&self.program)
            .args(["--list", "--format", "terse"])
            .args(arguments)
            .current_dir(&self.directory)
            .output()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        ensure!(output.status.success(), "{} lists no tests", self.name);
        let text = String::from_utf8(output.stdout)?;
        let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
        Ok(names.map(str::to_owned).collect())
    }

    fn test(&self, name: String) -> Test {
        Test {
            suite: self.name.clone(),
            name,
            has_server: self.has_server,
            program: self.program.clone(),
            directory: self.directory.clone(),
        }
    }
}

fn build(workspace: &Workspace, suites: &[String], profile: Profile) -> Result<Vec<Suite>> {
    let mut cargo = workspace.cargo("test");
    cargo
        .args(SELECTED)
        .args(["--no-run", "--message-format", "json-render-diagnostics"]);
    // Of the same packages: otherwise cargo would choose other features, and build everything again.
    for suite in suites {
        cargo.args(["--test", suite]);
    }
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    let output = cargo
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "the tests do not build");
    let text = String::from_utf8(output.stdout)?;
    Ok(text
        .lines()
        .filter_map(|line| Suite::of(&serde_json::from_str(line).ok()?))
        .collect())
}
