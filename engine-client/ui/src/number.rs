//! Counts and sizes, as pages print them.

/// A whole number with grouped thousands: `12,391`.
pub(crate) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        grouped.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number and what it counts: `1 run`, `371 runs`.
pub(crate) fn plural(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A size: `312 B`, `4.1 KiB`.
pub(crate) fn size(bytes: usize) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let kib = bytes as f64 / 1024.0;
    if kib < 1024.0 {
        format!("{kib:.1} KiB")
    } else {
        format!("{:.1} MiB", kib / 1024.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_full() {
        assert_eq!(
            [0, 999, 12_391, -1000].map(count),
            ["0", "999", "12,391", "-1,000"]
        );
        assert_eq!(
            [312, 4200, 3_000_000].map(size),
            ["312 B", "4.1 KiB", "2.9 MiB"]
        );
    }
}
