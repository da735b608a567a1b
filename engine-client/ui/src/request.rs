//! What a page knows of its request.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{COOKIE, HOST};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};

use crate::fault::Fault;
use crate::guard::Guard;
use crate::pool::{Access, Caller, Pool, Reader};
use crate::served::Served;
use crate::url::Words;

/// The colours of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    System,
    Dark,
    Light,
}

impl Theme {
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "dark" => Self::Dark,
            "light" => Self::Light,
            _ => Self::System,
        }
    }

    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Dark => Some("dark"),
            Self::Light => Some("light"),
        }
    }
}

/// A request: where it goes, and whose it is.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) served: Arc<Served>,
    pub(crate) caller: Caller,
    /// The path without the prefix.
    pub(crate) path: String,
    pub(crate) words: Words,
    pub(crate) theme: Theme,
    /// What its browser is known by; forms are bound to it.
    pub(crate) browser: String,
    /// Whether the browser must be told that.
    pub(crate) is_new: bool,
}

impl Context {
    pub(crate) fn pool(&self) -> &Pool {
        &self.served.pool
    }

    /// Reads in one transaction.
    pub(crate) async fn read<T>(
        &self,
        work: impl AsyncFnOnce(&Reader<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.pool()
            .transaction(&self.caller, Access::Read, work)
            .await
    }

    /// Acts in one transaction.
    pub(crate) async fn act<T>(
        &self,
        work: impl AsyncFnOnce(&Reader<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.pool()
            .transaction(&self.caller, Access::Write, work)
            .await
    }

    /// The address of a path below the prefix.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.served.options.path_prefix)
    }

    /// The environment that was chosen.
    pub(crate) fn environment(&self) -> Option<&str> {
        self.words.get("env")
    }

    /// The address of a path below the prefix, in the environment that was chosen.
    pub(crate) fn link(&self, path: &str) -> String {
        self.link_with(path, Words::default())
    }

    /// The same, with words.
    pub(crate) fn link_with(&self, path: &str, words: Words) -> String {
        let words = match self.environment() {
            Some(environment) if words.get("env").is_none() => words.with("env", environment),
            _ => words,
        };
        words.at(&self.at(path))
    }

    /// What a form of this browser carries.
    pub(crate) fn token(&self) -> String {
        self.served.guard.token(&self.browser)
    }

    /// The context of a request.
    pub(crate) fn of(
        served: &Arc<Served>,
        peer: Option<SocketAddr>,
        parts: &Parts,
    ) -> Result<Self, Fault> {
        let path = parts.uri.path();
        let words = Words::read(parts.uri.query().unwrap_or_default());
        let caller = caller(served, peer, &parts.headers)?;
        let known = cookie(&parts.headers, Guard::COOKIE).filter(|known| Guard::is_name(known));
        // An empty word takes the choice back.
        let query = parts.uri.query().unwrap_or_default();
        let theme = if query.contains("theme=") {
            words.get("theme")
        } else {
            cookie(&parts.headers, "engine_theme")
        };
        let theme = theme.map_or(Theme::System, Theme::parse);
        Ok(Self {
            served: Arc::clone(served),
            caller,
            path: path.to_owned(),
            theme,
            words,
            is_new: known.is_none(),
            browser: known.map_or_else(Guard::new_name, str::to_owned),
        })
    }
}

/// The user that the proxy names, with its role.
fn caller(served: &Served, peer: Option<SocketAddr>, headers: &HeaderMap) -> Result<Caller, Fault> {
    let Some(proxy) = &served.options.proxy else {
        guard_host(served, headers)?;
        return Ok(Caller::default());
    };
    let refuse = |message: &str| {
        let hint = "The dashboard answers through its proxy only.";
        Fault::new(StatusCode::FORBIDDEN, message, hint)
    };
    if !peer.is_some_and(|peer| proxy.from.contains(&peer.ip())) {
        return Err(refuse("this address is not that of the proxy"));
    }
    let user = headers
        .get(&proxy.header)
        .and_then(|user| user.to_str().ok());
    let user = user.ok_or_else(|| refuse("the proxy names no user"))?;
    match proxy.role_of(user) {
        Some(role) => Ok(Caller {
            role: Some(role.to_owned()),
            user: Some(user.to_owned()),
        }),
        None => Err(refuse("this user has no role here")),
    }
}

/// A page of another site may have its name lead to this address: names are answered only where the server is meant to have one.
fn guard_host(served: &Served, headers: &HeaderMap) -> Result<(), Fault> {
    if !served.is_local {
        return Ok(());
    }
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if matches!(name, "localhost" | "127.0.0.1" | "[::1]") {
        return Ok(());
    }
    let hint = "Reach it as localhost, or let it listen at another address.";
    Err(Fault::new(
        StatusCode::MISDIRECTED_REQUEST,
        "this server has no such name",
        hint,
    ))
}

/// The value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let mut pairs = cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

impl FromRequestParts<Arc<Served>> for Context {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, served: &Arc<Served>) -> Result<Self, Fault> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|peer| peer.0);
        Self::of(served, peer, parts)
    }
}
