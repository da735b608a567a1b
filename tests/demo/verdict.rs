//! The results of the runs, compared with another program's output and with the history.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use engine_client::RunId;
use tokio::process::Command;
use tokio_postgres::{Client, Row};

use super::digest::Digest;
use super::listing::{Listed, Listing};

/// Bytes of paths for one call of sha256sum, well below what any system allows.
const ARGUMENTS_MAX: usize = 64 * 1024;

/// The verdict on the results.
#[derive(Default)]
pub struct Verdict {
    /// The correct results.
    pub digests: Vec<Digest>,
    /// Files that changed while the demo ran: there is nothing to compare them with.
    pub changed: usize,
    /// Differences from what is expected; empty if everything is correct.
    pub differences: Vec<String>,
}

/// The database's record of one run.
struct Outcome {
    run_status: String,
    output: Option<String>,
    error: Option<String>,
    /// Number of snapshots in which the run is finished.
    endings: i64,
}

impl Verdict {
    /// Compares the results of `runs`, which are in the order of the files, in the databases that have them.
    pub async fn reach(clients: &[Client], listing: &Listing, runs: &[RunId]) -> Result<Self> {
        let mut verdict = Self::default();
        let mut outcomes = HashMap::new();
        for client in clients {
            for (run_id, outcome) in self::outcomes(client).await? {
                if outcomes.insert(run_id.clone(), outcome).is_some() {
                    let difference = format!("run {run_id} is in two databases");
                    verdict.differences.push(difference);
                }
            }
        }
        let sums = sha256sums(listing).await?;
        for (file, run_id) in listing.files.iter().zip(runs) {
            let Some(outcome) = outcomes.remove(run_id) else {
                verdict.differ(file, &format!("run {run_id} is lost"));
                continue;
            };
            if outcome.endings != 1 {
                let endings = outcome.endings;
                verdict.differ(file, &format!("run {run_id} finished {endings} times"));
            }
            if listing.has_changed(file) {
                verdict.changed += 1;
            } else {
                verdict.compare(file, run_id, outcome, sums.get(&file.path));
            }
        }
        for run_id in outcomes.keys() {
            let difference = format!("run {run_id} was not asked for");
            verdict.differences.push(difference);
        }
        Ok(verdict)
    }

    fn compare(&mut self, file: &Listed, run_id: &RunId, outcome: Outcome, sum: Option<&String>) {
        let Outcome { run_status, .. } = outcome;
        if run_status != "COMPLETED_SUCCESSFULLY" {
            let error = outcome.error.unwrap_or_default();
            return self.differ(file, &format!("run {run_id} is {run_status} {error}"));
        }
        let output = outcome.output.unwrap_or_default();
        let Ok(digest) = serde_json::from_str::<Digest>(&output) else {
            return self.differ(file, &format!("run {run_id} returned {output:?}"));
        };
        if Some(&digest.sha256) == sum {
            self.digests.push(digest);
        } else {
            let sum = sum.map_or("nothing", String::as_str);
            let ours = &digest.sha256;
            self.differ(file, &format!("the run says {ours}, sha256sum {sum}"));
        }
    }

    fn differ(&mut self, file: &Listed, how: &str) {
        self.differences.push(format!("{:?}: {how}", file.path));
    }

    /// What could not be compared, in words.
    pub fn unchecked(&self) -> String {
        match self.changed {
            0 => String::new(),
            changed => format!("files that changed meanwhile, not compared: {changed}"),
        }
    }

    /// Fails if anything differs.
    pub fn result(&self) -> Result<()> {
        const SHOWN: usize = 10;
        if self.differences.is_empty() {
            return Ok(());
        }
        let mut lines = self.differences[..self.differences.len().min(SHOWN)].to_vec();
        if self.differences.len() > SHOWN {
            lines.push(format!("… {} in all", self.differences.len()));
        }
        bail!("not all is as it must be:\n{}", lines.join("\n"))
    }
}

async fn outcomes(client: &Client) -> Result<HashMap<RunId, Outcome>> {
    let sql = "select s.run_id, s.run_status::text, s.output, s.error::text, \
                      count(n.*) filter (where n.execution_status = 'FINISHED') \
               from engine.run_state as s \
               join engine.snapshot as n on n.shard = s.shard and n.run_id = s.run_id \
               group by s.shard, s.run_id";
    let rows = client.query(sql, &[]).await?;
    let outcome = |row: &Row| {
        let outcome = Outcome {
            run_status: row.get(1),
            output: row.get(2),
            error: row.get(3),
            endings: row.get(4),
        };
        (row.get(0), outcome)
    };
    Ok(rows.iter().map(outcome).collect())
}

/// The output of sha256sum, without files that it can no longer read.
async fn sha256sums(listing: &Listing) -> Result<HashMap<PathBuf, String>> {
    let mut sums = HashMap::new();
    let mut files = listing.files.as_slice();
    while !files.is_empty() {
        let mut bytes = 0;
        let fits = |file: &&Listed| {
            bytes += file.path.as_os_str().len();
            bytes <= ARGUMENTS_MAX
        };
        let count = files.iter().take_while(fits).count().max(1);
        let (now, later) = files.split_at(count);
        let output = Command::new("sha256sum")
            // Otherwise a name with a line feed is written in another way.
            .arg("--zero")
            .args(now.iter().map(|file| Path::new(".").join(&file.path)))
            .current_dir(&listing.root)
            .kill_on_drop(true)
            .output()
            .await
            .context("cannot start sha256sum")?;
        for line in output.stdout.split(|byte| *byte == 0) {
            if let Some((sum, path)) = sum_and_path(line) {
                sums.insert(path, sum);
            }
        }
        files = later;
    }
    Ok(sums)
}

/// Reads a line such as `e3b0…b855  ./src/main.rs`.
fn sum_and_path(line: &[u8]) -> Option<(String, PathBuf)> {
    let (sum, rest) = line.split_at_checked(64)?;
    let path = rest.strip_prefix(b"  ./")?;
    let path = OsString::from_vec(path.to_vec());
    Some((String::from_utf8(sum.to_vec()).ok()?, path.into()))
}
