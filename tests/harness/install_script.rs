//! The install script: the SQL that pgrx embeds in the library, in the order of its dependencies.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use object::{Object, ObjectSection};
use pgrx_sql_entity_graph::section::{decode_entities, is_schema_section_name};
use pgrx_sql_entity_graph::{ControlFile, PgrxSql, SqlGraphEntity};

/// Writes the install script of `library` to `script`; `control` is the text of its control file.
pub(crate) fn write(library: &Path, control: &str, script: &Path) -> Result<()> {
    let bytes = fs::read(library)?;
    let file = object::File::parse(&*bytes)?;
    let section = file
        .sections()
        .find(|section| section.name().is_ok_and(is_schema_section_name))
        .with_context(|| format!("{} holds no SQL", library.display()))?;
    let control = ControlFile::from_str(control).context("the control file cannot be read")?;
    let mut entities = vec![SqlGraphEntity::ExtensionRoot(control)];
    entities.extend(decode_entities(section.data()?).map_err(with_causes)?);
    let sql = PgrxSql::build(entities.into_iter(), "engine".to_owned(), false)
        .and_then(|sql| sql.to_sql())
        .map_err(with_causes)?;
    let lines: Vec<&str> = sql.lines().map(without_line_number).collect();
    fs::write(script, lines.join("\n") + "\n")
        .with_context(|| format!("cannot write {}", script.display()))
}

/// pgrx names the source of each entity, as in `-- engine-ext/src/lib.rs:9`. A script should change only with its SQL,
/// not when a source file becomes longer.
fn without_line_number(line: &str) -> &str {
    match line.rsplit_once(':') {
        Some((source, number))
            if source.starts_with("-- ")
                && source.ends_with(".rs")
                && number.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            source
        }
        _ => line,
    }
}

// pgrx reports with eyre, which is no `std::error::Error`.
fn with_causes(report: impl Display) -> anyhow::Error {
    anyhow!("the extension's SQL cannot be put in order: {report:#}")
}
