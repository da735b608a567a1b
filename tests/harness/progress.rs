//! Progress messages of the commands. All of them go to standard error: standard output is reserved for results.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, IsTerminal, Write, pipe, stderr};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

/// Prints one line about what is about to happen or has happened.
pub fn say(line: impl AsRef<str>) {
    eprintln!("· {}", line.as_ref());
}

/// Prints what a test has found although it passes: the test harness swallows what `println` prints.
pub fn tell(line: impl AsRef<str>) {
    let _ = writeln!(stderr(), "{}", line.as_ref());
}

/// Runs `command` behind one moving line that shows the newest line of its output.
///
/// # Errors
/// If the command cannot be started or fails; the error carries the end of its output.
pub fn watch(what: &str, command: &mut Command) -> Result<()> {
    let line = ProgressBar::new_spinner().with_prefix(what.to_owned());
    line.set_style(ProgressStyle::with_template(
        "{spinner} {prefix} ({elapsed}) {wide_msg:.dim}",
    )?);
    if stderr().is_terminal() {
        line.enable_steady_tick(Duration::from_millis(100));
    } else {
        say(what);
    }
    let started = Instant::now();
    let (reader, writer) = pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    // The command holds the pipe's other end; its output would not end while it lives.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut last = VecDeque::new();
    for output in BufReader::new(reader).lines() {
        let output = output?;
        line.set_message(output.clone());
        last.push_back(output);
        if last.len() > 40 {
            last.pop_front();
        }
    }
    let status = child.wait()?;
    line.finish_and_clear();
    if !status.success() {
        bail!(
            "{what}: {program} ended with {status}\n{}",
            Vec::from(last).join("\n")
        );
    }
    say(format!(
        "{what}: done in {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}
