//! The table of rights is what the functions check.

use anyhow::Result;
use engine_core::{Capabilities, Capability, ROUTINES, is_of_the_database};
use engine_harness::Page;

/// Widest row.
const WIDEST: usize = 150;

/// The functions by the capabilities of which they take one, and by where it must be held.
fn table() -> String {
    let mut groups: Vec<((String, &str), Vec<&str>)> = Vec::new();
    for (name, _) in ROUTINES {
        let of: Vec<_> = Capabilities::of(name).each().collect();
        if of.len() == Capability::ALL.len() {
            continue;
        }
        let of: Vec<String> = of.iter().map(|of| format!("`{of}`")).collect();
        let place = if is_of_the_database(name) {
            "every environment"
        } else {
            "the environment"
        };
        let key = (of.join(", "), place);
        match groups.iter_mut().find(|(group, _)| *group == key) {
            Some((_, names)) => names.push(name),
            None => groups.push((key, vec![name])),
        }
    }
    let mut rows = vec![
        "| one of | held in | lets a role call |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    for ((of, place), names) in groups {
        let mut row: Option<String> = None;
        for name in names {
            row = Some(match row {
                Some(row) if row.len() + name.len() + 6 <= WIDEST => format!("{row}, `{name}`"),
                full => {
                    rows.extend(full.map(|full| format!("{full} |")));
                    format!("| {of} | {place} | `{name}`")
                }
            });
        }
        rows.extend(row.map(|row| format!("{row} |")));
    }
    rows.join("\n")
}

#[test]
fn the_table_of_rights_names_each_function_with_the_capabilities_that_it_takes() -> Result<()> {
    let (page, table) = (Page::read("engine-ext/README.md")?, table());
    assert!(page.text.contains(&table), "the page lacks:\n{table}");
    Ok(())
}
