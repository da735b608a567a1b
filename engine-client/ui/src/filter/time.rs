//! Times and lengths of time as they are typed.

use crate::moment::Moment;

/// `30m`, `1h`, `7d`, in milliseconds.
pub(crate) fn duration_ms(text: &str) -> Option<i64> {
    let at = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(at);
    let unit = match unit.trim() {
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit)
}

/// A moment in full, or a time of today: `02:41`.
pub(crate) fn moment(text: &str, now: Moment) -> Option<Moment> {
    Moment::parse(text).or_else(|| {
        let day = now.iso();
        let (day, _) = day.split_once('T')?;
        Moment::parse(&format!("{day}T{text}"))
    })
}
