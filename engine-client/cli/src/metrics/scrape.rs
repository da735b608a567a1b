//! Answers to scrapes, one after the other on one connection, so that scrapers cannot load the server together.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::exposition;
use crate::failure::Failure;
use crate::session::Session;

/// Longest time to read the figures.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where figures come from.
#[derive(Clone)]
pub struct Source(Arc<Mutex<Connected>>);

struct Connected {
    session: Session,
    /// Whether the last scrape failed: the next one connects again.
    is_broken: bool,
}

impl Source {
    /// Reads figures from a session.
    pub fn new(session: Session) -> Self {
        Self(Arc::new(Mutex::new(Connected {
            session,
            is_broken: false,
        })))
    }

    async fn text(&self) -> Result<String, Failure> {
        let mut connected = self.0.lock().await;
        if connected.is_broken {
            connected.session.reconnect().await?;
        }
        // A scraper that hangs up leaves a connection on which an answer may still come.
        connected.is_broken = true;
        let metrics = match timeout(PATIENCE, connected.session.metrics()).await {
            Ok(metrics) => metrics?,
            Err(_) => return Err(Failure::Unanswered(PATIENCE)),
        };
        connected.is_broken = false;
        exposition::text(metrics)
    }
}

/// Answers a scrape. A failure is logged; the scraper does not see its text, which may name more than it should know.
pub async fn answer(State(source): State<Source>) -> Response {
    match source.text().await {
        Ok(text) => ([(CONTENT_TYPE, exposition::MEDIA_TYPE)], text).into_response(),
        Err(failure) => {
            failure.report(false);
            (StatusCode::SERVICE_UNAVAILABLE, "no figures\n").into_response()
        }
    }
}
