//! Values that are not shown: on the server, before there is any HTML. And those that must be decrypted first.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::options::Options;

/// Longest time for the program that decrypts.
const PATIENCE: Duration = Duration::from_secs(5);

/// Programs that decrypt at the same time.
const PROGRAMS: usize = 4;

/// What is not shown, and how values are decrypted.
pub(crate) struct Redactor {
    patterns: Vec<String>,
    decrypt: Option<String>,
    programs: Semaphore,
}

impl Redactor {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            patterns: options
                .redact
                .iter()
                .map(|pattern| pattern.to_lowercase())
                .collect(),
            decrypt: options.decrypt.clone(),
            programs: Semaphore::new(PROGRAMS),
        }
    }

    /// Whether the value of a key is not shown.
    pub(crate) fn hides(&self, key: &str) -> bool {
        let key = key.to_lowercase();
        self.patterns.iter().any(|pattern| matches(pattern, &key))
    }

    /// A text of an error with the values of hidden keys taken out: `token=…`, `"token": "…"`.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['=', ':']) {
            let (before, after) = rest.split_at(at + 1);
            shown.push_str(before);
            rest = after;
            let key = before[..at].trim_end_matches(['"', '\'', ' ']);
            let key = key
                .rsplit(|character: char| !character.is_alphanumeric() && !"_-".contains(character))
                .next();
            if key.is_none_or(|key| key.is_empty() || !self.hides(key)) {
                continue;
            }
            let start = rest.len() - rest.trim_start_matches([' ', '"', '\'']).len();
            let value = &rest[start..];
            let end = value
                .find(['"', '\'', ',', ';', '&', ' ', '\n', '}'])
                .unwrap_or(value.len());
            if end > 0 {
                shown.push_str(&rest[..start]);
                shown.push_str(&format!(
                    "[redacted, {} characters]",
                    value[..end].chars().count()
                ));
                rest = &value[end..];
            }
        }
        shown.push_str(rest);
        shown
    }

    /// A value as it is meant to be read. One that cannot be decrypted stays as it is.
    pub(crate) async fn decrypt(&self, value: &str) -> String {
        let Some(program) = &self.decrypt else {
            return value.to_owned();
        };
        let decrypted = async {
            let _permit = self.programs.acquire().await.ok()?;
            timeout(PATIENCE, decrypted(program, value)).await.ok()?
        };
        decrypted.await.unwrap_or_else(|| value.to_owned())
    }

    /// The number of characters of a value, which is all that is said of a hidden one.
    pub(crate) fn length(value: &Value) -> usize {
        match value {
            Value::String(text) => text.chars().count(),
            other => other.to_string().chars().count(),
        }
    }
}

async fn decrypted(program: &str, value: &str) -> Option<String> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut process = command.spawn().ok()?;
    let mut input = process.stdin.take()?;
    let written = value.as_bytes().to_vec();
    // The program may begin to answer before it has read everything.
    let writer = tokio::spawn(async move {
        // One that does not read to the end is free not to.
        let _ = input.write_all(&written).await;
    });
    let output = process.wait_with_output().await.ok()?;
    writer.abort();
    if !output.status.success() {
        return None;
    }
    String::from_utf8(output.stdout).ok()
}

/// Whether a key matches a pattern, both in lower case.
fn matches(pattern: &str, key: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == key,
        Some((start, rest)) => {
            let Some(key) = key.strip_prefix(start) else {
                return false;
            };
            let mut ends = key.char_indices().map(|(at, _)| at).chain([key.len()]);
            ends.any(|at| matches(rest, &key[at..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new(&Options::default())
    }

    #[test]
    fn a_key_is_hidden_in_whichever_case_and_place() {
        let redactor = redactor();
        for key in [
            "card_token",
            "Authorization",
            "cardNumber",
            "EMAIL",
            "accessToken",
            "user_password_hash",
        ] {
            assert!(redactor.hides(key), "{key}");
        }
        for key in ["order", "discard", "emails_sent", "name"] {
            assert!(!redactor.hides(key), "{key}");
        }
    }

    #[test]
    fn an_error_loses_the_values_of_hidden_keys() {
        let redactor = redactor();
        assert_eq!(
            redactor.text("POST /login?user=jo&access_token=abcdef failed: {\"password\": \"hunter2\", \"n\": 1}"),
            "POST /login?user=jo&access_token=[redacted, 6 characters] failed: \
             {\"password\": \"[redacted, 7 characters]\", \"n\": 1}"
        );
        assert_eq!(redactor.text("12:30: no answer"), "12:30: no answer");
    }

    #[tokio::test]
    async fn a_value_is_decrypted_by_the_program_and_stays_if_that_fails() {
        let with = |program: &str| {
            Redactor::new(&Options {
                decrypt: Some(program.to_owned()),
                ..Options::default()
            })
        };
        assert_eq!(with("tr a-z A-Z").decrypt("abc").await, "ABC");
        assert_eq!(with("exit 1").decrypt("abc").await, "abc");
    }
}
