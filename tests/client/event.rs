//! Events of shards, as the driver reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use engine_client::{Engine, EnvironmentChange, ErrorKind, ShardState, Trigger};
use engine_harness::Database;
use engine_harness::condition::eventually;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_events_of_several_shards_come_together_page_by_page() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    let shards = [1, 7, 9];
    let mut triggered = Vec::new();
    for shard in shards {
        let name = format!("on-{shard}");
        let environment = EnvironmentChange::new(&name).shard(i32::from(shard));
        engine.set_environment(&environment).await?;
    }
    for shard in [7, 1, 7, 7, 1, 7] {
        let trigger = Trigger::new("t").environment_id(format!("on-{shard}"));
        triggered.push(engine.trigger(&trigger).await?.run_id);
    }
    let mut after: BTreeMap<u16, Option<i64>> = shards.map(|shard| (shard, None)).into();
    let mut seen = Vec::new();
    // Events wait for transactions of other tests.
    eventually("all events were read", PATIENCE, async || {
        for (shard, event) in engine.events_of_shards(&after, 2).await? {
            after.insert(shard, Some(event.position));
            seen.push((shard, event));
        }
        Ok(seen.len() >= 2 * triggered.len())
    })
    .await?;
    // Each trigger has two events; the clocks agree, so the runs come in the order of their triggers.
    let mut runs: Vec<_> = seen.iter().map(|(_, event)| &event.run_id).collect();
    runs.dedup();
    assert_eq!(runs, triggered.iter().collect::<Vec<_>>());
    assert_eq!(after[&9], None);
    for shard in shards {
        let together: Vec<_> = seen.iter().filter(|(of, _)| *of == shard).collect();
        let alone = engine.events_of_shard(shard, None, 100).await?;
        assert!(together.iter().map(|(_, event)| event).eq(alone.iter()));
    }
    engine.set_shard(7, ShardState::Away, None).await?;
    let refused = engine.events_of_shards(&after, 2).await.err();
    assert_eq!(
        refused.map(|error| error.kind()),
        Some(ErrorKind::ShardElsewhere)
    );
    Ok(())
}
