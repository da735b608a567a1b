//! By commands.

use anyhow::{Result, bail, ensure};

use super::super::prints;
use super::shop::{REASON, Shop, WORKER};

/// Does one of the things.
pub async fn does(shop: &Shop, what: &str) -> Result<()> {
    let says = async |arguments: &[&str], words: &[&str]| {
        let text = prints(&shop.database, arguments).await?;
        for word in words {
            ensure!(
                text.contains(word),
                "{arguments:?} does not say {word}:\n{text}"
            );
        }
        anyhow::Ok(())
    };
    match what {
        "what failed, and why" => {
            let words = ["capture_payment", "TIMEOUT", "no answer in 0 s", "24"];
            says(&["runs", "errors"], &words).await
        }
        "retry those" => {
            let start = [
                "bulk",
                "start",
                "replay",
                "--failed",
                "--task",
                "capture_payment",
            ];
            let rest = ["--finished-since", "8h", "--reason", REASON, "--yes"];
            says(&[&start[..], &rest].concat(), &["24 runs"]).await?;
            shop.is_retried().await
        }
        "stop one task" => {
            let start = [
                "bulk", "start", "cancel", "--task", "flood", "--reason", REASON, "--yes",
            ];
            says(&start, &["3 runs"]).await?;
            shop.is_stopped().await
        }
        "pause, resume, limit a queue" => {
            says(
                &["pause", "payments", "--reason", REASON],
                &["paused queue"],
            )
            .await?;
            shop.is_paused().await?;
            says(&["queues"], &[REASON]).await?;
            says(&["resume", "payments"], &["resumed queue"]).await?;
            shop.is_resumed().await?;
            says(&["limit", "payments", "7"], &["7"]).await?;
            shop.is_limited().await
        }
        "see one run's life" => {
            let words = ["fulfil_order", "Attempt started", "Blocked by a waitpoint"];
            says(&["runs", "show", &shop.waiting], &words).await
        }
        "see why it waits" => {
            says(&["runs", "show", &shop.waiting], &["WAITS FOR", "PENDING"]).await
        }
        "cancel with children" => {
            says(
                &["runs", "cancel", &shop.waiting],
                &["asked the workers of 1 run"],
            )
            .await?;
            shop.is_cancelled_with_its_children().await
        }
        "dead letters" => {
            let redrive = ["runs", "redrive", "--status", "system-failure", "--yes"];
            says(
                &["runs", "list", "--status", "system-failure"],
                &["import_catalog"],
            )
            .await?;
            says(&redrive, &["redrove 1 run"]).await?;
            shop.is_back_in_its_queue().await
        }
        "schedules" => {
            says(&["schedules"], &["nightly-report", "Europe/Berlin"]).await?;
            says(&["schedules", "run", "nightly-report"], &["run_"]).await?;
            says(&["schedules", "pause", "nightly-report"], &["paused"]).await?;
            shop.has_run_the_report_and_turned_it_off().await
        }
        "who works" => says(&["workers", "--busy"], &[WORKER, "LAST BEAT"]).await,
        "what is slow" => {
            says(
                &["top", "--once"],
                &["WAIT P50", "RUN P50", "capture_payment"],
            )
            .await
        }
        "what we did" => {
            let words = ["set_queue", "override_limit 7", "run_schedule", REASON];
            says(&["audit"], &words).await?;
            says(&["bulk", "list"], &["replay", "cancel", REASON]).await
        }
        other => bail!("nobody knows how to do this: {other}"),
    }
}
