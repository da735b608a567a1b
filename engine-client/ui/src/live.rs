//! Live pages: the server renders a page again and sends what has changed of it, by the ids of its elements.
//!
//! A page that several browsers watch is rendered once for all of them, and all pages together so rarely that they take at most a
//! fiftieth of the time: what watched pages cost does not depend on how long each takes, how many there are, nor on how many
//! watch them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::fault::Fault;
use crate::hub::{Rendering, Watched};
use crate::page;
use crate::request::Context;
use crate::served::Served;
use crate::url::Words;

/// Shortest time between two renderings.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest time between two renderings.
const LONGEST: Duration = Duration::from_secs(900);

/// Pages are rendered for at most one of so many parts of the time, all of them together.
const PARTS: u32 = 50;

/// After so long without a rendering a browser hears that all is well: one that hears nothing for ten seconds says that its page is
/// stale.
const STILL: Duration = Duration::from_secs(4);

pub(crate) fn routes() -> Router<Arc<Served>> {
    Router::new().route("/live", get(answer))
}

/// The stream of a page; `path` and `query` say which.
async fn answer(context: Context, request: Request) -> Response {
    drop(request);
    let path = context.words.get("path").unwrap_or("/").to_owned();
    let words = Words::read(context.words.get("query").unwrap_or_default()).without("seen");
    let words = match context.words.get("seen") {
        Some(seen) => words.with("seen", seen),
        None => words,
    };
    let watched = Context {
        path,
        words,
        ..context
    };
    let Some(watched) = watch(&watched) else {
        return Fault::busy().into_response();
    };
    let sent: HashMap<String, String> = HashMap::new();
    let events = stream::unfold((watched, sent), async |(mut watched, mut sent)| {
        let event = Event::default();
        let Ok(rendering) = timeout(STILL, watched.next()).await else {
            return Some((Ok(event.event("still").data("")), (watched, sent)));
        };
        let rendering = rendering?;
        let event = match &rendering.parts {
            Ok(parts) => {
                let changed: Vec<_> = parts
                    .iter()
                    .filter(|(id, html)| sent.get(id) != Some(html))
                    .map(|(id, html)| json!([id, html]))
                    .collect();
                sent.extend(parts.iter().cloned());
                let data = json!({"parts": changed, "every": every(rendering.pause)});
                event.event("parts").data(data.to_string())
            }
            Err(message) => event.event("fault").data(json!(message).to_string()),
        };
        Some((Ok::<_, Infallible>(event), (watched, sent)))
    });
    Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response()
}

/// Watches a page, for the role of the request.
fn watch(context: &Context) -> Option<Watched> {
    let role = context.caller.role.as_deref().unwrap_or_default();
    let key = format!("{role}\n{}\n{}", context.path, context.words.at(""));
    let hub = &context.served.hub;
    hub.watch(key, |sender| {
        tokio::spawn(render(context.clone(), sender));
    })
}

/// Renders a page again and again, as long as it is watched. One receiver is that of the hub.
async fn render(context: Context, sender: watch::Sender<Arc<Rendering>>) {
    while sender.receiver_count() > 1 {
        let began = Instant::now();
        let parts = match page::render(&context).await {
            Ok(page) => Ok(parts(&page.into_html())),
            Err(fault) => Err(fault.message),
        };
        let pages = context.served.hub.pages();
        let pause = began.elapsed().saturating_mul(PARTS * pages);
        let pause = pause.clamp(PAUSE, LONGEST);
        sender.send_replace(Arc::new(Rendering {
            began,
            parts,
            pause,
        }));
        sleep(pause).await;
    }
}

/// How often a page is rendered, in words; nothing where that is as often as one expects of what is live.
fn every(pause: Duration) -> Option<String> {
    let seconds = pause.as_secs();
    match seconds {
        0..5 => None,
        5..120 => Some(format!("every {seconds} s")),
        _ => Some(format!("every {} min", seconds / 60)),
    }
}

/// The elements of a page that may change: those with an id and the attribute `data-live`, with what is in them.
fn parts(html: &str) -> Vec<(String, String)> {
    const MARK: &str = " data-live";
    let mut parts = Vec::new();
    let mut from = 0;
    while let Some(at) = html[from..].find(MARK).map(|at| at + from) {
        from = at + MARK.len();
        let Some(start) = html[..at].rfind('<') else {
            continue;
        };
        let Some(end) = html[at..].find('>').map(|end| end + at + 1) else {
            break;
        };
        let tag = &html[start..end];
        let name = tag[1..].split([' ', '>']).next().unwrap_or_default();
        let id = tag
            .split_once(" id=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(id, _)| id);
        if let Some(id) = id
            && let Some(length) = length(&html[end..], name)
        {
            parts.push((id.to_owned(), html[start..end + length].to_owned()));
        }
    }
    parts
}

/// The length of an element's content, with its closing tag.
fn length(html: &str, name: &str) -> Option<usize> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let (mut depth, mut at) = (1, 0);
    loop {
        let closing = html[at..].find(&close)? + at;
        let opening = html[at..closing].match_indices(&open).filter(|(place, _)| {
            let next = html.as_bytes()[at..].get(place + open.len());
            matches!(next, Some(b' ' | b'>'))
        });
        depth += opening.count();
        depth -= 1;
        at = closing + close.len();
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_rendered_rarely_says_how_often() {
        let said = [1_500, 9_999, 119_000, 870_000].map(Duration::from_millis);
        let said = said.map(every);
        let expected = [
            None,
            Some("every 9 s"),
            Some("every 119 s"),
            Some("every 14 min"),
        ];
        assert_eq!(said, expected.map(|text| text.map(str::to_owned)));
    }

    #[test]
    fn an_element_is_found_with_all_that_is_in_it() {
        let html = r#"<p><div class="a" id="x" data-live><div>1</div><divider></divider></div><b id="y" data-live>2</b></p>"#;
        let parts = parts(html);
        assert_eq!(
            parts,
            [
                (
                    "x".to_owned(),
                    r#"<div class="a" id="x" data-live><div>1</div><divider></divider></div>"#
                        .to_owned()
                ),
                ("y".to_owned(), r#"<b id="y" data-live>2</b>"#.to_owned()),
            ]
        );
    }
}
