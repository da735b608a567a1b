//! `cargo xtask demo --nodes`.

use anyhow::Result;
use engine_harness::{Cluster, Options, Prefix, Workspace, progress};

use super::fleet::Plan;
use super::listing::Listing;
use super::nodes;
use super::timeline::Timeline;

/// Starts so many servers, lets the runs finish, and prints the result.
pub async fn show(
    prefix: Prefix,
    workspace: &Workspace,
    listing: &Listing,
    count: u16,
    plan: &Plan<'_>,
) -> Result<()> {
    let mut build = workspace.cargo("build");
    build.args(["--quiet", "--package", "engine-cli", "--bin", "engine"]);
    progress::watch("building the command line", &mut build)?;
    let engine = workspace.target().join("debug").join("engine");
    progress::say(format!("starting {count} private servers"));
    let mut servers = Vec::new();
    for _ in 0..count {
        let options = nodes::options(Options::default());
        servers.push(Cluster::start_from(prefix.clone(), options).await?);
    }
    let played = nodes::play(servers, plan, listing, &engine).await?;
    let timeline = Timeline::of_slowest(&played.clients).await?;
    println!("\n{}\n{timeline}", played.report);
    played.report.result()?;
    println!("\nAll is as it must be.");
    Ok(())
}
