//! Which module knows which: there are no cycles, and the rooms of the extension know only those below them. What `use` lines
//! import counts, and what code names by its path; nothing between a module and those that contain it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Result;
use engine_harness::Workspace;

/// The modules of a crate by path, such as `worker::end`; the root is empty.
type Sources = BTreeMap<String, String>;

/// The modules that each imports.
type Arrows = BTreeMap<String, BTreeSet<String>>;

#[test]
fn modules_of_the_client_import_each_other_in_no_circle() -> Result<()> {
    for root in ["engine-client/src", "engine-client/cli/src"] {
        assert_eq!(circle(&arrows_below(root)?), None, "in {root}");
    }
    Ok(())
}

#[test]
fn modules_of_the_core_import_each_other_in_no_circle() -> Result<()> {
    assert_eq!(circle(&arrows_below("engine-ext/core/src")?), None);
    Ok(())
}

/// The rooms of the extension, from the top: each imports only those after it.
const ROOMS: &[&str] = &["api", "flow", "store", "shared", "backend"];

#[test]
fn modules_of_the_extension_import_each_other_in_no_circle() -> Result<()> {
    assert_eq!(circle(&arrows_below("engine-ext/src")?), None);
    Ok(())
}

#[test]
fn rooms_of_the_extension_import_each_other_one_way() -> Result<()> {
    let room = |module: &str| ROOMS.iter().position(|room| within(module, room));
    let (mut up, mut down) = (Vec::new(), BTreeSet::new());
    for (from, to) in pairs(&arrows_below("engine-ext/src")?) {
        let (Some(above), Some(below)) = (room(&from), room(&to)) else {
            continue;
        };
        if below < above {
            up.push(format!("{from} -> {to}"));
        } else if below > above {
            down.insert((above, below));
        }
    }
    assert_eq!(up, Vec::<String>::new());
    assert!(down.len() > 6, "{down:?}: are imports still read?");
    Ok(())
}

#[test]
fn tables_of_the_store_know_nothing_of_each_other() -> Result<()> {
    let table = |module: &str| module.split("::").nth(1).map(str::to_owned);
    let arrows = pairs(&arrows_below("engine-ext/src")?).into_iter();
    let across = arrows.filter(|(from, to)| {
        within(from, "store") && within(to, "store") && table(from) != table(to)
    });
    let (common, calls): (Vec<_>, Vec<_>) = across.partition(|(_, to)| to == "store::row");
    assert_eq!(calls, Vec::new());
    assert!(common.len() > 3, "{common:?}: are imports still read?");
    Ok(())
}

#[test]
fn only_the_api_declares_sql_functions_and_only_the_store_statements() -> Result<()> {
    let mut sources = Sources::new();
    let root = Workspace::find()?.root().join("engine-ext/src");
    read(&root, "", &mut sources)?;
    let holders = |mark: &str| -> BTreeSet<String> {
        let holds = |(module, source): (&String, &String)| {
            let room = module.split("::").next().unwrap_or_default();
            source.contains(mark).then(|| room.to_owned())
        };
        sources.iter().filter_map(holds).collect()
    };
    let named = |rooms: &[&str]| -> BTreeSet<String> {
        rooms.iter().map(|room| (*room).to_owned()).collect()
    };
    assert_eq!(holders("\nstatement!("), named(&["store"]));
    // `outdated` answers for symbols of earlier releases; update scripts call `update`.
    assert_eq!(
        holders("#[pg_extern"),
        named(&["api", "outdated", "update"])
    );
    Ok(())
}

#[test]
fn a_circle_is_found_through_nested_imports() {
    let sources = Sources::from(
        [
            ("", "mod a; mod b;"),
            ("a", "use crate::b::{self, c::Inner};"),
            ("b", "pub mod c;"),
            ("b::c", "use std::fmt;\nuse super::super::d;"),
            ("d", "pub(crate) use crate::{\n    a::Thing as Other,\n};"),
            ("e", "// use crate::f;\n#[cfg(test)]\nuse crate::f;"),
            ("f", "use crate::e;"),
        ]
        .map(|(module, source)| (module.to_owned(), source.to_owned())),
    );
    let found = circle(&arrows(&sources));
    assert_eq!(found, Some(["a", "b::c", "d"].map(str::to_owned).to_vec()));
}

fn pairs(arrows: &Arrows) -> Vec<(String, String)> {
    let pairs = |(from, all): (&String, &BTreeSet<String>)| -> Vec<(String, String)> {
        all.iter().map(|to| (from.clone(), to.clone())).collect()
    };
    arrows.iter().flat_map(pairs).collect()
}

#[test]
fn a_circle_is_found_through_paths_in_code() {
    let sources = Sources::from(
        [
            ("", "mod flow;"),
            ("flow", "pub mod x; pub mod y;"),
            ("flow::x", "fn f() { flow::y::g() }"),
            (
                "flow::y",
                "// flow::z::h()\nfn g() { flow::x::f(flow::z::h) }",
            ),
            ("flow::z", "fn h() {\n// flow::x::f()\n}"),
        ]
        .map(|(module, source)| (module.to_owned(), source.to_owned())),
    );
    let found = circle(&arrows(&sources));
    assert_eq!(
        found,
        Some(["flow::x", "flow::y"].map(str::to_owned).to_vec())
    );
}

fn arrows_below(root: &str) -> Result<Arrows> {
    let mut sources = Sources::new();
    read(&Workspace::find()?.root().join(root), "", &mut sources)?;
    assert!(sources.len() > 10, "{root}: are sources still found?");
    Ok(arrows(&sources))
}

/// Reads the modules of a folder, which is the module `above`.
fn read(folder: &Path, above: &str, sources: &mut Sources) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let module = match (above, &*stem) {
            (_, "mod" | "lib" | "main") => above.to_owned(),
            ("", stem) => stem.to_owned(),
            (above, stem) => format!("{above}::{stem}"),
        };
        if path.is_dir() {
            read(&path, &module, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.insert(module, fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

fn arrows(sources: &Sources) -> Arrows {
    let imports = |(module, source): (&String, &String)| {
        let imported = paths(source)
            .iter()
            .chain(&qualified(source))
            .filter_map(|path| resolve(module, path, sources))
            .filter(|imported| !within(module, imported) && !within(imported, module))
            .collect();
        (module.clone(), imported)
    };
    sources.iter().map(imports).collect()
}

/// The paths in the `use` lines of a source. Tests may import anything: they come last in a file.
fn paths(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut paths = Vec::new();
    let mut tree: Option<String> = None;
    for line in source.lines().map(str::trim) {
        let begun = match line.split_once("use ") {
            Some(("" | "pub " | "pub(crate) " | "pub(super) ", path)) => Some(path),
            _ => None,
        };
        match (&mut tree, begun) {
            (None, Some(path)) => tree = Some(path.to_owned()),
            (None, None) => continue,
            (Some(tree), _) => tree.push_str(line),
        }
        if line.ends_with(';')
            && let Some(tree) = tree.take()
        {
            leaves("", tree.trim_end_matches(';'), &mut paths);
        }
    }
    paths
}

/// The paths through rooms of the extension that code names without importing them: `flow::settle::apply`.
fn qualified(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code = source.lines().filter(|line| {
        let line = line.trim();
        !line.starts_with("//") && !line.starts_with("use ")
    });
    let is_path = |character: char| character.is_ascii_alphanumeric() || "_:".contains(character);
    let is_of_room = |path: &&str| {
        let first = path.split("::").next().unwrap_or_default();
        path.contains("::") && ROOMS.contains(&first)
    };
    code.flat_map(|line| line.split(|character| !is_path(character)))
        .filter(is_of_room)
        .map(|path| format!("crate::{path}"))
        .collect()
}

/// Splits `a::{b, c::{d, e}}`: `a::b`, `a::c::d`, `a::c::e`.
fn leaves(above: &str, tree: &str, paths: &mut Vec<String>) {
    let Some((head, branches)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        paths.push(format!("{above}{}", path.trim()));
        return;
    };
    let above = format!("{above}{}", head.trim());
    let (mut depth, mut branch) = (0, String::new());
    for character in branches.chars() {
        match character {
            ',' | '}' if depth == 0 => {
                if !branch.trim().is_empty() {
                    leaves(&above, &branch, paths);
                }
                branch.clear();
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        branch.push(character);
    }
}

/// The module that an import refers to; none if that is in another crate.
fn resolve(module: &str, path: &str, sources: &Sources) -> Option<String> {
    let mut at: Vec<&str> = module.split("::").filter(|name| !name.is_empty()).collect();
    let mut names = path.split("::").peekable();
    match names.next()? {
        "crate" => at.clear(),
        "self" => {}
        "super" => {
            at.pop();
            while names.next_if_eq(&"super").is_some() {
                at.pop();
            }
        }
        _ => return None,
    }
    at.extend(names);
    while !sources.contains_key(&at.join("::")) {
        at.pop()?;
    }
    Some(at.join("::"))
}

/// Whether a module is `room`, or inside it.
fn within(module: &str, room: &str) -> bool {
    let below = module.strip_prefix(room);
    room.is_empty() || below.is_some_and(|below| below.is_empty() || below.starts_with("::"))
}

/// Modules that import each other in a cycle, if there are any.
fn circle(arrows: &Arrows) -> Option<Vec<String>> {
    let reached = |from: &String| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            for next in arrows.get(module).into_iter().flatten() {
                if reached.insert(next) {
                    open.push(next);
                }
            }
        }
        reached
    };
    let first = arrows
        .keys()
        .find(|module| reached(module).contains(module))?;
    let members = reached(first).into_iter();
    let members = members.filter(|module| reached(module).contains(first));
    Some(members.cloned().collect())
}
