//! One run: what became of it and why, its life to scale, its family, its values.

mod actions;
mod attempts;
mod documents;
mod facts;
mod family;
mod history;
mod seen;
mod verdict;
mod wait;

use maud::{Markup, html};

use self::seen::{Seen, Values};
use super::timeline;
use crate::fault::Fault;
use crate::part::status;
use crate::part::{Frame, Page};
use crate::request::Context;

pub(super) async fn page(context: &Context, id: &str) -> Result<Page, Fault> {
    let id = id.strip_prefix("run_").unwrap_or(id);
    let seen = Seen::read(context, id).await?;
    let values = Values::of(context, &seen).await;
    let title = format!("{} run_{}", seen.run.task, seen.run.run_id);
    let content = content(context, &seen, &values);
    Ok(Page::new(
        context,
        &Frame {
            title: &title,
            section: "/runs",
            facts: &seen.facts,
            content,
        },
    ))
}

fn content(context: &Context, seen: &Seen, values: &Values) -> Markup {
    let (run, now) = (&seen.run, seen.facts.now);
    let shown = status::of(&run.run_status, &run.execution_status);
    let tried = timeline::attempts(run, now);
    html! {
        div class="head" {
            h1 { (run.task) }
            span id="status" data-live { (shown.badge(&run.run_status)) }
            span class="id" id="run-id" data-copy { "run_" (run.run_id) }
            button class="mini script" type="button" data-copies="run-id" { "Copy id" }
            @if run.is_test { span class="tag" { "test" } }
            (actions::acts(context, &seen.facts, run))
        }
        (actions::confirmation(context, seen))
        @if let Some(verdict) = verdict::verdict(context, seen, &tried) { (verdict.section("What became of it", false)) }
        (timeline::panel(context, run, &seen.family, &seen.chain, now))
        div class="cols wide" {
            div {
                (attempts::panel(context, seen, &tried))
                (family::panel(context, seen))
                (history::panel(run, now))
            }
            div {
                (facts::panel(context, seen))
                @if !run.waits.is_empty() { (wait::panel(context, run, now)) }
                (documents::panels(context, seen, values))
            }
        }
    }
}
