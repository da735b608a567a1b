//! Values that no caller should pass: of every type, the borders and beyond.

use anyhow::{Result, bail};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use crate::border::{
    FLOATS, GREAT_INTEGERS, GREAT_SIZES, INTEGERS, INTERVALS, KEYS, NUMBERS, SIZES, TEXTS, TIMES,
};
use crate::datum::{Datum, HALF, document_text};

/// A value of the type `kind`.
///
/// # Errors
/// For a type that no function has had so far: add its values here.
pub fn datum(kind: &str, random: &mut StdRng) -> Result<Datum> {
    if random.random_bool(0.08) {
        return Ok(Datum::Null);
    }
    Ok(match kind {
        "text" => Datum::Text(text(random)),
        "text[]" => texts(random),
        "smallint" | "integer" | "bigint" => Datum::Integer(integer(kind, random)),
        "integer[]" | "bigint[]" => {
            let length = random.random_range(0..4);
            let number = |_| random.random_bool(0.9).then(|| integer("integer", random));
            Datum::Integers((0..length).map(number).collect())
        }
        "double precision" => Datum::Float(one_of(FLOATS, random)),
        "boolean" => Datum::Boolean(random.random()),
        "timestamp with time zone" => Datum::Time(one_of(TIMES, random).to_owned()),
        "interval" => Datum::text(one_of(INTERVALS, random)),
        "jsonb" => Datum::Document(document(random)),
        other => bail!("no values are known of type {other}"),
    })
}

fn one_of<T: Copy>(choices: &[T], random: &mut StdRng) -> T {
    match choices.choose(random) {
        Some(choice) => *choice,
        None => unreachable!("there is a choice"),
    }
}

/// A text.
pub fn text(random: &mut StdRng) -> String {
    match random.random_range(0..100) {
        0..60 => one_of(TEXTS, random).to_owned(),
        60..85 => sized(one_of(SIZES, random), random),
        85..88 => sized(one_of(GREAT_SIZES, random), random),
        // JSON as a text, of any depth.
        88..94 => nested_text(
            one_of(&[1, 63, 64, 65, 127, 128, 129, 600, 100_000], random),
            random,
        ),
        _ => document_text(&document(random)),
    }
}

/// A text of this many characters: one repeated, or incompressible ones, of one or of four bytes.
fn sized(characters: usize, random: &mut StdRng) -> String {
    let of_four_bytes = characters.min(1_600_000);
    // More than the window of Postgres's compression.
    let block = characters.min(50_000);
    let (length, block): (usize, String) = match random.random_range(0..4) {
        0 => (characters, "x".to_owned()),
        1 => (of_four_bytes, "𐍈".to_owned()),
        2 => {
            let character = |_| char::from(random.random_range(b'!'..=b'~'));
            (characters, (0..block).map(character).collect())
        }
        _ => {
            let character = |_| random.random_range('\u{10000}'..='\u{1ffff}');
            (of_four_bytes, (0..block).map(character).collect())
        }
    };
    block.chars().cycle().take(length).collect()
}

fn nested_text(depth: usize, random: &mut StdRng) -> String {
    if random.random() {
        return "[".repeat(depth) + &"]".repeat(depth);
    }
    "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth)
}

fn texts(random: &mut StdRng) -> Datum {
    match random.random_range(0..12) {
        0 => return Datum::Sql("array[array['a','b'],array['c',null]]::text[]".to_owned()),
        1 => return Datum::Sql("'[5:6]={a,b}'::text[]".to_owned()),
        2 => return Datum::Texts(vec![Some("a".to_owned()); 1_001]),
        3 => return Datum::Texts(vec![None; 3]),
        _ => {}
    }
    let length = random.random_range(0..5);
    let text = |_| random.random_bool(0.9).then(|| text(random));
    Datum::Texts((0..length).map(text).collect())
}

fn integer(kind: &str, random: &mut StdRng) -> i64 {
    // Values beyond the type are the parser's concern.
    let is_great = random.random_bool(if kind == "bigint" { 0.4 } else { 0.02 });
    one_of(if is_great { GREAT_INTEGERS } else { INTEGERS }, random)
}

/// A document of any kind.
pub fn document(random: &mut StdRng) -> Value {
    match random.random_range(0..100) {
        0..8 => Value::Null,
        8..16 => json!(random.random::<bool>()),
        16..36 => number(one_of(NUMBERS, random)),
        36..58 => json!(one_of(TEXTS, random)),
        58..62 => json!(HALF),
        62..64 => json!("a\0b"),
        64..67 => json!(sized(one_of(SIZES, random), random)),
        67..68 => json!(sized(one_of(GREAT_SIZES, random), random)),
        68..80 => nested(random.random_range(0..=130), random),
        80..81 => json!({"$serde_json::private::Number": "1"}),
        81..90 => (0..random.random_range(0..4))
            .map(|_| document(random))
            .collect(),
        _ => {
            let length = random.random_range(0..4);
            let field = |_| (one_of(KEYS, random).to_owned(), document(random));
            Value::Object((0..length).map(field).collect())
        }
    }
}

fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// Arrays, objects, or both by turns, `depth` deep.
fn nested(depth: usize, random: &mut StdRng) -> Value {
    let way = random.random_range(0..3);
    (0..depth).fold(json!(1), |inside, level| match way {
        0 => json!([inside]),
        1 => json!({"a": inside}),
        _ if level % 2 == 0 => json!([inside, 1]),
        _ => json!({"a": inside, "b": null}),
    })
}
