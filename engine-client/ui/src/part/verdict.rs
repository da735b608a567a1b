//! What is wrong, in one sentence, and why.

use maud::{Markup, html};

use super::symbol::icon;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Failure,
    Note,
    Quiet,
}

/// A verdict.
pub(crate) struct Verdict {
    pub(crate) weight: Weight,
    /// The shape beside it.
    pub(crate) symbol: &'static str,
    pub(crate) colour: &'static str,
    /// One sentence.
    pub(crate) sentence: String,
    /// What the machine said.
    pub(crate) error: Option<String>,
    /// Facts, or what to do.
    pub(crate) facts: Markup,
    /// Where to go.
    pub(crate) links: Vec<(String, String)>,
}

impl Verdict {
    /// The verdict at the head of a page; `label` names it for screen readers.
    pub(crate) fn section(&self, label: &str, is_heading: bool) -> Markup {
        let class = match self.weight {
            Weight::Failure => "verdict",
            Weight::Note => "verdict note",
            Weight::Quiet => "verdict quiet",
        };
        html! {
            section id="verdict" data-live aria-live="polite" class=(class) aria-label=(label) {
                (icon(self.symbol, self.colour))
                div class="grow" {
                    @if is_heading { h1 { (self.sentence) } } @else { h2 { (self.sentence) } }
                    @if self.error.is_some() || !self.facts.0.is_empty() {
                        p {
                            @if let Some(error) = &self.error { span class="err" { (error) } br; }
                            (self.facts)
                        }
                    }
                    @if !self.links.is_empty() {
                        p class="acts" { @for (text, link) in &self.links { a class="btn" href=(link) { (text) } } }
                    }
                }
            }
        }
    }
}
