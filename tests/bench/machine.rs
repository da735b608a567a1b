//! The machine and the server that figures come from.

use std::env::consts::ARCH;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use engine_harness::{Cluster, Options, Workspace};
use serde::Serialize;

use super::figure::quantile;

const SETTINGS: &str = include_str!("sql/settings.sql");

/// Beyond this a larger buffer makes no difference to a trial.
const SHARED_BUFFERS_MB: u64 = 2048;

/// The settings of the benchmark's server, the same for all variants. Durability has Postgres's defaults. The buffer
/// holds what a trial reads, and no checkpoint falls into a trial: each begins with one.
pub(super) fn options(is_preloaded: bool) -> Result<Options> {
    let shared_buffers = SHARED_BUFFERS_MB.min(memory_mb()? / 4);
    let preloaded = if is_preloaded { "engine" } else { "" };
    Ok(Options::default()
        .set("shared_preload_libraries", preloaded)
        .set("shared_buffers", &format!("{shared_buffers}MB"))
        .set("max_wal_size", "32GB")
        .set("checkpoint_timeout", "1h"))
}

/// Facts without which a figure means nothing.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) memory_mb: u64,
    pub(super) kernel: String,
    /// Median time of an fdatasync after a write of 8 kB, beside the server's data.
    pub(super) fdatasync_ms: f64,
    pub(super) postgres: String,
    /// The revision of the engine, with `-dirty` if its sources were changed since.
    pub(super) revision: String,
    pub(super) settings: Vec<Setting>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) is_default: bool,
}

impl Machine {
    pub(super) async fn read(cluster: &Cluster, workspace: &Workspace) -> Result<Self> {
        let observer = cluster.connect().await?;
        let sql = "select current_setting('server_version')";
        let postgres: String = observer.query_one(sql, &[]).await?.get(0);
        let rows = observer.query(SETTINGS, &[]).await?;
        let settings = rows.iter().map(|row| Setting {
            name: row.get("name"),
            value: row.get("value"),
            is_default: row.get("is_default"),
        });
        Ok(Self {
            cpu: cpu()?,
            cores: thread::available_parallelism()?.get(),
            memory_mb: memory_mb()?,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
            fdatasync_ms: fdatasync_ms(cluster.data().parent().context("no directory")?)?,
            postgres: format!("PostgreSQL {postgres}"),
            revision: revision(workspace),
            settings: settings.collect(),
        })
    }
}

fn cpu() -> Result<String> {
    let text = fs::read_to_string("/proc/cpuinfo")?;
    let model = text.lines().find(|line| line.starts_with("model name"));
    let name = model.and_then(|line| line.split_once(':'));
    // On some architectures the kernel names no model.
    Ok(name.map_or(ARCH, |(_, name)| name.trim()).to_owned())
}

fn memory_mb() -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = total.and_then(|total| total.split_whitespace().next());
    Ok(kilobytes
        .context("the kernel does not say how much memory there is")?
        .parse::<u64>()?
        / 1024)
}

fn fdatasync_ms(directory: &Path) -> Result<f64> {
    let path = directory.join("fdatasync");
    let mut file = File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        file.write_all(&[0; 8192])?;
        file.sync_data()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    fs::remove_file(path)?;
    times.sort_by(f64::total_cmp);
    Ok(quantile(&times, 0.5))
}

fn revision(workspace: &Workspace) -> String {
    let describe = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .current_dir(workspace.root())
        .env("GIT_OPTIONAL_LOCKS", "0")
        .output();
    match describe {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "unknown".to_owned(),
    }
}
