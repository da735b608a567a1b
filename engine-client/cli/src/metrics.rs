//! `engine metrics`.

mod exposition;
mod scrape;

use std::net::SocketAddr;
use std::process::ExitCode;

use axum::Router;
use axum::routing::get;
use clap::Args;
use engine_client::shutdown_signal;
use serde_json::json;
use tokio::net::TcpListener;

use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

#[derive(Args)]
pub struct Arguments {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9188")]
    listen: SocketAddr,

    /// Print the figures once, and serve nothing
    #[arg(long)]
    once: bool,
}

pub async fn run(
    session: Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    if arguments.once {
        output.line(exposition::text(session.metrics().await?)?.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let listener = TcpListener::bind(arguments.listen).await.map_err(|error| {
        let message = format!("cannot listen at {}: {error}", arguments.listen);
        Failure::refused(message, "Pass another address with --listen.")
    })?;
    let url = format!("http://{}/metrics", listener.local_addr()?);
    if output.is_json() {
        output.entry(&json!({ "url": url }))?;
    } else {
        output.line(&format!("serving {url}"))?;
    }
    let router = Router::new()
        .route("/metrics", get(scrape::answer))
        .with_state(scrape::Source::new(session));
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown_signal())
        .await?;
    Ok(ExitCode::SUCCESS)
}
