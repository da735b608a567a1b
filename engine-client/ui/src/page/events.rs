//! What happens: the newest transitions of runs.

use maud::{Markup, html};

use crate::fault::Fault;
use crate::moment::Moment;
use crate::part::status;
use crate::part::symbol::icon;
use crate::part::text::{exact_time, run_link};
use crate::part::{Frame, Page, table};
use crate::query::event::{self, Event};
use crate::query::session::Facts;
use crate::request::Context;

pub(super) async fn page(context: &Context) -> Result<Page, Fault> {
    let environment = context.environment();
    let (facts, events) = context
        .read(async |reader| {
            Ok((
                Facts::read(reader).await?,
                event::newest(reader, environment).await?,
            ))
        })
        .await?;
    let content = html! {
        div class="head" { h1 { "Events" } span class="muted" { "the newest transitions of the last hour" } }
        section class="p" {
            div id="events" data-live {
                @if events.is_empty() {
                    div class="empty" { b { "Nothing happened in the last hour" } code { "engine tail" } " prints events as they come." }
                } @else { (list(context, &events, facts.now)) }
            }
        }
    };
    Ok(Page::new(
        context,
        &Frame {
            title: "Events",
            section: "/events",
            facts: &facts,
            content,
        },
    ))
}

fn list(context: &Context, events: &[Event], now: Moment) -> Markup {
    html! {
        table class="cards" role="table" {
            (table::head(&[("At", ""), ("What", ""), ("Task", ""), ("Run", "w2"), ("Queue", "w1"), ("Attempt", "num w1")], false))
            tbody role="rowgroup" {
                @for event in events {
                    tr role="row" data-row {
                        td role="cell" class="nw" { (exact_time(event.at, now)) }
                        td role="cell" class="nw" {
                            @let shown = status::of(&event.run_status, &event.execution_status);
                            span class={ "st " (shown.colour) } title=(event.run_status) {
                                (icon(shown.symbol, "")) (event.transition.to_lowercase().replace('_', " "))
                            }
                        }
                        th scope="row" role="rowheader" class="cut" { (event.task) }
                        td role="cell" class="w2 nw" { (run_link(context, &event.run_id)) }
                        td role="cell" class="w1 cut" { (event.queue) }
                        td role="cell" class="num w1" { (event.attempt.unwrap_or_default()) }
                    }
                }
            }
        }
    }
}
