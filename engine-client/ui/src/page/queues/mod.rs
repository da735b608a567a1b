//! Queues and environments: what is due, why it is behind, and how to pause, resume and limit.

mod detail;
mod environments;
mod figures;
mod list;
mod pause;
mod row;

use maud::html;

pub(super) use self::figures::oldest;
pub(super) use self::list::{panel, shown};

use self::detail::Chosen;
use super::download;
use crate::fault::Fault;
use crate::number::plural;
use crate::part::text;
use crate::part::{Frame, Page};
use crate::query::queue;
use crate::query::session::Facts;
use crate::request::Context;

/// Most queues that the page reads.
pub(super) const MOST: i64 = 10_000;

pub(super) async fn page(context: &Context) -> Result<Page, Fault> {
    let (environment, name) = (context.environment(), context.words.get("name"));
    let chosen = context
        .words
        .get("queue")
        .zip(context.words.get("of").or(environment));
    let (facts, queues, environments, keys) = context
        .read(async |reader| {
            let facts = Facts::read(reader).await?;
            let (queues, environments) = queue::queues(reader, environment, name, MOST).await?;
            let keys = match chosen {
                Some((queue, environment)) => queue::keys(reader, environment, queue).await?,
                None => Vec::new(),
            };
            Ok((facts, queues, environments, keys))
        })
        .await?;
    let chosen = chosen.and_then(|(queue, environment)| {
        queues
            .iter()
            .find(|other| other.queue == queue && other.environment_id == environment)
    });
    let chosen = chosen.map(|queue| Chosen { queue, keys });
    let content = html! {
        div class="head" {
            h1 { "Queues" }
            span class="muted" { (plural(i64::try_from(queues.len()).unwrap_or_default(), "queue", "queues"))
                @if let Some(environment) = environment { " in " (environment) } }
            div class="acts" { (download::link(context, "queues.csv", &context.words)) }
        }
        (environments::confirmation(context, &facts, &environments))
        @if let Some(chosen) = &chosen { (detail::panel(context, &facts, chosen)) }
        (text::figures(&figures::figures(&queues, &environments)))
        (list::list(context, &facts, &queues))
        (environments::list(context, &facts, &environments))
    };
    Ok(Page::new(
        context,
        &Frame {
            title: "Queues",
            section: "/queues",
            facts: &facts,
            content,
        },
    ))
}
