//! Calls, their outcomes, and findings.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::sync::{Mutex, PoisonError};

use crate::call::Call;

/// Most findings to keep.
const MOST: usize = 40;

/// Figures of all sessions together.
#[derive(Default)]
pub struct Figures(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    /// Calls and successes of each function.
    functions: BTreeMap<String, (u64, u64)>,
    /// How often each SQLSTATE came.
    codes: BTreeMap<String, u64>,
    /// By subject, so that a repeated finding is reported once.
    findings: BTreeMap<String, String>,
}

impl Figures {
    pub fn count(&self, function: &str, code: Option<&str>) {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (calls, successes) = tables.functions.entry(function.to_owned()).or_default();
        *calls += 1;
        *successes += u64::from(code.is_none());
        if let Some(code) = code {
            *tables.codes.entry(code.to_owned()).or_default() += 1;
        }
    }

    pub fn find(&self, what: &str, call: &Call, error: &str) {
        let text = format!("{what}\n    {}\n    {error}", call.brief);
        self.note(format!("{what} {}", call.function), text);
    }

    pub fn note(&self, about: String, finding: String) {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tables.findings.len() < MOST {
            tables.findings.entry(about).or_insert(finding);
        }
    }

    pub fn findings(&self) -> Vec<String> {
        let tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tables.findings.values().cloned().collect()
    }

    /// Functions that were called, and always refused.
    pub fn never_successful(&self) -> Vec<String> {
        let tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = tables
            .functions
            .iter()
            .filter(|(_, (_, successes))| *successes == 0);
        failed.map(|(function, _)| function.clone()).collect()
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let calls: u64 = tables.functions.values().map(|(calls, _)| calls).sum();
        let successes: u64 = tables
            .functions
            .values()
            .map(|(_, successes)| successes)
            .sum();
        let least = tables
            .functions
            .iter()
            .min_by_key(|(_, (_, successes))| *successes);
        write!(
            f,
            "{calls} calls of {} functions, {successes} successful",
            tables.functions.len()
        )?;
        if let Some((function, (_, successes))) = least {
            write!(f, " (least often {function}: {successes})")?;
        }
        for (code, count) in &tables.codes {
            write!(f, ", {code}: {count}")?;
        }
        write!(f, "; {} findings", tables.findings.len())
    }
}
