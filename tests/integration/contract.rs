//! What `sql/function` declares is what the library has. Nothing else compares them: Postgres calls a symbol with the arguments of
//! its declaration, and takes what comes back for the columns of its declaration.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use engine_harness::Workspace;

/// Names and types, in order.
type Fields = Vec<(String, String)>;

/// A function, in the words of SQL.
#[derive(Debug, PartialEq, Eq)]
struct Function {
    parameters: Fields,
    returns: Returns,
}

#[derive(Debug, PartialEq, Eq)]
enum Returns {
    Nothing,
    One(String),
    Rows(Fields),
}

#[test]
fn every_function_is_declared_as_the_library_has_it() -> Result<()> {
    let (declared, written) = (declared()?, written()?);
    assert!(declared.len() > 40, "{} functions", declared.len());
    let symbols: BTreeSet<&String> = declared.keys().collect();
    assert_eq!(symbols, written.keys().collect());
    for (symbol, function) in &declared {
        assert_eq!(Some(function), written.get(symbol), "{symbol}");
    }
    Ok(())
}

#[test]
fn every_declaration_takes_the_right_to_call_away_and_says_what_it_is_for() -> Result<()> {
    for (page, text) in pages()? {
        for part in text.split("\ncreate ").skip(1) {
            let (kind, rest) = part.split_once(" @extschema@.").context("a schema")?;
            let (name, rest) = rest.split_once('(').context("parameters")?;
            let of = format!("{kind} @extschema@.{name}");
            let behind = format!(";\nrevoke all on {of} from public;\ncomment on {of} is '");
            assert!(rest.contains(&behind), "{name} in {page}");
        }
    }
    Ok(())
}

/// The pages of `sql/function`.
fn pages() -> Result<Vec<(String, String)>> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(Workspace::find()?.root().join("sql/function"))? {
        let path = entry?.path();
        pages.push((path.display().to_string(), fs::read_to_string(&path)?));
    }
    assert!(pages.len() > 4, "{} pages", pages.len());
    Ok(pages)
}

/// What SQL declares, by symbol.
fn declared() -> Result<BTreeMap<String, Function>> {
    let mut functions = BTreeMap::new();
    for (page, text) in pages()? {
        for part in text.split("\ncreate ").skip(1) {
            let name = part.split(['.', '(']).nth(1).context("a name")?;
            let symbol = between(part, "as 'MODULE_PATHNAME', '", "_call'")
                .or_else(|| between(part, "as 'MODULE_PATHNAME', '", "_wrapper'"))
                .with_context(|| format!("{name} in {page} has no symbol"))?;
            let renamed = symbol.strip_prefix(name).with_context(|| symbol.clone())?;
            ensure!(renamed.is_empty() || renamed.starts_with("_0_"), "{symbol}");
            let (parameters, rest) = parentheses(part).context("parameters")?;
            let returns = if let Some(table) = rest.trim_start().strip_prefix("returns table ") {
                Returns::Rows(fields(parentheses(table).context("columns")?.0, " ")?)
            } else {
                match between(rest, "returns ", "\n").as_deref() {
                    None | Some("void") => Returns::Nothing,
                    Some(kind) => Returns::One(kind.to_owned()),
                }
            };
            let mut parameters = fields(parameters, " ")?;
            for (_, kind) in &mut parameters {
                if let Some((before, _)) = kind.split_once(" default ") {
                    *kind = before.to_owned();
                }
            }
            functions.insert(
                symbol,
                Function {
                    parameters,
                    returns,
                },
            );
        }
    }
    Ok(functions)
}

/// What the library has, by symbol.
fn written() -> Result<BTreeMap<String, Function>> {
    let mut sources = String::new();
    read(
        &Workspace::find()?.root().join("engine-ext/src/api"),
        &mut sources,
    )?;
    let rows = rows(&sources)?;
    let mut functions = BTreeMap::new();
    for part in sources.split("#[pg_extern(sql = false)]").skip(1) {
        let symbol = between(part, "\nfn ", "(").context("a function")?;
        let (parameters, rest) = parentheses(part.split_once("\nfn ").context("fn")?.1)
            .with_context(|| symbol.clone())?;
        let mut taken = Fields::new();
        if symbol == "engine_trigger_0_2" {
            let declared = engine_core::TriggerOptions::PARAMETERS.iter();
            taken.extend(declared.map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())));
        }
        for (name, kind) in fields(parameters, ": ")? {
            if kind == "pg_sys::FunctionCallInfo" {
                continue;
            }
            // What takes no null would never be called with one, and would answer with null.
            let given = kind
                .strip_prefix("Option<")
                .and_then(|kind| kind.strip_suffix('>'));
            let given =
                given.with_context(|| format!("{symbol} cannot be called with a null {name}"))?;
            taken.push((name, sql_type(given)?));
        }
        let returned = rest.split_once('{').context("a body")?.0.trim();
        let returns = match returned.strip_prefix("-> ") {
            None => Returns::Nothing,
            Some(returned) => {
                if let Some(row) = inside(returned, "Rows<") {
                    Returns::Rows(columns(row, &rows)?)
                } else {
                    Returns::One(sql_type(returned)?)
                }
            }
        };
        functions.insert(
            symbol,
            Function {
                parameters: taken,
                returns,
            },
        );
    }
    Ok(functions)
}

/// The columns of every `row!`.
fn rows(sources: &str) -> Result<BTreeMap<String, Fields>> {
    let mut rows = BTreeMap::new();
    for block in sources.split("\nrow! {\n").skip(1) {
        let block = block.split("\n}\n").next().unwrap_or_default();
        for part in block.split("\n    }") {
            let Some((head, body)) = part.split_once(" {\n") else {
                continue;
            };
            let name = head.rsplit(' ').next().unwrap_or_default().to_owned();
            let before = rows.insert(name.clone(), fields(body, ": ")?);
            assert!(before.is_none(), "two rows are called {name}");
        }
    }
    Ok(rows)
}

/// The columns of a row, with those of rows that are part of it.
fn columns(row: &str, rows: &BTreeMap<String, Fields>) -> Result<Fields> {
    if let Some(answered) = inside(row, "Element<") {
        let mut all = columns(answered, rows)?;
        for name in ["error_code", "error_message"] {
            all.push((name.to_owned(), "text".to_owned()));
        }
        return Ok(all);
    }
    if let Some(part) = inside(row, "Part<") {
        return columns(part, rows);
    }
    let mut all = Fields::new();
    for (name, kind) in rows
        .get(row)
        .with_context(|| format!("no row is called {row}"))?
    {
        if kind.ends_with("Row") || kind.starts_with("Part<") {
            all.extend(columns(kind, rows)?);
        } else {
            all.push((name.clone(), sql_type(kind)?));
        }
    }
    Ok(all)
}

/// The type of SQL that pgrx takes for one of Rust.
fn sql_type(kind: &str) -> Result<String> {
    let kind = match inside(kind, "Option<") {
        Some(inner) => return sql_type(inner),
        None => kind.trim_start_matches('&').trim_start_matches("'static "),
    };
    if let Some(element) = inside(kind, "Vec<") {
        return Ok(format!("{}[]", sql_type(element)?));
    }
    Ok(match kind {
        "str" | "String" => "text",
        "i32" => "integer",
        "i64" => "bigint",
        "f64" => "double precision",
        "bool" => "boolean",
        "JsonB" | "Stored" => "jsonb",
        "TimestampWithTimeZone" => "timestamptz",
        "Interval" => "interval",
        other => anyhow::bail!("{other} is no type of SQL"),
    }
    .to_owned())
}

/// Reads `name<separator>type`, separated by commas.
fn fields(text: &str, separator: &str) -> Result<Fields> {
    let texts = text
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    texts
        .map(|text| {
            let (name, kind) = text
                .split_once(separator)
                .with_context(|| text.to_owned())?;
            Ok((
                name.trim_start_matches("r#").trim_matches('"').to_owned(),
                kind.to_owned(),
            ))
        })
        .collect()
}

/// What stands in the first pair of parentheses, and what follows it.
fn parentheses(text: &str) -> Option<(&str, &str)> {
    let (_, text) = text.split_once('(')?;
    text.split_once(')')
}

/// What stands between two marks.
fn between(text: &str, before: &str, behind: &str) -> Option<String> {
    let (_, text) = text.split_once(before)?;
    Some(text.split_once(behind)?.0.to_owned())
}

/// What a type is generic over.
fn inside<'a>(kind: &'a str, before: &str) -> Option<&'a str> {
    kind.strip_prefix(before)?.strip_suffix('>')
}

fn read(directory: &Path, text: &mut String) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, text)?;
        } else {
            text.push_str(&fs::read_to_string(path)?);
        }
    }
    Ok(())
}
