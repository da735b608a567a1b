//! The head of a table. Its roles are written out: where it is narrow, styles make cards of its rows, and take their roles away.

use maud::{Markup, html};

/// The head of columns, each with its name and its class; that of a column of buttons is heard only.
pub(crate) fn head(columns: &[(&str, &str)], has_actions: bool) -> Markup {
    html! {
        thead role="rowgroup" {
            tr role="row" {
                @for (name, class) in columns {
                    th role="columnheader" scope="col" class=[(!class.is_empty()).then_some(*class)] { (name) }
                }
                @if has_actions { th role="columnheader" scope="col" class="num" { span class="vh" { "Actions" } } }
            }
        }
    }
}
