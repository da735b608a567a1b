//! The overview: what is wrong, how much, and where to look.

mod doctor;
mod failures;
mod figures;
mod held;
mod latency;
mod rates;
mod seen;
mod verdict;

use maud::{Markup, html};

use self::seen::{SHOWN, Seen};
use super::queues;
use crate::fault::Fault;
use crate::part::text;
use crate::part::{Frame, Page};
use crate::request::Context;

pub(super) async fn page(context: &Context) -> Result<Page, Fault> {
    let seen = Seen::read(context).await?;
    let content = content(context, &seen);
    Ok(Page::new(
        context,
        &Frame {
            title: "Overview",
            section: "/",
            facts: &seen.facts,
            content,
        },
    ))
}

fn content(context: &Context, seen: &Seen) -> Markup {
    html! {
        (verdict::verdict(context, seen).section("What is wrong", true))
        (text::figures(&figures::figures(context, seen)))
        div class="cols wide mix" {
            div {
                (failures::panel(context, seen))
                (rates::panel(context, seen))
                (held::panel(context, seen))
            }
            div {
                (doctor::panel(context, seen))
                (latency::panel(seen))
            }
        }
        (queues::panel(context, &seen.facts, &seen.queues, seen.counts.all, SHOWN))
    }
}
