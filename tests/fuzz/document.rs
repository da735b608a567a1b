//! Documents with keys that the engine knows, and ways to spoil them.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use crate::wild;

/// A document for a parameter.
pub fn known(parameter: &str, random: &mut StdRng) -> Option<Value> {
    Some(match parameter {
        "completion" => completion(random),
        "error" => error(random),
        "retry" => retry(random),
        "debounce" => {
            let key = format!("d{}", random.random_range(0..5));
            let mode = ["leading", "trailing"].choose(random)?;
            json!({"key": key, "delay": "1s", "mode": mode, "maxDelay": "5s"})
        }
        "metadata" | "annotations" => json!({"a": [1, {"b": "c"}]}),
        "trace_context" => {
            json!({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "spanId": "b7ad6b7169203331"})
        }
        "tasks" => json!([
            {"id": "mail", "retry": retry(random), "machine": "micro", "maxDuration": 60, "ttl": "1h", "filePath": "a.ts"},
            {"id": "report", "retryConfig": {"maxAttempts": 2}, "machineConfig": {"preset": "micro"}, "maxDurationInSeconds": 5, "ttl": 90},
            {"id": "resize"},
        ]),
        "queues" => {
            json!([{"name": "images", "concurrencyLimit": 10}, {"name": "full", "concurrencyLimit": null}])
        }
        _ => return None,
    })
}

/// The end of an attempt.
pub fn completion(random: &mut StdRng) -> Value {
    if random.random_bool(0.5) {
        return json!({
            "ok": true, "output": "{\"a\": 1}", "outputType": "application/json", "usage": {"durationMs": 5},
            "metadata": {"a": 1}, "flushedMetadata": {"data": "{\"a\": 2}", "dataType": "application/json"},
        });
    }
    let mut completion = json!({"ok": false, "error": error(random), "usage": {"durationMs": 5}});
    match random.random_range(0..6) {
        0 => completion["retry"] = json!({"delay": random.random_range(0..60_000)}),
        1 => completion["retry"] = json!({"timestamp": 1_893_456_000_000_i64, "delay": 40_000}),
        2 => completion["retry"] = json!({}),
        3 => completion["retry"] = Value::Null,
        4 => completion["retry"] = json!(false),
        _ => {}
    }
    completion
}

fn error(random: &mut StdRng) -> Value {
    let codes = [
        "TASK_PROCESS_SIGKILL_TIMEOUT",
        "GRACEFUL_EXIT_TIMEOUT",
        "TASK_RUN_CANCELLED",
        "MAX_DURATION_EXCEEDED",
        "TASK_PROCESS_OOM_KILLED",
        "CONFIGURED_INCORRECTLY",
        "TASK_EXECUTION_ABORTED",
        "NOPE",
    ];
    match random.random_range(0..4) {
        0 => json!({"type": "STRING_ERROR", "raw": "no"}),
        1 => json!({"type": "CUSTOM_ERROR", "raw": "{\"a\": 1}"}),
        2 => {
            json!({"type": "BUILT_IN_ERROR", "name": "Error", "message": "SIGTERM", "stackTrace": "at x\n at y"})
        }
        _ => {
            json!({"type": "INTERNAL_ERROR", "code": codes.choose(random), "message": "m", "stackTrace": "s"})
        }
    }
}

fn retry(random: &mut StdRng) -> Value {
    json!({
        "maxAttempts": random.random_range(1..5), "factor": 1.5, "minTimeoutInMs": random.random_range(1..500),
        "maxTimeoutInMs": 1000, "randomize": random.random::<bool>(), "outOfMemory": {"machine": "medium-1x"},
    })
}

/// Changes one place of a document: another value there, an additional or a missing one.
pub fn spoil(document: &mut Value, random: &mut StdRng) {
    let inside = match &mut *document {
        Value::Array(values) if !values.is_empty() && random.random_bool(0.85) => {
            let place = random.random_range(0..values.len());
            values.get_mut(place)
        }
        Value::Object(fields) if !fields.is_empty() && random.random_bool(0.85) => {
            let place = random.random_range(0..fields.len());
            let key = fields.keys().nth(place).cloned().unwrap_or_default();
            match random.random_range(0..10) {
                0 => {
                    fields.remove(&key);
                    return;
                }
                1 => {
                    fields.insert(wild::text(random), wild::document(random));
                    return;
                }
                _ => fields.get_mut(&key),
            }
        }
        _ => None,
    };
    match inside {
        Some(inside) => spoil(inside, random),
        None => *document = wild::document(random),
    }
}
