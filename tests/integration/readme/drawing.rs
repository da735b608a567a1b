//! Drawings name what exists.

use std::collections::BTreeSet;

use anyhow::Result;
use engine_harness::{Database, Page, Session, Workspace};

/// The first column of a query.
async fn names(session: &Session, sql: &str) -> Result<BTreeSet<String>> {
    let rows = session.client.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Whether a word of a drawing looks like a status.
fn is_status(word: &str) -> bool {
    word.len() > 5
        && word
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter == '_')
}

#[tokio::test]
async fn every_status_function_and_file_in_a_drawing_exists() -> Result<()> {
    let root = Workspace::find()?.root().to_owned();
    let session = Session::open(&Database::fresh().await?).await?;
    let statuses = "select unnest(enum_range(null::engine.execution_status))::text \
                    union all select unnest(enum_range(null::engine.run_status))::text";
    let statuses = names(&session, statuses).await?;
    let functions = "select proname::text from pg_proc where proname like 'engine\\_%'";
    let functions = names(&session, functions).await?;
    let mut count = 0;
    for page in Page::all()? {
        for block in page.blocks_of("") {
            let place = format!("{}:{}", page.path.display(), block.line);
            let known = |letter: char| letter.is_alphanumeric() || "_/.".contains(letter);
            for word in block.text.split(|letter| !known(letter)) {
                let exists = if is_status(word) {
                    statuses.contains(word)
                } else if word.starts_with("engine_") {
                    functions.iter().any(|name| name.starts_with(word))
                } else if word.contains('/') && word.len() > 1 {
                    root.join(word).exists()
                } else {
                    continue;
                };
                assert!(exists, "{place}: {word} does not exist");
                count += 1;
            }
        }
    }
    assert!(count > 10, "{count}");
    Ok(())
}
