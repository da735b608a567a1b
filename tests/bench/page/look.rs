//! Pages of the dashboard.

use std::process;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use engine_harness::{cpu_time_of, session_cpu_time};
use engine_page::Dashboard;
use engine_page::http::{Answer, send};
use engine_ui::Options;
use tokio_postgres::Client;

use super::super::figure::{Figure, quantile};
use super::super::stock::Stock;
use super::super::trial::Trial;
use super::blocks::Blocks;
use super::{BLOCKS, CPU, FIRST, MOST, OLDER, OLDER_BLOCKS, OLDER_MOST, OLDER_P50, P50, REQUESTS};

/// A page of a new dashboard, and the same page again.
pub(super) async fn page(stock: &Stock<'_>, path: &str) -> Result<Trial> {
    let blocks = Blocks::start(stock).await?;
    let dashboard = dashboard(stock).await?;
    let (_, first) = get(&dashboard, path).await?;
    let observer = stock.observer().await?;
    let before = used(&observer).await?;
    let mut times = Vec::new();
    for _ in 0..REQUESTS {
        times.push(get(&dashboard, path).await?.1);
    }
    let cpu = used(&observer).await?.saturating_sub(before);
    drop((dashboard, observer));
    let read = blocks.stop().await? / (REQUESTS + 1) as f64;
    times.sort_by(f64::total_cmp);
    Ok(trial(vec![
        (FIRST, first),
        (P50, quantile(&times, 0.5)),
        (MOST, quantile(&times, 1.0)),
        (CPU, cpu.as_secs_f64() * 1e3 / REQUESTS as f64),
        (BLOCKS, read),
    ]))
}

/// A list, and older pages of it, as many as there are.
pub(super) async fn list(stock: &Stock<'_>, path: &str) -> Result<Trial> {
    let mut trial = page(stock, path).await?;
    let blocks = Blocks::start(stock).await?;
    let dashboard = dashboard(stock).await?;
    let (mut answer, _) = get(&dashboard, path).await?;
    let mut times = Vec::new();
    while times.len() < REQUESTS {
        let Some(older) = older(&answer.body) else {
            break;
        };
        let (next, time) = get(&dashboard, &older).await?;
        times.push(time);
        answer = next;
    }
    drop(dashboard);
    let read = blocks.stop().await? / (times.len() + 1) as f64;
    times.sort_by(f64::total_cmp);
    trial.figures.extend([
        (OLDER, times.len() as f64),
        (OLDER_P50, quantile(&times, 0.5)),
        (OLDER_MOST, quantile(&times, 1.0)),
        (OLDER_BLOCKS, read),
    ]);
    Ok(trial)
}

fn trial(figures: Vec<(Figure, f64)>) -> Trial {
    Trial {
        figures,
        ..Trial::default()
    }
}

async fn dashboard(stock: &Stock<'_>) -> Result<Dashboard> {
    Dashboard::serve(&stock.connection_string(), Options::default()).await
}

/// A page, and the milliseconds to its last byte.
async fn get(dashboard: &Dashboard, path: &str) -> Result<(Answer, f64)> {
    let start = Instant::now();
    let answer = send("GET", &dashboard.at(path), &[], "").await?;
    let time = start.elapsed().as_secs_f64() * 1e3;
    ensure!(answer.status == 200, "{path}: {answer:?}");
    Ok((answer, time))
}

/// Where the list goes on.
fn older(body: &str) -> Option<String> {
    let links = body.split("href=\"").skip(1);
    let mut links = links.filter_map(|rest| rest.split('"').next());
    let link = links.find(|link| link.starts_with("/runs?") && link.contains("before="))?;
    Some(link.replace("&amp;", "&"))
}

/// The CPU time of this process, which is the dashboard, and of its sessions.
async fn used(observer: &Client) -> Result<Duration> {
    let sql = "select coalesce(array_agg(a.pid), '{}') from pg_stat_activity as a \
               where a.datname = current_database() and a.application_name <> 'observer' and a.backend_type = 'client backend'";
    let row = observer.query_one(sql, &[]).await?;
    let sessions: Vec<i32> = row.try_get(0).context("no sessions")?;
    let sessions = sessions.into_iter().filter_map(session_cpu_time);
    Ok(cpu_time_of(process::id()) + sessions.sum::<Duration>())
}
