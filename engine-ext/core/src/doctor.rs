//! Arguments of the doctor.

use crate::Refusal;

const MAX_PATIENCE_MS: i64 = 10 * 365 * 24 * 3600 * 1000;

/// Checks how long a condition must last before it is a finding.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) outside 0 and ten years.
pub fn check_patience(patience_ms: i64) -> Result<i64, Refusal> {
    if (0..=MAX_PATIENCE_MS).contains(&patience_ms) {
        return Ok(patience_ms);
    }
    Err(Refusal::invalid(
        "patience_ms",
        format!("{patience_ms} is not between 0 and {MAX_PATIENCE_MS}."),
        "Pass for how many milliseconds something must have been so before it is reported.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_not_negative_and_ends_after_ten_years() {
        assert_eq!(check_patience(0).ok(), Some(0));
        assert_eq!(check_patience(MAX_PATIENCE_MS).ok(), Some(MAX_PATIENCE_MS));
        for outside in [-1, MAX_PATIENCE_MS + 1, i64::MIN, i64::MAX] {
            assert_eq!(
                check_patience(outside).map_err(|e| e.sqlstate()),
                Err("22023")
            );
        }
    }
}
