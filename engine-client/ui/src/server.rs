//! The server: its routes, and what every answer carries.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use engine_client::Database;
use tokio::net::TcpListener;

use crate::guard::Guard;
use crate::hub::Hub;
use crate::options::Options;
use crate::pool::Pool;
use crate::redact::Redactor;
use crate::served::Served;
use crate::{action, asset, live, page};

/// Nothing from elsewhere, no script and no style in a page, no frame around it, and forms lead here only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Serves the dashboard of `database` until `shutdown` is over.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    database: Database,
    options: Options,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let served = Arc::new(Served {
        pool: Pool::new(database, options.connections, options.statement_timeout),
        guard: Guard::new(),
        redactor: Redactor::new(&options),
        hub: Hub::default(),
        is_local: listener.local_addr()?.ip().is_loopback() && options.proxy.is_none(),
        options,
    });
    let prefix = served.options.path_prefix.clone();
    let pages = page::routes()
        .merge(action::routes())
        .merge(live::routes())
        .merge(asset::routes());
    let pages = pages.with_state(Arc::clone(&served));
    let router = if prefix.is_empty() {
        pages
    } else {
        let home = Router::new().route(&format!("{prefix}/"), get(page::answer));
        // The pages of a prefix are also reached without it: some proxies take it off.
        let below = Router::new().nest(&prefix, pages.clone());
        below.merge(home.with_state(served)).merge(pages)
    };
    let router = router.layer(middleware::from_fn(seal));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(shutdown)
        .await
}

/// What every answer carries. Pages are not stored anywhere; assets say so themselves.
async fn seal(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
