//! The command line without a server.

use std::process::{Command, Output};
use std::{fs, io};

use anyhow::Context;

fn engine(arguments: &[&str]) -> io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_engine"))
        .args(arguments)
        .env_remove("DATABASE_URL")
        .output()
}

#[test]
fn help_names_every_command() -> io::Result<()> {
    let help = engine(&["--help"])?;
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8_lossy(&help.stdout);
    for command in [
        "top",
        "runs",
        "queues",
        "pause",
        "resume",
        "limit",
        "schedules",
        "workers",
        "shard",
        "router",
        "trigger",
        "bulk",
        "forget",
        "tail",
        "retention",
        "doctor",
        "metrics",
        "check",
        "completions",
        "man",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
    Ok(())
}

#[test]
fn wrong_usage_has_another_exit_code_than_failure() -> io::Result<()> {
    let database = ["--database", "host=/nowhere user=nobody"];
    for (arguments, code) in [
        (&[][..], 2),
        (&["nonsense"], 2),
        (&["check"], 2),
        (&["check", "--database", "host"], 2),
        (&["runs", "list", "--status", "asleep"], 2),
        (&["runs", "cancel"], 2),
        (&["runs", "cancel", "run_1", "--all"], 2),
        (&["runs", "reschedule", "run_1"], 2),
        (
            &["runs", "reschedule", "run_1", "--at", "x", "--in", "y"],
            2,
        ),
        (&["pause"], 2),
        (&["runs", "redrive"], 2),
        (&["runs", "cancel", "run_1", "--since", "1h"], 2),
        (&["trigger", "mail", "{"], 2),
        (&["router"], 2),
        (
            &["router", "list", "--template", "host=a{shard} dbname=b"],
            2,
        ),
        (&["router", "--template", "host=a dbname=b"], 2),
        (
            &[
                "router",
                "--template",
                "host=a{shard} dbname=b",
                "--name",
                "same",
            ],
            2,
        ),
        (&["router", "/nowhere/list"], 1),
        (&["bulk"], 2),
        (&["bulk", "start"], 2),
        (&["bulk", "start", "delete", "--all"], 2),
        (&["bulk", "start", "cancel", "--since", "yesterday"], 2),
        (&["forget"], 2),
        (&["limit", "q"], 2),
        (&["limit", "q", "3", "--reset"], 2),
        (&["resume", "q", "--reason", "x"], 2),
        (&["retention", "set"], 2),
        (&["retention", "set", "--keep", "soon"], 2),
        (&["retention", "set", "--forever", "--keep", "1d"], 2),
        (&["completions", "tcsh"], 2),
        (&["man", "--into", "/nowhere/at/all"], 1),
        (&["forget", "run_1", "--tag", "a"], 2),
        (&["check", database[0], database[1]], 1),
    ] {
        let output = engine(arguments)?;
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {output:?}"
        );
        assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
    }
    Ok(())
}

#[test]
fn a_connection_string_is_never_repeated() -> io::Result<()> {
    for arguments in [
        &[
            "check",
            "--database",
            "host=/nowhere password=secret port=secret",
        ][..],
        &[
            "check",
            "--database",
            "host=/nowhere password=secret",
            "--json",
        ],
    ] {
        let output = engine(arguments)?;
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!complaint.contains("secret"), "{complaint}");
        assert!(complaint.contains("error"), "{complaint}");
    }
    Ok(())
}

#[test]
fn a_router_is_printed_without_a_database() -> io::Result<()> {
    let template = ["router", "--shards", "2", "--template"];
    let template = [&template[..], &["host=node-{shard} dbname=app"]].concat();
    let printed = engine(&template)?;
    assert_eq!(
        String::from_utf8_lossy(&printed.stdout),
        "[databases]\nengine_0 = host=node-0 dbname=app\nengine_1 = host=node-1 dbname=app\n"
    );
    let list = std::env::temp_dir().join(format!("engine-placement-{}", std::process::id()));
    std::fs::write(
        &list,
        "0-1 host=a dbname=app\n2 host=b port=6000 dbname=app\n",
    )?;
    let path = list.to_string_lossy().into_owned();
    let printed = engine(&["router", &path, "--name", "s{shard}", "--json"])?;
    std::fs::remove_file(list)?;
    let printed: serde_json::Value = serde_json::from_slice(&printed.stdout)?;
    assert_eq!(printed["s1"], "host=a dbname=app");
    assert_eq!(printed["s2"], "host=b port=6000 dbname=app");
    Ok(())
}

/// What bash offers for a line that is typed up to its last word.
fn offered(line: &[&str]) -> io::Result<Vec<String>> {
    let script = engine(&["completions", "bash"])?;
    assert!(script.status.success(), "{script:?}");
    let words = line.join(" ");
    let last = line.len() - 1;
    let (word, before) = (line[last], line[last - 1]);
    let typed = format!(
        "{}\nCOMP_WORDS=({words})\nCOMP_CWORD={last}\n_engine engine '{word}' '{before}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
        String::from_utf8_lossy(&script.stdout)
    );
    let bash = Command::new("bash")
        .args(["--norc", "-c", &typed])
        .output()?;
    assert!(bash.status.success(), "{bash:?}");
    let offered = String::from_utf8_lossy(&bash.stdout).into_owned();
    Ok(offered.lines().map(str::to_owned).collect())
}

#[test]
fn a_shell_completes_commands_and_options() -> io::Result<()> {
    assert_eq!(offered(&["engine", "pau"])?, ["pause"]);
    assert_eq!(offered(&["engine", "runs", "redr"])?, ["redrive"]);
    assert_eq!(offered(&["engine", "pause", "--rea"])?, ["--reason"]);
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = engine(&["completions", shell])?;
        let text = String::from_utf8_lossy(&script.stdout);
        assert!(
            script.status.success() && text.contains("error-code"),
            "{shell}: {text}"
        );
    }
    Ok(())
}

#[test]
fn a_manual_page_for_each_command_is_one_that_groff_reads_without_a_complaint() -> anyhow::Result<()>
{
    let printed = engine(&["man"])?;
    let directory = tempfile::tempdir()?;
    let into = directory.path().to_str().context("not text")?;
    let written = engine(&["man", "--into", into])?;
    assert!(
        written.status.success() && written.stdout.is_empty(),
        "{written:?}"
    );
    let mut names = Vec::new();
    for entry in fs::read_dir(directory.path())? {
        let path = entry?.path();
        names.push(
            path.file_stem()
                .context("no name")?
                .to_string_lossy()
                .into_owned(),
        );
        let read = Command::new("groff")
            .args(["-Kutf8", "-man", "-Tutf8", "-ww", "-z"])
            .arg(&path)
            .output();
        // A system without groff says nothing of a page.
        if let Ok(read) = read {
            let complaint = String::from_utf8_lossy(&read.stderr);
            assert!(
                read.status.success() && complaint.is_empty(),
                "{path:?}: {complaint}"
            );
        }
    }
    for name in [
        "engine",
        "engine-runs-list",
        "engine-bulk-start",
        "engine-retention-set",
    ] {
        assert!(names.iter().any(|other| other == name), "{name}: {names:?}");
    }
    let page = fs::read(directory.path().join("engine.1"))?;
    let text = String::from_utf8_lossy(&page);
    assert!(
        text.contains("engine\\-runs(1)") && !printed.stdout.is_empty(),
        "{text}"
    );
    Ok(())
}
