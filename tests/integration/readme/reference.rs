//! The SQL reference matches the catalog and the code.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use engine_core::{Capabilities, Capability};
use engine_harness::{Database, Page, Session, Workspace};

const PAGE: &str = "sql/README.md";
const LATEST: &str =
    "run_id, snapshot_id, execution_status, run_status, attempt_number, description, created_at";

/// A function: its parameters as the reference writes them, and its result columns or type.
#[derive(Debug, PartialEq, Eq)]
struct Signature {
    parameters: Vec<String>,
    returns: String,
    /// Those of which one is enough to call it.
    capabilities: BTreeSet<String>,
}

/// The signatures of the page by function.
fn printed(page: &Page) -> Result<BTreeMap<String, Signature>> {
    let mut signatures = BTreeMap::new();
    for block in page.blocks_of("text") {
        // A line that is not indented begins a signature.
        let text = block.text.replace("\ncall engine_", "\nengine_");
        for part in format!("\n{}", text.trim_start_matches("call "))
            .split("\nengine_")
            .skip(1)
        {
            let text = part.split_whitespace().collect::<Vec<_>>().join(" ");
            let read = || format!("line {}: engine_{text}", block.line);
            let (name, rest) = text.split_once('(').with_context(read)?;
            let (parameters, rest) = rest.split_once(')').with_context(read)?;
            let (returns, capabilities) = rest.rsplit_once('[').with_context(read)?;
            let returns = returns.trim_end();
            let capabilities = capabilities.trim_end_matches(']').split(", ");
            let signature = Signature {
                parameters: list(parameters),
                returns: returns.trim_start_matches(" → ").to_owned(),
                capabilities: capabilities.map(str::to_owned).collect(),
            };
            let before = signatures.insert(format!("engine_{name}"), signature);
            ensure!(before.is_none(), "engine_{name} stands there twice");
        }
    }
    Ok(signatures)
}

fn list(text: &str) -> Vec<String> {
    let parts = text.split(", ").filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// A parameter of the catalog, such as `IN output text DEFAULT NULL::text`, as the reference writes it.
fn parameter(text: &str) -> String {
    let text = text.trim_start_matches("IN ");
    let Some((declared, default)) = text.split_once(" DEFAULT ") else {
        return text.to_owned();
    };
    let value = default.split("::").next().unwrap_or_default();
    match value {
        "NULL" => format!("{declared}?"),
        _ if [" integer", " bigint", " precision"]
            .iter()
            .any(|of| declared.ends_with(of)) =>
        {
            format!("{declared} = {}", value.trim_matches('\''))
        }
        _ => format!("{declared} = {value}"),
    }
}

/// The capabilities of a function, as the reference writes them.
fn needed(function: &str) -> BTreeSet<String> {
    let capabilities = Capabilities::of(function).each();
    let names: BTreeSet<&str> = capabilities.map(Capability::as_str).collect();
    let of = match names.len() {
        0 => BTreeSet::from(["owner"]),
        count if count == Capability::ALL.len() => BTreeSet::from(["any"]),
        _ => names,
    };
    of.into_iter().map(str::to_owned).collect()
}

/// The signatures of the catalog by function.
async fn cataloged(session: &Session) -> Result<BTreeMap<String, Signature>> {
    let sql = "select p.proname::text, pg_get_function_arguments(p.oid), \
                      coalesce(nullif(array_to_string(array(select a.name from unnest(p.proargnames, p.proargmodes) \
                                      with ordinality as a(name, mode, nr) where a.mode = 't' order by nr), ', '), ''), \
                               nullif(pg_get_function_result(p.oid), 'void'), '') \
               from pg_proc p join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e' \
               join pg_extension x on x.oid = d.refobjid and x.extname = 'engine'";
    let rows = session.client.query(sql, &[]).await?;
    let signatures = rows.iter().map(|row| {
        let arguments: String = row.get(1);
        let arguments = arguments.replace("timestamp with time zone", "timestamptz");
        let signature = Signature {
            parameters: list(&arguments)
                .iter()
                .map(|text| parameter(text))
                .collect(),
            returns: row.get(2),
            capabilities: needed(row.get(0)),
        };
        (row.get(0), signature)
    });
    Ok(signatures.collect())
}

#[tokio::test]
async fn the_reference_has_the_signature_and_the_capabilities_of_every_function() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let expected = cataloged(&session).await?;
    let mut printed = printed(&Page::read(PAGE)?)?;
    let as_another: BTreeMap<String, String> = printed
        .iter()
        .map(|(name, signature)| (name.clone(), signature.returns.clone()))
        .collect();
    for signature in printed.values_mut() {
        if let Some(other) = signature.returns.strip_prefix("as ") {
            signature.returns = as_another.get(other).context("as what?")?.clone();
        }
        signature.returns = signature.returns.replace("latest snapshot", LATEST);
    }
    for (name, expected) in &expected {
        let printed = printed
            .get(name)
            .with_context(|| format!("{name} is missing"))?;
        assert_eq!(printed, expected, "{name}");
    }
    let unknown: Vec<&String> = printed
        .keys()
        .filter(|name| !expected.contains_key(*name))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    Ok(())
}

/// The texts in backquotes in the first cells of a section's tables.
fn rows<'a>(page: &'a Page, section: &str) -> Result<BTreeSet<&'a str>> {
    let begins = format!("\n## {section}\n");
    let (_, rest) = page.text.split_once(&begins).context("no such section")?;
    let text = rest.split("\n## ").next().unwrap_or_default();
    let first_cells = text.lines().filter_map(|line| line.strip_prefix("| "));
    let first_cells = first_cells.filter_map(|line| line.split(" | ").next());
    Ok(first_cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect())
}

#[test]
fn every_parameter_of_a_trigger_is_explained() -> Result<()> {
    let page = Page::read(PAGE)?;
    let signatures = printed(&page)?;
    let trigger = signatures.get("engine_trigger").context("no trigger")?;
    let parameters = trigger.parameters.iter();
    let names: BTreeSet<&str> = parameters
        .filter_map(|text| text.split(' ').next())
        .collect();
    assert_eq!(rows(&page, "Trigger")?, names);
    Ok(())
}

#[tokio::test]
async fn every_table_is_on_the_page_of_the_database() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let sql = "select 'engine.' || relname from pg_class \
               where relnamespace = 'engine'::regnamespace and relkind = 'r'";
    let tables = session.client.query(sql, &[]).await?;
    let tables: BTreeSet<&str> = tables.iter().map(|row| row.get(0)).collect();
    let page = Page::read("sql/schema/README.md")?;
    assert_eq!(rows(&page, "What a run is made of")?, tables);
    Ok(())
}

#[test]
fn every_code_of_a_refusal_is_among_the_errors() -> Result<()> {
    let source = Workspace::find()?
        .root()
        .join("engine-ext/core/src/refusal/sqlstate.rs");
    let source = std::fs::read_to_string(source)?;
    let is_code = |text: &&str| {
        text.len() == 5
            && text
                .chars()
                .all(|letter| letter.is_ascii_digit() || letter.is_ascii_uppercase())
    };
    let codes: BTreeSet<&str> = source.split('"').filter(is_code).collect();
    assert!(codes.len() > 20, "{codes:?}");
    let page = Page::read(PAGE)?;
    let listed = rows(&page, "Errors")?;
    let missing: Vec<_> = codes.difference(&listed).collect();
    let unknown: Vec<_> = listed.difference(&codes).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "{missing:?} {unknown:?}"
    );
    Ok(())
}

#[tokio::test]
async fn every_setting_is_listed_with_its_default_and_unit() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.client.query("select engine_version()", &[]).await?;
    let sql =
        "select name, boot_val, coalesce(unit, '') from pg_settings where name like 'engine.%'";
    let page = Page::read("engine-ext/README.md")?;
    let settings = session.client.query(sql, &[]).await?;
    assert!(settings.len() > 15, "{}", settings.len());
    for row in settings {
        let (name, default, unit): (&str, Option<&str>, &str) =
            (row.get(0), row.get(1), row.get(2));
        let quoted = format!("`{name}`");
        let line = page
            .text
            .lines()
            .find(|line| line.starts_with('|') && line.contains(&quoted));
        let cells: Vec<&str> = line
            .with_context(|| quoted.clone())?
            .split('|')
            .map(str::trim)
            .collect();
        assert_eq!(
            (cells[2], cells[3]),
            (default.unwrap_or_default(), unit),
            "{name}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn every_relation_function_setting_and_statement_that_a_page_names_exists() -> Result<()> {
    let root = Workspace::find()?.root().to_owned();
    let session = Session::open(&Database::fresh().await?).await?;
    session.client.query("select engine_version()", &[]).await?;
    let sql = "select 'engine.' || relname from pg_class where relnamespace = 'engine'::regnamespace \
               union all select 'engine.' || typname from pg_type where typnamespace = 'engine'::regnamespace \
               union all select name from pg_settings where name like 'engine.%' \
               union all select proname from pg_proc where proname like 'engine\\_%'";
    let known = session.client.query(sql, &[]).await?;
    let mut known: BTreeSet<String> = known.iter().map(|row| row.get(0)).collect();
    // Its value is a secret, so `pg_settings` does not show it.
    known.insert("engine.schedule_secret".to_owned());
    for path in [
        "README.md",
        PAGE,
        "sql/schema/README.md",
        "engine-ext/README.md",
    ] {
        let page = Page::read(path)?;
        // Drawings break words.
        let drawings = page.blocks_of("").into_iter();
        let text = drawings.fold(page.text.clone(), |text, block| {
            text.replace(&block.text, "")
        });
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_.".contains(letter);
        for word in text.split(|letter| !is_part(letter)) {
            let word = word.trim_end_matches('.');
            if word.ends_with(".sql") {
                ensure!(
                    root.join("sql/statement").join(word).exists(),
                    "{path}: {word}"
                );
            }
            let (is_relation, is_function) =
                (word.starts_with("engine."), word.starts_with("engine_"));
            // The crate has the same beginning; `engine_…` stands for all functions.
            if (is_relation || is_function)
                && !["engine_client", "engine_", "engine."].contains(&word)
            {
                let column = word.rsplit_once('.').map_or(word, |(relation, _)| relation);
                ensure!(
                    known.contains(word) || known.contains(column),
                    "{path}: {word}"
                );
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_text_and_document_that_a_function_takes_has_a_bound() -> Result<()> {
    let page = Page::read(PAGE)?.text;
    let (_, bounds) = page.split_once("\n## Bounds\n").context("no bounds")?;
    let bounds = bounds.split("\n## ").next().unwrap_or_default();
    let values = bounds
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let named: BTreeSet<&str> = values
        .flat_map(|value| value.split('`').skip(1).step_by(2))
        .collect();
    let session = Session::open(&Database::fresh().await?).await?;
    let sql = "select distinct a.name
               from pg_proc as p, unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) as a(name, type)
               where p.proname like 'engine\\_%' and a.type in ('text'::regtype, 'jsonb'::regtype, 'text[]'::regtype)";
    let rows = session.client.query(sql, &[]).await?;
    let parameters: BTreeSet<&str> = rows.iter().map(|row| row.get(0)).collect();
    assert!(parameters.len() > 50, "{} parameters", parameters.len());
    let missing: Vec<&&str> = parameters.difference(&named).collect();
    assert!(missing.is_empty(), "without a bound: {missing:?}");
    Ok(())
}
