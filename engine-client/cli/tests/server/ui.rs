//! `engine ui`.

use anyhow::{Context, Result, ensure};
use engine_harness::Database;
use engine_page::http::{Answer, send};
use engine_page::{SHOP, Stage};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::page::printed;
use super::{engine, follow};

#[tokio::test]
async fn the_dashboard_is_served_where_it_is_told_to_be() -> Result<()> {
    let database = Database::fresh().await?;
    let arguments = ["ui", "--listen", "127.0.0.1:0", "--path-prefix", "/engine/"];
    let (_child, mut lines) = follow(&database, &arguments)?;
    let line = lines.next_line().await?.context("nothing printed")?;
    let address = line.strip_prefix("serving http://").context("no address")?;
    let address = address.strip_suffix("/engine/").context("no path")?;
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /engine/ HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    ensure!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("<h1>"),
        "{answer}"
    );
    Ok(())
}

/// The command line that a page shows.
async fn shown(stage: &Stage, path: &str) -> Result<(Answer, String)> {
    let page = send("GET", &stage.at(path), &[], "").await?;
    let command = page.body.split_once("id=\"command\">");
    let (_, rest) = command.with_context(|| format!("{path} shows no command: {page:?}"))?;
    let (line, _) = rest.split_once("</pre>").context("it has no end")?;
    let line = line.replace("&quot;", "\"").replace("&amp;", "&");
    Ok((page, line))
}

#[tokio::test]
async fn the_command_that_a_page_of_the_dashboard_shows_is_about_the_same_runs() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    for filter in [
        "",
        "status=failed&task=capture_payment,resize_image",
        "error=TIMEOUT+acquirer&since=1h",
        "code=TIMEOUT&before=run_zzz",
        "tag=order-3,order-4",
        "metadata=step%3Dcapture",
        "key=merchant-acme",
        "queue=payments&until=1h",
    ] {
        let (page, line) = shown(&stage, &format!("/runs?{filter}")).await?;
        let printed = printed(&stage.database, &format!("{line} --json")).await?;
        let printed: Vec<Value> = serde_json::from_str(&printed)?;
        let printed: Vec<&str> = printed
            .iter()
            .filter_map(|run| run["run_id"].as_str()?.strip_prefix("run_"))
            .collect();
        let rows = page.body.split("id=\"st-").skip(1);
        let listed: Vec<&str> = rows.filter_map(|row| row.split('"').next()).collect();
        ensure!(listed == printed, "{line}: {printed:?}, and not {listed:?}");
    }
    for (query, action) in [
        (
            "action=replay&status=failed&task=capture_payment",
            "Replay 24 runs",
        ),
        ("action=move&queue=erp&option=it's+slow", "Move 3 runs"),
    ] {
        let (page, line) = shown(&stage, &format!("/bulk/new?{query}")).await?;
        ensure!(page.body.contains(action), "{page:?}");
        let printed = printed(&stage.database, &format!("{line} --dry-run --json")).await?;
        let printed: Value = serde_json::from_str(&printed)?;
        let count = format!(" {} runs", printed["count"]);
        ensure!(action.ends_with(&count), "{line}: {printed}");
    }
    Ok(())
}

#[tokio::test]
async fn a_header_without_roles_is_refused() -> Result<()> {
    let database = Database::fresh().await?;
    let printed = engine(&database, &["ui", "--proxy-header", "X-User"]).await?;
    ensure!(printed.code == Some(2), "{printed:?}");
    Ok(())
}
