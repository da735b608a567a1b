//! The outcomes of tests.

use std::fmt::{self, Display};
use std::process::Output;
use std::time::Duration;

use engine_harness::Sweep;

use super::program::Test;

/// The outcome of a test.
pub struct Verdict {
    pub test: Test,
    pub took: Duration,
    pub output: Output,
    /// What was found in its databases when it was over.
    pub sweep: Sweep,
}

impl Verdict {
    pub fn has_passed(&self) -> bool {
        self.output.status.success()
    }

    /// Prints a line, and below it what the test wrote to standard error; all that it wrote, if it failed.
    pub fn tell(&self) {
        let (name, took) = (self.test.full_name(), self.took.as_secs_f64());
        let word = if self.has_passed() { "ok" } else { "FAILED" };
        println!("test {name} ... {word} ({took:.2} s)");
        if !self.has_passed() {
            print!("{}", String::from_utf8_lossy(&self.output.stdout));
        }
        for line in String::from_utf8_lossy(&self.output.stderr).lines() {
            println!("    {line}");
        }
        for (database, found) in &self.sweep.found {
            println!("engine_check in database {database}: FAILED");
            for violation in found {
                println!("    {violation}");
            }
        }
    }
}

/// Number of tests per outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl Counts {
    pub fn of(verdicts: &[Verdict], skipped: u64) -> Self {
        let passed = verdicts.iter().filter(|verdict| verdict.has_passed());
        let passed = passed.count() as u64;
        Self {
            passed,
            failed: verdicts.len() as u64 - passed,
            skipped,
        }
    }

    /// Adds the counts in another test harness's output, such as `test result: ok. 3 passed; 0 failed; 1 ignored; 0
    /// measured; …`.
    pub fn read(text: &str) -> Self {
        let mut counts = Self::default();
        let results = text.lines().filter_map(|line| {
            let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
            Some(counts)
        });
        for count in results.flat_map(|counts| counts.split("; ")) {
            let count = count.split_once(' ');
            match count.map(|(number, what)| (number.parse::<u64>(), what)) {
                Some((Ok(number), "passed")) => counts.passed += number,
                Some((Ok(number), "failed")) => counts.failed += number,
                Some((Ok(number), "ignored")) => counts.skipped += number,
                _ => {}
            }
        }
        counts
    }

    pub fn add(&mut self, others: &Self) {
        self.passed += others.passed;
        self.failed += others.failed;
        self.skipped += others.skipped;
    }
}

impl Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (passed, failed, skipped) = (self.passed, self.failed, self.skipped);
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_several_programs_are_added_up() {
        let text = "test a ... ok\n\
                    test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s\n\
                    test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let counts = Counts::read(text);
        assert_eq!(counts.to_string(), "4 passed, 2 failed, 1 skipped");
    }
}
