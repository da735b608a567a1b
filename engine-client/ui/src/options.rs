//! How the dashboard is served.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// How the dashboard is served.
#[derive(Debug, Clone)]
pub struct Options {
    /// The path below which a proxy serves it, such as `/engine`; empty for none.
    pub path_prefix: String,
    /// Most connections to the database.
    pub connections: usize,
    /// Longest statement of a page.
    pub statement_timeout: Duration,
    /// Keys whose values are not shown, in payloads, outputs, metadata and errors; `*` stands for anything, and case does not
    /// matter.
    pub redact: Vec<String>,
    /// A program that decrypts values: it reads one on its standard input, and writes JSON to its standard output.
    pub decrypt: Option<String>,
    /// A proxy that has authenticated its users.
    pub proxy: Option<Proxy>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            path_prefix: String::new(),
            connections: 4,
            statement_timeout: Duration::from_secs(5),
            redact: REDACTED.iter().map(|&pattern| pattern.to_owned()).collect(),
            decrypt: None,
            proxy: None,
        }
    }
}

/// Keys that hold secrets and what identifies people, in most applications.
const REDACTED: [&str; 12] = [
    "*password*",
    "*passwd*",
    "*secret*",
    "*token*",
    "*api_key*",
    "*apikey*",
    "authorization",
    "cookie",
    "card*",
    "cvc",
    "iban",
    "email",
];

/// A proxy that has authenticated its users, and names them in a header.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// The header.
    pub header: String,
    /// The roles of users; `*` for all others. A user without a role is refused.
    pub roles: BTreeMap<String, String>,
    /// Where it connects from: the header of anything else is not believed.
    pub from: Vec<IpAddr>,
}

impl Proxy {
    /// The role of a user.
    pub(crate) fn role_of(&self, user: &str) -> Option<&str> {
        let role = self.roles.get(user).or_else(|| self.roles.get("*"));
        role.map(String::as_str)
    }
}
