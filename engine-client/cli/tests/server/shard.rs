//! `engine shard`.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::json;

use super::{cells, prints, prints_json};

#[tokio::test]
async fn shards_are_listed_with_their_environments_and_places() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let set =
        "select engine_set_environment('there', shard => 7), engine_set_shard(9, 'AWAY', 'node-b')";
    session.client.query(set, &[]).await?;
    let listed = prints_json(&database, &["shard", "list"]).await?;
    let expected = json!([
        {"shard": 0, "state": "SERVING", "place": null, "environments": 1},
        {"shard": 7, "state": "SERVING", "place": null, "environments": 1},
        {"shard": 9, "state": "AWAY", "place": "node-b", "environments": 0},
    ]);
    assert_eq!(listed, expected);
    let table = prints(&database, &["shard", "list"]).await?;
    let table = cells(&table);
    assert_eq!(table[0], ["SHARD", "STATE", "ENVIRONMENTS", "PLACE"]);
    assert_eq!(table[3], ["9", "AWAY", "0", "node-b"]);
    let all = prints_json(&database, &["shard", "list", "--all"]).await?;
    assert_eq!(all.as_array().map(Vec::len), Some(64));
    Ok(())
}
