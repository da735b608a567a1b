//! `engine top`: queues, rates and stalled runs, kept up to date.

mod picture;
mod screen;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use engine_client::shutdown_signal;
use tokio::time::{MissedTickBehavior, interval};

use self::picture::Picture;
use self::screen::{Screen, Wish};
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

#[derive(Args)]
pub struct Arguments {
    /// Seconds between two updates
    #[arg(long, short, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,

    /// Print once, which is the default if standard output is not a terminal
    #[arg(long)]
    once: bool,

    /// Only queues of this environment
    #[arg(long, short)]
    environment: Option<String>,
}

pub async fn run(
    session: Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let environment = arguments.environment.as_deref();
    let period = Duration::from_secs(arguments.interval);
    if output.is_json() && !arguments.once {
        return stream(session, output, environment, period).await;
    }
    if arguments.once || !Screen::is_possible() {
        let picture = Picture::take(&session, environment).await?;
        if output.is_json() {
            output.document(&picture.to_json())?;
        } else {
            for line in picture.lines() {
                output.line(&line)?;
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    live(session, environment, period).await
}

/// A document per update, each on a line.
async fn stream(
    mut session: Session,
    output: Output,
    environment: Option<&str>,
    period: Duration,
) -> Result<ExitCode, Failure> {
    let mut looks = interval(period);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        match Picture::take(&session, environment).await {
            Ok(picture) => output.entry(&picture.to_json())?,
            Err(failure) => session.recover(failure).await?,
        }
    }
}

/// On a screen of its own, until the user leaves it.
async fn live(
    mut session: Session,
    environment: Option<&str>,
    period: Duration,
) -> Result<ExitCode, Failure> {
    let mut screen = Screen::open()?;
    loop {
        match Picture::take(&session, environment).await {
            Ok(picture) => {
                screen.show(&picture.lines())?;
                let wish = tokio::select! {
                    wish = screen::wish(period) => wish?,
                    () = shutdown_signal() => Wish::Leave,
                };
                if wish == Wish::Leave {
                    return Ok(ExitCode::SUCCESS);
                }
            }
            Err(failure) => {
                screen.show(&["connection lost, trying again".to_owned()])?;
                tokio::select! {
                    recovered = session.recover(failure) => recovered?,
                    left = screen::left() => return Ok(left.map(|()| ExitCode::SUCCESS)?),
                    () = shutdown_signal() => return Ok(ExitCode::SUCCESS),
                }
            }
        }
    }
}
