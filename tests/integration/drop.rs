//! `drop extension` leaves nothing behind.

use std::collections::BTreeMap;

use anyhow::Result;
use engine_harness::{Database, Session};

/// How many rows each table of the catalog has about this database. Statistics come and go by themselves.
async fn catalog(session: &Session) -> Result<BTreeMap<String, i64>> {
    let tables = "select c.relname::text, a.attname::text from pg_class as c \
                  left join pg_attribute as a on a.attrelid = c.oid and a.attname in ('dbid', 'setdatabase') \
                  where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind = 'r' \
                    and c.relname not in ('pg_statistic', 'pg_statistic_ext_data') \
                    and (not c.relisshared or a.attname is not null)";
    let mut counts = BTreeMap::new();
    for table in session.client.query(tables, &[]).await? {
        let (name, database): (String, Option<String>) = (table.get(0), table.get(1));
        let only = database.map_or(String::new(), |column| {
            format!(
                " where {column} = (select oid from pg_database where datname = current_database())"
            )
        });
        let count = session.count(&format!("pg_catalog.{name}{only}")).await?;
        counts.insert(name, count);
    }
    Ok(counts)
}

#[tokio::test]
async fn a_dropped_extension_leaves_nothing_in_the_catalog_whatever_was_done_with_it() -> Result<()>
{
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let drop = "drop extension engine";
    session.client.batch_execute(drop).await?;
    session.broken_on_purpose().await?;
    let before = catalog(&session).await?;
    let role = format!("{}_role", database.name().split('_').next().unwrap_or("t"));
    session
        .client
        .batch_execute(&format!(
            "create role {role}; create extension engine; select engine_grant('{role}', 'read')"
        ))
        .await?;
    session.run_of_every_kind().await?;
    session.tick().await?;
    assert!(catalog(&session).await? != before, "nothing was created");
    let drop = format!("{drop}; drop role {role}");
    session.client.batch_execute(&drop).await?;
    assert_eq!(catalog(&session).await?, before);
    Ok(())
}
