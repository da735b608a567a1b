//! The shape of documents: every key that execution, events and waitpoints must have.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::{Value, json};

use crate::reported::{failure, failure_with_retry, out_of_memory, user_error};

const TENANT: &[&str] = &["organization.id", "project.id", "environment.id"];

/// By event: its keys in `run`, and those beside it.
const EVENTS: &[(&str, &[&str], &[&str])] = &[
    ("runCreated", &["runTags", "batchId"], &["environment.id"]),
    (
        "runEnqueuedAfterDelay",
        &[
            "status",
            "queuedAt",
            "updatedAt",
            "createdAt",
            "runTags",
            "batchId",
        ],
        TENANT,
    ),
    (
        "runDelayRescheduled",
        &[
            "status",
            "delayUntil",
            "updatedAt",
            "createdAt",
            "runTags",
            "batchId",
        ],
        TENANT,
    ),
    (
        "runLocked",
        &[
            "updatedAt",
            "status",
            "lockedAt",
            "lockedById",
            "lockedToVersionId",
            "lockedQueueId",
            "startedAt",
            "baseCostInCents",
            "machinePreset",
            "taskVersion",
            "sdkVersion",
            "cliVersion",
            "maxDurationInSeconds",
            "maxAttempts",
            "createdAt",
            "runTags",
            "batchId",
        ],
        TENANT,
    ),
    (
        "runStatusChanged",
        &["status", "updatedAt", "createdAt", "runTags", "batchId"],
        TENANT,
    ),
    (
        "runAttemptStarted",
        &[
            "status",
            "createdAt",
            "updatedAt",
            "attemptNumber",
            "baseCostInCents",
            "executedAt",
            "runTags",
            "batchId",
        ],
        TENANT,
    ),
    (
        "runAttemptFailed",
        &[
            "status",
            "spanId",
            "error",
            "attemptNumber",
            "taskEventStore",
            "createdAt",
            "completedAt",
            "updatedAt",
        ],
        &[],
    ),
    (
        "runExpired",
        &[
            "status",
            "spanId",
            "ttl",
            "taskEventStore",
            "createdAt",
            "completedAt",
            "expiredAt",
            "updatedAt",
        ],
        TENANT,
    ),
    (
        "runSucceeded",
        &[
            "status",
            "spanId",
            "output",
            "outputType",
            "taskEventStore",
            "createdAt",
            "completedAt",
            "usageDurationMs",
            "costInCents",
            "updatedAt",
            "attemptNumber",
        ],
        TENANT,
    ),
    (
        "runFailed",
        &[
            "status",
            "spanId",
            "error",
            "taskEventStore",
            "createdAt",
            "completedAt",
            "updatedAt",
            "attemptNumber",
            "usageDurationMs",
            "costInCents",
        ],
        TENANT,
    ),
    (
        "runRetryScheduled",
        &[
            "status",
            "friendlyId",
            "spanId",
            "attemptNumber",
            "queue",
            "traceContext",
            "taskIdentifier",
            "baseCostInCents",
            "updatedAt",
            "createdAt",
            "error",
            "runTags",
            "batchId",
        ],
        &[
            "organization.id",
            "environment.id",
            "environment.slug",
            "environment.type",
            "environment.project.id",
            "environment.organization.id",
            "retryAt",
        ],
    ),
    (
        "runCancelled",
        &[
            "status",
            "friendlyId",
            "spanId",
            "error",
            "taskEventStore",
            "createdAt",
            "completedAt",
            "updatedAt",
            "attemptNumber",
        ],
        TENANT,
    ),
    (
        "workerNotification",
        &[],
        &["snapshot.id", "snapshot.executionStatus"],
    ),
    (
        "executionSnapshotCreated",
        &[],
        &[
            "snapshot.id",
            "snapshot.executionStatus",
            "snapshot.description",
            "snapshot.runStatus",
            "snapshot.attemptNumber",
            "snapshot.checkpointId",
            "snapshot.workerId",
            "snapshot.runnerId",
            "snapshot.completedWaitpointIds",
            "snapshot.isValid",
            "snapshot.error",
        ],
    ),
];

/// The execution data of a handler, with every optional field.
const EXECUTION: &[&str] = &[
    "attempt.number",
    "attempt.startedAt",
    "run.id",
    "run.payload",
    "run.payloadType",
    "run.tags",
    "run.isTest",
    "run.isReplay",
    "run.createdAt",
    "run.startedAt",
    "run.version",
    "run.metadata",
    "run.durationMs",
    "run.costInCents",
    "run.baseCostInCents",
    "run.traceContext",
    "task.id",
    "task.filePath",
    "queue.id",
    "queue.name",
    "environment.id",
    "environment.slug",
    "environment.type",
    "organization.id",
    "organization.slug",
    "organization.name",
    "project.id",
    "project.ref",
    "project.slug",
    "project.name",
    "machine.name",
    "machine.cpu",
    "machine.memory",
    "machine.centsPerMs",
];

/// The paths among these at which a document has no value, not even null.
fn missing<'a>(document: &Value, paths: &[&'a str]) -> Vec<&'a str> {
    let has = |path: &str| {
        let mut keys = path.split('.');
        keys.try_fold(document, |value, key| value.get(key))
            .is_some()
    };
    paths.iter().copied().filter(|path| !has(path)).collect()
}

/// Makes runs do what each event describes.
async fn play(session: &Session) -> Result<()> {
    let later = session
        .trigger_with("'later', delay_until => now() + interval '1 day'")
        .await?;
    let reschedule = format!("select engine_reschedule('{}', now())", later.run_id);
    session.client.query(&reschedule, &[]).await?;
    assert_eq!(session.tick_of("ended_delay").await?, 1);
    let held = session.take().await?;
    session
        .complete(&held, json!({"ok": true, "output": "1"}))
        .await?;

    session.trigger_with("'lapsed', ttl => '1h'").await?;
    let lapse = "update engine.queue_item set expires_at = now() - interval '1 s'";
    session.client.batch_execute(lapse).await?;
    assert_eq!(session.tick_of("expired_run").await?, 1);

    session.trigger("failed").await?;
    let held = session.take().await?;
    session
        .complete(&held, failure_with_retry(user_error(), 1))
        .await?;
    session.trigger("failed").await?;
    let held = session.take().await?;
    session.complete(&held, failure(user_error())).await?;

    session
        .trigger_with(r#"'memory', retry => '{"outOfMemory": {"machine": "small-2x"}}'"#)
        .await?;
    let held = session.take().await?;
    session.complete(&held, failure(out_of_memory())).await?;

    let cancelled = session.trigger("cancelled").await?;
    session.cancel(&format!("'{}'", cancelled.run_id)).await?;

    let versions = "select engine_set_environment('prod', requires_version => true)";
    session.client.query(versions, &[]).await?;
    session
        .trigger_with("'parked', environment_id => 'prod'")
        .await?;
    session.dequeue_many(10).await?;
    Ok(())
}

#[tokio::test]
async fn events_have_every_key_that_is_required() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    play(&session).await?;
    for (name, run, beside) in EVENTS {
        let bodies = session.events_named(name).await?;
        assert!(!bodies.is_empty(), "{name} was not bodies");
        for body in bodies {
            let body = json!(body);
            assert_eq!(missing(&body["run"], run), [""; 0], "{name}: {body}");
            assert_eq!(
                missing(&body, &[&["run.id"], *beside].concat()),
                [""; 0],
                "{name}: {body}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_execution_has_every_key_that_is_required() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let start = "select to_jsonb(s) -> 'execution' from engine_dequeue() as d, engine_start_attempt(d.run_id, d.snapshot_id) as s";
    session.trigger("t").await?;
    let row = session.client.query_opt(start, &[]).await?;
    let execution: Value = row.context("nothing is queued")?.get(0);
    assert_eq!(missing(&execution, EXECUTION), [""; 0], "{execution}");

    let named = "select engine_set_environment('e', project_id => 'p', organization_id => 'o')";
    session.client.query(named, &[]).await?;
    session.trigger_with("'t', environment_id => 'e'").await?;
    let row = session.client.query_opt(start, &[]).await?;
    let execution: Value = row.context("nothing is queued")?.get(0);
    assert_eq!(
        (&execution["organization"], &execution["project"]),
        (
            &json!({"id": "o", "slug": "o", "name": "o"}),
            &json!({"id": "p", "ref": "p", "slug": "p", "name": "p"})
        )
    );
    assert_eq!(execution["environment"]["slug"], "e");
    Ok(())
}
