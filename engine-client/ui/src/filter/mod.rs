//! The filter of a list of runs: read from a URL or typed, written back in one form, as the condition of a statement, and as the filter
//! of a bulk operation.

mod bulk;
mod condition;
mod key;
mod time;
mod typed;
mod words;

pub(crate) use self::key::KEYS;
pub(crate) use self::time::{duration_ms, moment};
pub(crate) use self::words::Filter;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Filter;
    use crate::moment::Moment;
    use crate::query::run_list::Among;
    use crate::url::Words;

    fn filter(query: &str) -> Filter {
        Filter::read(&Words::read(query))
    }

    fn condition(query: &str) -> Value {
        let now = Moment::parse("2026-11-29T03:12:40Z").unwrap();
        Value::Object(filter(query).condition(now))
    }

    #[test]
    fn commas_mean_or_repeats_mean_and_a_dash_means_not() {
        assert_eq!(
            condition("tag=a,b&tag=c,-d&queue=-x&task=t,u"),
            json!({"tag": [["a", "b"], ["c"]], "-tag": ["d"], "-queue": ["x"], "task": ["t", "u"]})
        );
        assert_eq!(
            condition("status=failed,timed_out&since=1h"),
            json!({"status": ["COMPLETED_WITH_ERRORS", "TIMED_OUT"], "finished_after": "2026-11-29T02:12:40.000Z"})
        );
        assert_eq!(
            condition("since=2h&until=1h"),
            json!({"created_after": "2026-11-29T01:12:40.000Z", "created_before": "2026-11-29T02:12:40.000Z"})
        );
        assert_eq!(
            condition("from=02:41"),
            json!({"created_after": "2026-11-29T02:41:00.000Z"})
        );
        assert_eq!(
            condition("error=x&to=02:41"),
            json!({"error": "x", "finished_before": "2026-11-29T02:41:00.000Z"})
        );
    }

    #[test]
    fn what_is_typed_becomes_words_in_one_order() {
        let typed = filter("since=1h").typed("queue:payments status:failed TIMEOUT acquirer");
        assert_eq!(
            typed.to_words().at("/runs"),
            "/runs?status=failed&queue=payments&error=TIMEOUT+acquirer&since=1h"
        );
        let typed = filter("task=a").typed("task:b error:\"no answer\"");
        assert_eq!(typed.to_words().at("/runs"), "/runs?task=b&error=no+answer");
    }

    #[test]
    fn a_list_looks_where_its_runs_are() {
        assert_eq!(filter("status=running,queued").among(), Among::Live);
        assert_eq!(filter("status=failed").among(), Among::Failed);
        assert_eq!(filter("status=failed,queued").among(), Among::Newest);
        assert_eq!(filter("error=no+answer").among(), Among::Failed);
        assert_eq!(filter("status=dead").among(), Among::Failed);
        assert_eq!(
            filter("status=cancelled&error=wrong").among(),
            Among::Newest
        );
        assert_eq!(filter("task=t").among(), Among::Newest);
        assert_eq!(filter("batch=b&status=failed").among(), Among::Batch);
        assert_eq!(filter("parent=p").among(), Among::Parent);
        assert_eq!(filter("status=succeeded").among(), Among::Newest);
    }
}
