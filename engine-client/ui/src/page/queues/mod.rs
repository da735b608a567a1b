//! Queues and environments: what is due, why it is behind, and how to pause, resume and limit.

mod detail;
mod environments;
mod figures;
mod list;
mod pause;
mod row;

use maud::html;

pub(super) use self::figures::oldest;
pub(super) use self::list::{asked, panel};

use self::detail::Chosen;
use crate::fault::Fault;
use crate::number::plural;
use crate::part::{Frame, Page, file, text};
use crate::query::queue::{self, Counts};
use crate::query::session::Facts;
use crate::request::Context;

pub(super) async fn page(context: &Context) -> Result<Page, Fault> {
    let (environment, part) = (context.environment(), context.words.get("name"));
    let chosen = context
        .words
        .get("queue")
        .zip(context.words.get("of").or(environment));
    let (facts, queues, counts, environments, chosen) = context
        .read(async |reader| {
            let facts = Facts::read(reader).await?;
            let (queues, environments) =
                queue::queues(reader, list::asked(context, list::SHOWN)).await?;
            let counts = Counts::read(reader, environment, part).await?;
            let chosen = match chosen {
                Some((name, of)) => Chosen::read(reader, of, name).await?,
                None => None,
            };
            Ok((facts, queues, counts, environments, chosen))
        })
        .await?;
    let content = html! {
        div class="head" {
            h1 { "Queues" }
            span class="muted" { (plural(counts.all, "queue", "queues"))
                @if let Some(environment) = environment { " in " (environment) } }
            div class="acts" { (file::link(context, "queues.csv", &context.words)) }
        }
        (environments::confirmation(context, &facts, &environments))
        @if let Some(chosen) = &chosen { (detail::panel(context, &facts, chosen)) }
        (text::figures(&figures::figures(&counts, &environments)))
        (list::list(context, &facts, &queues, &counts))
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
