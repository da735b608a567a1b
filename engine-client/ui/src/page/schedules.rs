//! Schedules: when they make a run next, in their own zone, and what became of the last one.

use maud::{Markup, html};

use crate::fault::Fault;
use crate::moment::{Moment, span};
use crate::part::text::{none, run_path, time};
use crate::part::{Frame, Page, file, form, status};
use crate::query::schedule::{self, Schedule};
use crate::query::session::Facts;
use crate::request::Context;

/// The hours that the drawing shows, and most runs that it draws one by one.
const HOURS: i64 = 24;
const DOTS: usize = 40;

pub(super) async fn page(context: &Context) -> Result<Page, Fault> {
    let environment = context.environment();
    let (facts, schedules) = context
        .read(async |reader| {
            Ok((
                Facts::read(reader).await?,
                schedule::list(reader, environment).await?,
            ))
        })
        .await?;
    let active = schedules
        .iter()
        .filter(|schedule| schedule.is_active)
        .count();
    let content = html! {
        div class="head" {
            h1 { "Schedules" }
            span class="muted" { (active) " active" @if schedules.len() > active { ", " (schedules.len() - active) " off" } }
            div class="acts" { (file::link(context, "schedules.csv", &context.words)) }
        }
        section class="p" {
            @if schedules.is_empty() {
                div class="empty" { b { "No schedules" } code { "select engine_set_schedule('nightly', 'nightly_report', '0 4 * * *')" } }
            } @else {
                (table(context, &facts, &schedules))
                (legend())
            }
        }
    };
    Ok(Page::new(
        context,
        &Frame {
            title: "Schedules",
            section: "/schedules",
            facts: &facts,
            content,
        },
    ))
}

fn table(context: &Context, facts: &Facts, schedules: &[Schedule]) -> Markup {
    let may_act = facts.may_operate();
    html! {
        table class="cards" role="table" {
            thead role="rowgroup" { tr role="row" {
                th role="columnheader" scope="col" { "Schedule" }
                th role="columnheader" scope="col" { "When" }
                th role="columnheader" scope="col" { "Next run" }
                th role="columnheader" scope="col" class="c24 w2" { span class="vh" { "Next 24 h" } (axis(facts.now)) }
                th role="columnheader" scope="col" { "Last" }
                @if may_act { th role="columnheader" scope="col" { span class="vh" { "Actions" } } }
            } }
            tbody role="rowgroup" { @for schedule in schedules { (row(context, facts, schedule, may_act)) } }
        }
    }
}

fn row(context: &Context, facts: &Facts, schedule: &Schedule, may_act: bool) -> Markup {
    let now = facts.now;
    let id = &schedule.schedule_id;
    html! {
        tr role="row" data-row {
            th scope="row" role="rowheader" class="nw" {
                b { (id) }
                @if !schedule.is_active { " " span class="tag warn" { "off" } }
                span class="sub" { (schedule.task) " in " (schedule.environment_id) }
            }
            td role="cell" class="full" {
                code { (schedule.cron) }
                span class="sub" { (schedule.timezone) @if let Some(window) = &schedule.spread_window { ", spread over " (window) } }
            }
            td role="cell" class="nw" { (next(schedule, now)) }
            td role="cell" class="c24 w2" { (dots(schedule, now)) }
            td role="cell" class="push" { (last(context, schedule, now)) }
            @if may_act {
                td role="cell" class="num" {
                    div class="end acts" {
                        (form::button(context, "/act/schedule/run", &[("id", id)], "mini", "Run now", id))
                        @let (label, active) = if schedule.is_active { ("Turn off", "false") } else { ("Turn on", "true") };
                        (form::button(context, "/act/schedule/active", &[("id", id), ("active", active)], "mini", label, id))
                    }
                }
            }
        }
    }
}

fn next(schedule: &Schedule, now: Moment) -> Markup {
    let (Some(at), true) = (schedule.next_at, schedule.is_active) else {
        return html! { span class="muted" { "not active" } };
    };
    let spread = schedule
        .next_effective_at
        .map_or(0, |effective| effective.ms_since(at));
    html! {
        (time(at, now)) @if spread > 0 { " + " (span(spread)) }
        span class="sub" {
            @if at > now { "in " (span(at.ms_since(now))) } @else { "due for " (span(now.ms_since(at))) }
            @if schedule.timezone != "UTC" && let Some(local) = &schedule.next_local { ", there " (local) }
        }
    }
}

fn last(context: &Context, schedule: &Schedule, now: Moment) -> Markup {
    html! {
        @match (&schedule.last_run_id, &schedule.run_status) {
            (Some(run_id), Some(run_status)) => {
                @let shown = status::of(run_status, schedule.execution_status.as_deref().unwrap_or_default());
                a href=(run_path(context, run_id)) { (shown.badge(run_status)) }
            }
            (Some(_), None) => span class="muted" { "removed" },
            (None, _) => (none()),
        }
        @if let Some(at) = schedule.last_at { span class="sub" { (time(at, now)) } }
        @if let Some(error) = &schedule.last_error { span class="sub fail" { (error) } }
    }
}

/// A place within the next hours, in percent.
fn x(at: Moment, now: Moment) -> f64 {
    at.ms_since(now) as f64 / (HOURS * 3_600_000) as f64 * 100.0
}

fn dots(schedule: &Schedule, now: Moment) -> Markup {
    let upcoming = schedule.upcoming.as_deref().unwrap_or_default();
    html! {
        svg class="g run" role="img" aria-label={ (upcoming.len().min(DOTS)) @if upcoming.len() > DOTS { " or more" } " runs in the next 24 hours" } {
            line class="base" x1="0" x2="100%" y1="13" y2="13" {}
            @if upcoming.len() > DOTS {
                rect x="0" y="9" width="100%" height="8" {}
            } @else {
                @for at in upcoming { circle cx=(format!("{:.2}%", x(*at, now))) cy="13" r="4" fill="currentColor" {} }
            }
        }
    }
}

fn axis(now: Moment) -> Markup {
    html! {
        svg class="c" height="16" aria-hidden="true" {
            text x="0%" y="12" text-anchor="start" { "now" }
            @for quarter in 1..4 {
                text x={ (quarter * 25) "%" } y="12" text-anchor="middle" { (now.plus_minutes(quarter * HOURS * 15).to_minute()) }
            }
            text x="100%" y="12" text-anchor="end" { "+24 h" }
        }
    }
}

fn legend() -> Markup {
    html! {
        div class="legend b key" {
            span class="run" { svg width="8" height="8" aria-hidden="true" { circle cx="4" cy="4" r="4" fill="currentColor" {} } "one run" }
            span class="run" { svg width="22" height="9" aria-hidden="true" { rect width="22" height="8" fill="currentColor" {} } "more than " (DOTS) " in 24 h" }
            span { "times in UTC; the zone of the cron below it" }
        }
    }
}
