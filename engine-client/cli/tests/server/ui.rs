//! `engine ui`.

use anyhow::{Context, Result, ensure};
use engine_harness::Database;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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

#[tokio::test]
async fn a_header_without_roles_is_refused() -> Result<()> {
    let database = Database::fresh().await?;
    let printed = engine(&database, &["ui", "--proxy-header", "X-User"]).await?;
    ensure!(printed.code == Some(2), "{printed:?}");
    Ok(())
}
