//! The files of `engine-client/monitor/`: dashboard, alerts, queries of exporters, scaling.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, Result, ensure};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Database, Options, Session, Workspace};
use serde_json::Value;
use tokio::process::{Child, Command};

use super::follow;

/// Longest time until Prometheus has scraped and answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// Debian packages, and the programs in them.
const PROGRAMS: [(&str, &[&str]); 2] = [
    ("prometheus", &["prometheus", "promtool"]),
    (
        "prometheus-postgres-exporter",
        &["prometheus-postgres-exporter"],
    ),
];

fn file(name: &str) -> Result<String> {
    let path = Workspace::find()?
        .root()
        .join("engine-client/monitor")
        .join(name);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// The names of series in a text, without what a counter's sample adds.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter| !is_part(letter));
    let names = words.filter(|word| word.starts_with("engine_") && *word != "engine_metrics");
    let names = names.map(|name| name.strip_suffix("_total").unwrap_or(name).to_owned());
    names.collect()
}

/// The names that `engine_metrics` has, where every figure is known.
async fn known(session: &Session) -> Result<BTreeSet<String>> {
    let stock = "select engine_set_queue('mail', concurrency_limit => 7); \
                 select engine_set_environment('default', concurrency_limit => 10); \
                 select engine_event_reader('billing'); \
                 select engine_trigger('t', queue => 'mail'); select engine_dequeue()";
    session.client.batch_execute(stock).await?;
    let rows = session
        .client
        .query("select name from engine_metrics()", &[])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[tokio::test]
async fn dashboard_and_alerts_name_figures_that_exist_and_the_dashboard_shows_all() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let known = known(&session).await?;
    let dashboard = file("grafana-dashboard.json")?;
    let alerts = file("alerts.yml")?;
    let rules = alerts.lines().filter(|line| line.contains("expr:"));
    for text in [&dashboard, &rules.collect::<Vec<_>>().join("\n")] {
        let unknown: Vec<_> = named(text).difference(&known).cloned().collect();
        assert_eq!(unknown, Vec::<String>::new());
    }
    // Those that tell least by themselves.
    let beside = |name: &String| {
        [
            "queued",
            "paused",
            "oldest_age_seconds",
            "has_missed",
            "live_rows",
            "due_stretches",
            "holders",
        ]
        .iter()
        .any(|end| name.ends_with(end))
            || name.starts_with("engine_environment_")
    };
    let shown = named(&dashboard);
    let hidden: Vec<_> = known
        .difference(&shown)
        .filter(|name| !beside(name))
        .collect();
    assert!(hidden.is_empty(), "not on the dashboard: {hidden:?}");
    Ok(())
}

#[test]
fn the_dashboard_has_what_grafana_asks_of_one() -> Result<()> {
    let dashboard: Value = serde_json::from_str(&file("grafana-dashboard.json")?)?;
    ensure!(dashboard["uid"].is_string() && dashboard["title"].is_string());
    ensure!(dashboard["schemaVersion"].as_i64() >= Some(36));
    let panels = dashboard["panels"].as_array().context("no panels")?;
    let ids: BTreeSet<i64> = panels
        .iter()
        .filter_map(|panel| panel["id"].as_i64())
        .collect();
    assert_eq!(ids.len(), panels.len(), "ids are unique");
    for panel in panels {
        let place = &panel["gridPos"];
        let at = |key: &str| place[key].as_i64().unwrap_or(-1);
        ensure!(
            at("x") >= 0 && at("y") >= 0 && at("w") > 0 && at("h") > 0 && at("x") + at("w") <= 24,
            "{panel}"
        );
        ensure!(
            panel["title"].is_string() && panel["type"].is_string(),
            "{panel}"
        );
        let targets = panel["targets"].as_array().context("no targets")?;
        ensure!(
            targets.iter().all(|target| target["expr"].is_string()),
            "{panel}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_scaler_counts_what_is_due_and_what_runs() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let keda = file("keda.yml")?;
    let query = keda
        .lines()
        .find_map(|line| line.trim().strip_prefix("query: \""));
    let query = query
        .and_then(|query| query.strip_suffix('"'))
        .context("no query")?;
    for due in [
        "now()",
        "now() + interval '1 hour'",
        "now() - interval '1 hour'",
    ] {
        session
            .trigger_with(&format!("'t', queue => 'mail', queue_timestamp => {due}"))
            .await?;
    }
    session.dequeue().await?;
    let count = format!("({query}) as c(n) where n = 2");
    assert_eq!(session.count(&count).await?, 1);
    Ok(())
}

/// The programs, of the system or unpacked below `target/`; none if they cannot be had.
fn programs() -> Result<Option<Vec<PathBuf>>> {
    let home = Workspace::find()?.target().join("monitor");
    let mut found = Vec::new();
    for (package, names) in PROGRAMS {
        for name in names {
            let unpacked = home.join("usr/bin").join(name);
            let system = Path::new("/usr/bin").join(name);
            if !unpacked.exists() && !system.exists() && !unpack(package, &home)? {
                return Ok(None);
            }
            found.push(if system.exists() { system } else { unpacked });
        }
    }
    Ok(Some(found))
}

/// Downloads a package and unpacks it, without installing it.
fn unpack(package: &str, home: &Path) -> io::Result<bool> {
    fs::create_dir_all(home)?;
    let succeeds = |command: &mut std::process::Command| {
        let command = command
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !succeeds(std::process::Command::new("timeout").args(["60", "apt-get", "download", package]))
    {
        return Ok(false);
    }
    let start = format!("{package}_");
    for entry in fs::read_dir(home)? {
        let path = entry?.path();
        let is_it = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(&start));
        if is_it
            && succeeds(
                std::process::Command::new("dpkg")
                    .arg("-x")
                    .arg(&path)
                    .arg(home),
            )
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An address of this machine that is free now.
fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn start(program: &Path, arguments: &[String], variables: &[(&str, String)]) -> Result<Child> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)));
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .kill_on_drop(true)
        .spawn()
        .with_context(|| program.display().to_string())
}

/// The answer to a query of Prometheus: the value of each job.
async fn ask(promtool: &Path, server: &str, query: &str) -> Result<String> {
    let url = format!("http://{server}");
    let output = Command::new(promtool)
        .args(["query", "instant", &url, query])
        .output()
        .await?;
    Ok(String::from_utf8(output.stdout)?)
}

#[tokio::test]
async fn prometheus_has_the_same_figures_from_the_command_line_and_from_the_exporter_of_postgres()
-> Result<()> {
    let Some(programs) = programs()? else {
        println!(
            "skipped: Debian's prometheus and prometheus-postgres-exporter cannot be downloaded"
        );
        return Ok(());
    };
    let [prometheus, promtool, exporter] = &programs[..] else {
        anyhow::bail!("{programs:?}");
    };
    let root = Workspace::find()?.root().to_owned();
    let checked = Command::new(promtool)
        .args(["check", "rules"])
        .arg(root.join("engine-client/monitor/alerts.yml"))
        .output()
        .await?;
    ensure!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );

    let cluster = Cluster::start(Options::quick()).await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    known(&session).await?;
    let late = "select engine_trigger('t', queue => 'mail', queue_timestamp => now() - interval '10 minutes') from generate_series(1, 3)";
    session.client.batch_execute(late).await?;
    let (_figures, mut lines) = follow(&database, &["metrics", "--listen", "127.0.0.1:0"])?;
    let line = lines.next_line().await?.context("nothing printed")?;
    let figures = line
        .strip_prefix("serving http://")
        .and_then(|url| url.strip_suffix("/metrics"));
    let figures = figures.context("no address")?.to_owned();
    let of_exporter = free_address()?;
    let arguments = [
        format!("--web.listen-address={of_exporter}"),
        format!(
            "--extend.query-path={}",
            root.join("engine-client/monitor/postgres-exporter.yml")
                .display()
        ),
        "--disable-default-metrics".to_owned(),
    ];
    let source = format!("{} sslmode=disable", database.connection_string());
    let _exporter = start(exporter, &arguments, &[("DATA_SOURCE_NAME", source)])?;

    let home = tempfile::tempdir()?;
    let settings = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: [{}]\n\
         scrape_configs:\n\
         - {{job_name: engine, static_configs: [{{targets: ['{figures}']}}]}}\n\
         - {{job_name: postgres, static_configs: [{{targets: ['{of_exporter}']}}]}}\n",
        root.join("engine-client/monitor/alerts.yml").display()
    );
    let file = home.path().join("prometheus.yml");
    fs::write(&file, settings)?;
    let server = free_address()?;
    let arguments = [
        format!("--config.file={}", file.display()),
        format!("--storage.tsdb.path={}", home.path().join("data").display()),
        format!("--web.listen-address={server}"),
    ];
    let _prometheus = start(prometheus, &arguments, &[])?;
    for (query, value) in [
        ("engine_queue_due{queue=\"mail\"}", "=> 3 "),
        ("engine_queue_running{queue=\"mail\"}", "=> 1 "),
        ("engine_queue_concurrency_limit{queue=\"mail\"}", "=> 7 "),
        ("engine_environment_slot_limit", "=> 10 "),
        (
            "engine_queue_oldest_due_age_seconds{queue=\"mail\"} > bool 600",
            "=> 1 ",
        ),
        ("engine_worker_beating", "=> 0 "),
        (
            "engine_outcome_ended_per_second{outcome=\"FAILED\"}",
            "=> 0 ",
        ),
    ] {
        let mut answer = String::new();
        let both = eventually(query, PATIENCE, async || {
            answer = ask(promtool, &server, query).await?;
            Ok(["engine", "postgres"].iter().all(|job| {
                let job = format!("job=\"{job}\"");
                answer
                    .lines()
                    .any(|line| line.contains(&job) && line.contains(value))
            }))
        });
        both.await.with_context(|| answer.clone())?;
    }
    let pending = "ALERTS{alertname=\"EngineRunsWait\", queue=\"mail\", alertstate=\"pending\"}";
    eventually("the alert is pending", PATIENCE, async || {
        Ok(ask(promtool, &server, pending)
            .await?
            .contains("EngineRunsWait"))
    })
    .await?;
    Ok(())
}
