//! What a page shows or would do, as a command line.

use maud::{Markup, html};
use serde_json::{Map, Value};

/// The conditions of a filter, and their arguments.
const ARGUMENTS: [(&str, &str); 19] = [
    ("run_id", "--run"),
    ("status", "--status"),
    ("task", "--task"),
    ("queue", "--queue"),
    ("environment_id", "--environment"),
    ("tag", "--tag"),
    ("metadata", "--metadata"),
    ("concurrency_key", "--key"),
    ("version", "--worker-version"),
    ("worker_queue", "--worker-queue"),
    ("error_code", "--error-code"),
    ("error", "--error"),
    ("batch_id", "--batch"),
    ("parent_run_id", "--parent"),
    ("bulk_id", "--bulk"),
    ("created_after", "--since"),
    ("created_before", "--until"),
    ("finished_after", "--finished-since"),
    ("finished_before", "--finished-until"),
];

/// The options of bulk operations, and their arguments.
const OPTIONS: [(&str, &str); 3] = [
    ("queue", "--to"),
    ("time", "--at"),
    ("priority", "--priority"),
];

/// The command that lists the runs of a filter, older than one of them.
pub(crate) fn list(filter: &Map<String, Value>, before: Option<&str>) -> String {
    let mut line = "engine runs list".to_owned();
    add(&mut line, &ARGUMENTS, filter);
    if let Some(id) = before {
        line.push_str(&format!(" --before run_{}", word(id)));
    }
    line
}

/// The command that starts an action on the runs of a filter, and asks before.
pub(crate) fn bulk(
    action: &str,
    filter: &Map<String, Value>,
    options: Option<&Map<String, Value>>,
) -> String {
    let mut line = format!("engine bulk start {}", action.replace('_', "-"));
    add(&mut line, &ARGUMENTS, filter);
    if filter.get("all") == Some(&Value::Bool(true)) {
        line.push_str(" --all");
    }
    if let Some(options) = options {
        add(&mut line, &OPTIONS, options);
        if options.get("keep_steps") == Some(&Value::Bool(true)) {
            line.push_str(" --keep-steps");
        }
    }
    line
}

fn add(line: &mut String, arguments: &[(&str, &str)], values: &Map<String, Value>) {
    for (key, argument) in arguments {
        let several = match values.get(*key) {
            None => &[],
            Some(Value::Array(several)) => several.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        for value in several {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            // What begins with a dash would be another argument.
            let between = if text.starts_with('-') { '=' } else { ' ' };
            line.push_str(&format!(" {argument}{between}{}", word(&text)));
        }
    }
}

/// A text as one word of a shell.
fn word(text: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "_-./:=@,+".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// It with a button that copies it.
pub(crate) fn panel(line: &str) -> Markup {
    html! {
        section class="p" {
            header {
                h2 { "The same as a command" }
                span class="more" { button class="mini script" type="button" data-copies="command" { "Copy" } }
            }
            pre class="wrap" tabindex="0" id="command" { (line) }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_filter_becomes_the_arguments_of_a_command() {
        let filter = object(&json!({
            "task": ["a b", "c"], "error": "can't; rm", "tag": ["-x"], "created_after": "2026-11-29T02:12:40.000Z",
        }));
        assert_eq!(
            list(&filter, Some("cm1")),
            r"engine runs list --task 'a b' --task c --tag=-x --error 'can'\''t; rm' --since 2026-11-29T02:12:40.000Z --before run_cm1"
        );
    }

    #[test]
    fn an_action_becomes_a_command_with_what_it_was_told() {
        let filter = object(&json!({"all": true}));
        let options = object(&json!({"priority": -60_000}));
        assert_eq!(
            bulk("set_priority", &filter, Some(&options)),
            "engine bulk start set-priority --all --priority=-60000"
        );
        let options = object(&json!({"keep_steps": true}));
        assert_eq!(
            bulk("replay", &object(&json!({"queue": "q"})), Some(&options)),
            "engine bulk start replay --queue q --keep-steps"
        );
    }
}
