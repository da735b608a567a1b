//! The SQL reference is what the catalog says.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use engine_harness::{Database, Page, Session};

#[tokio::test]
async fn the_reference_names_the_columns_that_functions_return() -> Result<()> {
    let readme = Page::read("sql/README.md")?.text;
    let session = Session::open(&Database::fresh().await?).await?;
    let sql = "select p.proname::text, array(select a.name from unnest(p.proargnames, p.proargmodes) as a(name, mode) \
                                       where a.mode = 't') \
               from pg_proc p join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e' \
               join pg_extension x on x.oid = d.refobjid and x.extname = 'engine'";
    let rows = session.client.query(sql, &[]).await?;
    let returned: BTreeMap<String, BTreeSet<String>> = rows
        .iter()
        .map(|row| {
            (
                row.get(0),
                row.get::<_, Vec<String>>(1).into_iter().collect(),
            )
        })
        .collect();
    let columns = |text: &str| -> BTreeSet<String> {
        let words = text
            .split([',', ' ', '`'])
            .filter(|word| !["", "as", "per", "element", "in", "order", "and"].contains(word));
        words.map(str::to_owned).collect()
    };
    let latest = "run_id, snapshot_id, execution_status, run_status, attempt_number, description, created_at";
    // A call with an argument stands in the table of figures.
    let mut checked = 0;
    for line in readme.lines().filter(|line| line.starts_with("| `engine_")) {
        let cells: Vec<&str> = line.split(" | ").collect();
        for function in cells[0]
            .split('`')
            .filter(|text| text.contains('(') && !text.contains("=>"))
        {
            let name = function.split('(').next().unwrap_or_default();
            let actual = returned.get(name).with_context(|| name.to_owned())?;
            if actual.is_empty() {
                continue;
            }
            let mut said = columns(&cells[1].replace("latest snapshot", latest));
            let other: Vec<String> = said
                .iter()
                .filter(|word| word.starts_with("engine_"))
                .cloned()
                .collect();
            for other in other {
                said.remove(&other);
                said.extend(returned[&other].iter().cloned());
            }
            assert_eq!(said, *actual, "{name}");
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
    Ok(())
}
