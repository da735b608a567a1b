//! The head of a table. Its roles are written out: where it is narrow, styles make cards of its rows, and take their roles away.

use maud::{Markup, html};

use crate::request::Context;

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

/// The same, with links that order the rows by a column; `orders` has the columns that can, by their word in the address.
pub(crate) fn sortable(
    context: &Context,
    columns: &[(&str, &str)],
    orders: &[(&str, &str)],
    usual: &str,
    has_actions: bool,
) -> Markup {
    let present = context.words.get("sort").unwrap_or(usual);
    let at = |order: &str| {
        let words = context.words.clone().without("sort");
        let words = if order == usual {
            words
        } else {
            words.with("sort", order)
        };
        words.at(&context.at(&context.path))
    };
    let direction = |order: &str| {
        if order == "name" {
            "ascending"
        } else {
            "descending"
        }
    };
    html! {
        thead role="rowgroup" {
            tr role="row" {
                @for (name, class) in columns {
                    @let order = orders.iter().find(|(column, _)| column == name).map(|(_, order)| *order);
                    th role="columnheader" scope="col" class=[(!class.is_empty()).then_some(*class)]
                        aria-sort=[order.filter(|order| *order == present).map(direction)] {
                        @match order { Some(order) => a href=(at(order)) { (name) }, None => (name) }
                    }
                }
                @if has_actions { th role="columnheader" scope="col" class="num" { span class="vh" { "Actions" } } }
            }
        }
    }
}
