//! The session that the manual shows.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use engine_harness::{Block, Cluster, Database, Options, Page, Session};
use tokio::process::Command;

use super::PROGRAM;

/// The data of the session: runs that no worker started in time, a queue with a backlog, a paused queue.
const STOCK: &str = "
    select engine_set_queue('images', concurrency_limit => 4);
    select engine_set_queue('reports', paused => true, reason => 'out of paper');
    select engine_trigger('resize', queue => 'images', queue_timestamp => now() - interval '1 minute')
    from generate_series(1, 460);
    select engine_trigger('report', queue => 'reports', queue_timestamp => now() - interval '1 minute')
    from generate_series(1, 100);
    select engine_tick();
    select engine_dequeue(max_runs => 2, worker_id => 'images', runner_id => 'images-7c9f');
    update engine.heartbeat
    set check_at = now() - interval '104 seconds', deadline_at = now() - interval '104 seconds',
        acquired_at = now() - interval '64 seconds';
    update engine.run set created_at = created_at - interval '62 seconds';
    update engine.snapshot set created_at = created_at - interval '62 seconds' where transition = 'TRIGGERED'";

/// A text with `0` for every figure, moment and id, and one blank between words.
fn outline(text: &str) -> String {
    let outlined = |word: &str| {
        let is_figure = word.starts_with(|letter: char| letter.is_ascii_digit());
        if is_figure || word.starts_with("run_") {
            "0".to_owned()
        } else {
            word.to_owned()
        }
    };
    let lines = text.lines().map(|line| {
        let words: Vec<String> = line.split_whitespace().map(outlined).collect();
        words.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[tokio::test]
async fn the_command_line_prints_what_the_pages_show() -> Result<()> {
    // The doctor speaks of servers that may lose something.
    let cluster = Cluster::start(Options::default()).await?;
    let mut count = 0;
    // growing
    let pages = Page::all()?.into_iter();
    for page in pages.filter(|page| page.path.as_os_str() != "engine-ext/SCALE.md") {
        for block in page.blocks_of("console") {
            let database = cluster.database().await?;
            let session = Session::open(&database).await?;
            session.client.batch_execute(STOCK).await?;
            let variables = [("DATABASE_URL", database.connection_string())];
            count += typed(&page, &block, &variables, database.name()).await?;
        }
    }
    assert!(count >= 3, "{count}");
    Ok(())
}

/// Types the lines of a block, with variables of the shell in place of those that it sets; returns how many there were. Each prints
/// what is shown below it, where `…` stands for any lines, and `app` for the database `name`.
pub async fn typed(
    page: &Page,
    block: &Block,
    variables: &[(&str, String)],
    name: &str,
) -> Result<usize> {
    let mut count = 0;
    for part in format!("\n{}", block.text).split("\n$ ").skip(1) {
        let (line, shown) = part.split_once('\n').unwrap_or((part, ""));
        if line.starts_with("export ") {
            continue;
        }
        let place = format!("{}:{}: {line}", page.path.display(), block.line);
        ensure!(line.starts_with("engine "), "{place}: no command line");
        let printed = output(line, variables)
            .await
            .with_context(|| place.clone())?;
        let printed = outline(&printed.replace(name, "app"));
        match outline(shown).split_once("…") {
            Some((begin, end)) => ensure!(
                printed.starts_with(begin) && printed.ends_with(end),
                "{place}: {printed}"
            ),
            None => assert_eq!(printed, outline(shown), "{place}"),
        }
        count += 1;
    }
    Ok(count)
}

/// The output of a shell line.
pub async fn printed(database: &Database, line: &str) -> Result<String> {
    output(line, &[("DATABASE_URL", database.connection_string())]).await
}

async fn output(line: &str, variables: &[(&str, String)]) -> Result<String> {
    let directory = Path::new(PROGRAM).parent().context("no directory")?;
    let path = format!("{}:{}", directory.display(), std::env::var("PATH")?);
    let output = Command::new("bash")
        .args(["-c", line])
        .env("PATH", path)
        .envs(variables.iter().cloned())
        .stdin(Stdio::null())
        .output()
        .await?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(complaint.is_empty(), "{complaint}");
    Ok(String::from_utf8(output.stdout)?)
}
