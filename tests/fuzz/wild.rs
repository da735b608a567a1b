//! Values that no caller should give: of every type, the borders and what lies beyond them.

use anyhow::{Result, bail};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use crate::datum::{Datum, HALF, document_text};

/// Sizes of texts in characters: around every bound there is, and far beyond.
const SIZES: &[usize] = &[
    1, 63, 64, 65, 99, 101, 255, 256, 257, 512, 513, 1_000, 1_001, 2_048, 2_049, 2_680, 8_191,
    65_536, 70_000,
];
const GREAT_SIZES: &[usize] = &[262_144, 262_145, 1_048_577, 3_145_728, 3_145_729, 6_000_000];

const TEXTS: &[&str] = &[
    "",
    " ",
    "\t",
    "\n",
    "a\nb",
    "\u{1}",
    "\u{7f}",
    "\u{1f}\u{2}",
    "\u{fffd}",
    "\u{fffe}",
    "\u{feff}",
    "\u{202e}abc",
    "𐍈",
    "👩‍👩‍👧‍👦",
    "a\u{301}",
    "'",
    "''; drop table x; --",
    "\"",
    "\\",
    "\\u0000",
    "%s%n%p",
    "{}",
    "{a,b}",
    "null",
    "NULL",
    "true",
    "0",
    "-1",
    "1e400",
    "NaN",
    "Infinity",
    "run_",
    "snapshot_",
    "waitpoint_",
    "batch_",
    "run_run_x",
    "nope",
    "default",
    "main",
    "task/",
    "[",
    "\"x",
    "{\"a\": 1,}",
    "\"\\ud800\"",
    "{\"a\": \"\\u0000\"}",
    "1 2",
    "application/json",
    "application/super+json",
    "application/store",
    "text/plain",
    "1h",
    "0s",
    "99999999999999999999d",
    "1h1h",
    "-5m",
    "1.5s",
    "* * * * *",
    "60 * * * *",
    "0 0 31 2 *",
    "*/0 * * * *",
    "@daily",
    "UTC",
    "Europe/Berlin",
    "Mars/Phobos",
    "small-1x",
    "large-2x",
    "DEVELOPMENT",
    "PREVIEW",
    "DOCKER",
    "KUBERNETES",
    "20250101.1",
    "current",
    "locked",
];

const INTEGERS: &[i64] = &[
    0,
    1,
    -1,
    2,
    3,
    7,
    99,
    100,
    101,
    249,
    250,
    251,
    999,
    1_000,
    1_001,
    32_767,
    65_536,
    100_000,
    2_147_483_647,
    -2_147_483_648,
];
const GREAT_INTEGERS: &[i64] = &[
    2_147_483_648,
    -2_147_483_649,
    4_294_967_296,
    9_007_199_254_740_993,
    253_402_300_799_999,
    9_223_372_036_854_775,
    i64::MAX,
    i64::MIN,
];

const FLOATS: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    0.5,
    1.5,
    -1.0,
    1e-300,
    5e-324,
    1e15,
    1e300,
    f64::MAX,
    f64::MIN,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

const TIMES: &[&str] = &[
    "infinity",
    "-infinity",
    "epoch",
    "now",
    "today",
    "294276-12-31 23:59:59.999999+00",
    "4713-01-01 00:00:00+00 BC",
    "0001-01-01 00:00:00+00",
    "0001-12-31 00:00:00+00 BC",
    "9999-12-31 23:59:59.999999+00",
    "10000-01-01 00:00:00+00",
    "10000-01-01 00:00:00+14",
    "1970-01-01 00:00:00+00",
    "2000-02-29 12:00:00.000001+00",
    "2262-04-12 00:00:00+00",
    "5138-11-16 09:46:40+00",
    "2025-03-30 02:30:00 Europe/Berlin",
];

const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "1.5",
    "0.1",
    "1e2",
    "2147483648",
    "-2147483649",
    "9223372036854775807",
    "9223372036854775808",
    "123456789012345678901234567890.123456789",
    "1e15",
    "8640000000000001",
    "1e100",
    "1e300",
    "1e308",
    "1e309",
    "1e400",
    "1e1000",
    "1e-400",
    "5e-324",
];

const KEYS: &[&str] = &[
    "a",
    "",
    " ",
    "ok",
    "error",
    "type",
    "raw",
    "retry",
    "task",
    "id",
    "$serde_json::private::Number",
    "$serde_json::private::RawValue",
    "__proto__",
    "run_id",
    "snapshot_id",
    "👩‍👩‍👧‍👦",
    "\u{1}",
    "metadata",
];

/// A value of the type `kind`.
///
/// # Errors
/// For a type that no function has had so far: say here what values it takes.
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

/// A text of so many characters: one over and over, or such as cannot be compressed, of one or of four bytes.
fn sized(characters: usize, random: &mut StdRng) -> String {
    match random.random_range(0..4) {
        0 => "x".repeat(characters),
        1 => "𐍈".repeat(characters.min(1_600_000)),
        2 => (0..characters)
            .map(|_| char::from(random.random_range(b'!'..=b'~')))
            .collect(),
        _ => (0..characters.min(1_600_000))
            .map(|_| random.random_range('\u{10000}'..='\u{1ffff}'))
            .collect(),
    }
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
    // What the type cannot hold is the parser's affair.
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
        80..84 => json!({"$serde_json::private::Number": "1"}),
        84..90 => (0..random.random_range(0..4))
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
