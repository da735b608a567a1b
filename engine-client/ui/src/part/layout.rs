//! What every page has around its content.

use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::symbol;
use crate::asset;
use crate::guard::Guard;
use crate::moment::Moment;
use crate::number::count;
use crate::query::session::Facts;
use crate::request::Context;

/// The pages of the navigation: name, path, key after `g`.
const PAGES: [(&str, &str, &str); 8] = [
    ("Overview", "/", "o"),
    ("Runs", "/runs", "r"),
    ("Failures", "/failures", "f"),
    ("Queues", "/queues", "q"),
    ("Schedules", "/schedules", "s"),
    ("Workers", "/workers", "w"),
    ("Bulk", "/bulk", "b"),
    ("Events", "/events", "e"),
];

/// A page without what all pages have.
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    /// The path of the navigation's entry that it belongs to.
    pub(crate) section: &'a str,
    pub(crate) facts: &'a Facts,
    pub(crate) content: Markup,
}

/// A page that is answered.
pub(crate) struct Page {
    status: StatusCode,
    html: String,
    cookies: Vec<String>,
}

impl Page {
    /// The page of a frame.
    pub(crate) fn new(context: &Context, frame: &Frame<'_>) -> Self {
        Self {
            status: StatusCode::OK,
            html: document(context, frame).into_string(),
            cookies: cookies(context),
        }
    }

    /// Its text.
    pub(crate) fn into_html(self) -> String {
        self.html
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = (
            self.status,
            [(
                CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            )],
            self.html,
        )
            .into_response();
        for cookie in self.cookies {
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
        }
        response
    }
}

/// A browser is told by what it is known, and the theme that it chose.
fn cookies(context: &Context) -> Vec<String> {
    let path = format!("{}/", context.served.options.path_prefix);
    let rest = format!("Path={path}; SameSite=Strict; HttpOnly");
    let mut cookies = Vec::new();
    if context.is_new {
        cookies.push(format!("{}={}; {rest}", Guard::COOKIE, context.browser));
    }
    if let Some(theme) = context.theme.name() {
        cookies.push(format!("engine_theme={theme}; {rest}; Max-Age=31536000"));
    } else {
        cookies.push(format!("engine_theme=; {rest}; Max-Age=0"));
    }
    cookies
}

fn document(context: &Context, frame: &Frame<'_>) -> Markup {
    let facts = frame.facts;
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[context.theme.name()] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (frame.title) " · engine" }
                link rel="stylesheet" href=(context.at(&asset::style()));
                script src=(context.at(&asset::script())) defer {}
            }
            body data-prefix=(context.served.options.path_prefix) data-up=(context.link(frame.section)) {
                a class="skip" href="#main" { "To the content" }
                (symbol::all())
                header class="top" {
                    a class="brand" href=(context.link("/")) { "engine" }
                    (environments(context, facts))
                    (navigation(context, frame))
                    form class="find" role="search" action=(context.at("/find")) {
                        @if let Some(environment) = context.environment() { input type="hidden" name="env" value=(environment); }
                        label class="vh" for="find" { "Find a run" }
                        input id="find" name="q" type="search" placeholder="Run id, task:… tag:…    /" autocomplete="off";
                    }
                    (live(context, facts.now))
                }
                main id="main" tabindex="-1" { (frame.content) }
                footer class="foot" { (foot(context, facts)) }
                (keys())
            }
        }
    }
}

fn environments(context: &Context, facts: &Facts) -> Markup {
    let chosen = context.environment();
    html! {
        form class="env" action=(context.at(&context.path)) {
            label class="vh" for="env" { "Environment" }
            select id="env" name="env" data-submit {
                option value="" selected[chosen.is_none()] { "all environments" }
                @for environment in &facts.environments {
                    option selected[chosen == Some(environment)] { (environment) }
                }
            }
            noscript { button class="mini" { "Go" } }
        }
    }
}

fn navigation(context: &Context, frame: &Frame<'_>) -> Markup {
    let facts = frame.facts;
    html! {
        nav aria-label="Main" {
            @for (name, path, _) in PAGES {
                a href=(context.link(path)) aria-current=[(frame.section == path).then_some("page")] {
                    (name)
                    @if path == "/failures" && facts.failures > 0 {
                        " " small class="fail" id="nav-failures" data-live { (count(facts.failures)) }
                    }
                    @if path == "/bulk" && facts.bulk_running > 0 {
                        " " small id="nav-bulk" data-live { (count(facts.bulk_running)) }
                    }
                }
            }
        }
    }
}

/// Live, or as of when: without a script a page is as of its time.
fn live(context: &Context, now: Moment) -> Markup {
    let is_paused = context.words.get("live") == Some("0");
    let words = context.words.clone().without("live");
    let (link, verb) = if is_paused {
        (words.at(&context.at(&context.path)), "go on")
    } else {
        (
            words.with("live", "0").at(&context.at(&context.path)),
            "pause",
        )
    };
    html! {
        span class="live" id="live-state" data-state=(if is_paused { "paused" } else { "still" }) {
            (symbol::icon("live", "ok on")) (symbol::icon("paused", "warn off")) (symbol::icon("crashed", "fail bad"))
            span { span class="word" { "as of" } " " time datetime=(now.iso()) { (now.brief(now)) } " UTC" }
            " " a href=(link) { (verb) }
        }
    }
}

fn foot(context: &Context, facts: &Facts) -> Markup {
    let theme = |name: &str| {
        context
            .words
            .clone()
            .set("theme", name)
            .at(&context.at(&context.path))
    };
    html! {
        span { (facts.database) @if let Some(server) = &facts.server { " @ " (server) } }
        span { "engine " (facts.version) }
        span { "role " (facts.role) @if !facts.may_act() { ", read-only" } }
        @if facts.is_standby { span { "a standby: reading only" } }
        span {
            a href=(theme("dark")) { "dark" } " · " a href=(theme("light")) { "light" } " · "
            a href=(format!("{}?theme=", context.at(&context.path))) { "as the system" }
        }
        span class="keys-hint" { kbd { "?" } " keys" }
    }
}

/// The list of keys, which `?` opens.
fn keys() -> Markup {
    html! {
        dialog id="keys" aria-labelledby="keys-title" {
            h2 id="keys-title" { "Keys" }
            dl class="facts" {
                dt { kbd { "/" } } dd { "find" }
                dt { kbd { "j" } " " kbd { "k" } } dd { "next and previous row" }
                dt { kbd { "Enter" } } dd { "open the row" }
                @for (name, path, key) in PAGES { dt { kbd { "g" } " " kbd data-go=(path) { (key) } } dd { (name) } }
                dt { kbd { "u" } } dd { "up to the list" }
                dt { kbd { "c" } } dd { "copy the id" }
                dt { kbd { "l" } } dd { "live on and off" }
                dt { kbd { "?" } } dd { "this list" }
            }
            form method="dialog" { button { "Close" } }
        }
    }
}
