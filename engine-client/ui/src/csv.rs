//! Lists as files.

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

/// Rows of values that commas separate.
pub(crate) struct Csv(String);

impl Csv {
    /// A file with a head.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self(format!("{}\r\n", head.join(",")))
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, values: &[String]) {
        let values: Vec<String> = values.iter().map(|value| written(value)).collect();
        self.0.push_str(&values.join(","));
        self.0.push_str("\r\n");
    }

    /// It as an answer that browsers keep under a name.
    pub(crate) fn answer(self, name: &str) -> Response {
        let headers = [
            (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (
                CONTENT_DISPOSITION,
                format!("attachment; filename=\"{name}\""),
            ),
        ];
        (headers, self.0).into_response()
    }
}

/// A value in quotes, if it needs them. A spreadsheet would take what begins like a formula for one: a quote keeps it from that.
fn written(value: &str) -> String {
    let guard = if value.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    if guard.is_empty() && !value.contains([',', '"', '\n', '\r']) {
        return value.to_owned();
    }
    format!("\"{guard}{}\"", value.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_value_and_no_formula() {
        for (value, expected) in [
            ("a", "a"),
            ("a,b", "\"a,b\""),
            ("say \"x\"\n", "\"say \"\"x\"\"\n\""),
            ("=1+1", "\"'=1+1\""),
            ("@x", "\"'@x\""),
        ] {
            assert_eq!(written(value), expected);
        }
    }
}
