//! `engine ui`.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use engine_client::{Database, shutdown_signal};
use engine_ui::{Options, Proxy};
use serde_json::json;
use tokio::net::TcpListener;

use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

#[derive(Args)]
pub struct Arguments {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9189")]
    listen: SocketAddr,

    /// The path below which a proxy serves the dashboard, such as /engine
    #[arg(long, value_name = "PATH", value_parser = path_prefix, default_value = "")]
    path_prefix: String,

    /// Most connections to the database
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=100))]
    connections: u16,

    /// Longest statement of a page, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(100..=600_000))]
    statement_timeout: u32,

    /// Keys whose values are not shown, besides the usual ones: such as "iban" or "*_number"; may be given several times
    #[arg(long, value_name = "PATTERN")]
    redact: Vec<String>,

    /// A command that decrypts payloads, outputs and metadata: it reads one on standard input, and writes JSON
    #[arg(long, value_name = "COMMAND")]
    decrypt: Option<String>,

    /// The header in which a proxy names the user that it has authenticated
    #[arg(long, value_name = "HEADER", requires = "proxy_role")]
    proxy_header: Option<String>,

    /// The database role of a user of the proxy; * for all others; may be given several times
    #[arg(long, value_name = "USER=ROLE", requires = "proxy_header", value_parser = user_role)]
    proxy_role: Vec<(String, String)>,

    /// Where the proxy connects from; may be given several times
    #[arg(long, value_name = "IP", requires = "proxy_header", default_values_t = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])])]
    proxy_from: Vec<IpAddr>,
}

pub async fn run(
    database: Database,
    output: Output,
    arguments: Arguments,
) -> Result<ExitCode, Failure> {
    // What keeps it from working is told here, and not on every page.
    Session::open(database.clone()).await?.version().await?;
    let listener = TcpListener::bind(arguments.listen).await.map_err(|error| {
        let message = format!("cannot listen at {}: {error}", arguments.listen);
        Failure::refused(message, "Pass another address with --listen.")
    })?;
    let url = format!(
        "http://{}{}/",
        listener.local_addr()?,
        arguments.path_prefix
    );
    if output.is_json() {
        output.entry(&json!({ "url": url }))?;
    } else {
        output.line(&format!("serving {url}"))?;
    }
    engine_ui::serve(listener, database, options(arguments), shutdown_signal()).await?;
    Ok(ExitCode::SUCCESS)
}

fn options(arguments: Arguments) -> Options {
    let mut options = Options {
        path_prefix: arguments.path_prefix,
        connections: usize::from(arguments.connections),
        statement_timeout: Duration::from_millis(arguments.statement_timeout.into()),
        decrypt: arguments.decrypt,
        proxy: arguments.proxy_header.map(|header| Proxy {
            header,
            roles: arguments.proxy_role.into_iter().collect(),
            from: arguments.proxy_from,
        }),
        ..Options::default()
    };
    options.redact.extend(arguments.redact);
    options
}

/// A path that begins with a slash and ends without one, or nothing.
fn path_prefix(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    if path.is_empty()
        || (path.starts_with('/') && !path.starts_with("//") && path.bytes().all(is_plain))
    {
        return Ok(path.to_owned());
    }
    Err("a path begins with a slash, such as /engine".to_owned())
}

fn user_role(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((user, role)) if !user.is_empty() && !role.is_empty() => {
            Ok((user.to_owned(), role.to_owned()))
        }
        _ => Err("write USER=ROLE".to_owned()),
    }
}
