//! What may be done with a run, and the question before what cannot be undone.

use maud::{Markup, html};

use super::seen::Seen;
use crate::part::form;
use crate::part::symbol::icon;
use crate::query::run::{CHILDREN, Run};
use crate::query::session::Facts;
use crate::request::Context;

/// What may be done with it; what its status forbids is shown with the reason.
pub(super) fn acts(context: &Context, facts: &Facts, run: &Run) -> Markup {
    if !facts.may_cancel(&run.environment_id) {
        return html! {};
    }
    let ask = |action: &str| {
        context
            .words
            .clone()
            .set("confirm", action)
            .at(&context.at(&context.path))
    };
    let path = |action: &str| format!("/act/run/{action}");
    let id = [("run", run.run_id.as_str())];
    let can_redrive = matches!(
        run.run_status.as_str(),
        "SYSTEM_FAILURE" | "CRASHED" | "TIMED_OUT" | "EXPIRED" | "INTERRUPTED"
    );
    html! {
        div class="acts" {
            (form::button(context, &path("replay"), &id, "", "Replay", ""))
            @if facts.may_operate() {
                @if can_redrive { (form::button(context, &path("redrive"), &id, "", "Redrive", "")) }
                @else { button type="button" disabled title="Only a run that ended without its handler's decision can be redriven" { "Redrive" } }
            }
            @if run.run_status == "DELAYED" && facts.may_trigger(&run.environment_id) {
                (form::button(context, &path("now"), &id, "", "Run now", ""))
            }
            @if run.has_ended() { button type="button" disabled title="It has ended" { "Cancel" } }
            @else { a class="btn danger" href=(ask("cancel")) { "Cancel…" } }
        }
    }
}

/// A question before what cannot be undone.
pub(super) fn confirmation(context: &Context, seen: &Seen) -> Markup {
    let (facts, run) = (&seen.facts, &seen.run);
    let is_asked = context.words.get("confirm") == Some("cancel");
    if !is_asked || run.has_ended() || !facts.may_cancel(&run.environment_id) {
        return html! {};
    }
    let back = context
        .words
        .clone()
        .without("confirm")
        .at(&context.at(&context.path));
    html! {
        section class="verdict note" aria-label="Confirm" {
            (icon("crashed", "warn"))
            div class="grow" {
                h2 { "Cancel this run?" }
                p { "It cannot be undone. " (children(seen)) " A worker that holds it is asked to stop." }
                form method="post" action=(context.at("/act/run/cancel")) {
                    (form::hidden(context, &[("run", &run.run_id)]))
                    p { label { "Reason, kept in the history " input name="reason" maxlength="200" size="40"; } }
                    p class="acts" { button class="danger main" { "Cancel the run" } a class="btn" href=(back) { "Back" } }
                }
            }
        }
    }
}

/// What happens to its children. Of many, only the newest are known.
fn children(seen: &Seen) -> String {
    let children = seen
        .family
        .iter()
        .filter(|other| other.is_parent != Some(true));
    let (mut all, mut live) = (0, 0);
    for child in children {
        all += 1;
        live += i64::from(child.execution_status != "FINISHED");
    }
    match (live, all < CHILDREN) {
        (0, true) => "It has no child that has not ended.".to_owned(),
        (0, false) => {
            "Children of it that have not ended are cancelled with it, and theirs.".to_owned()
        }
        (1, true) => {
            "Its child that has not ended is cancelled with it, and so are its own.".to_owned()
        }
        (live, true) => {
            format!("Its {live} children that have not ended are cancelled with it, and theirs.")
        }
        (live, false) => format!(
            "Its children that have not ended, {live} or more, are cancelled with it, and theirs."
        ),
    }
}
