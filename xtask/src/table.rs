//! The end of a test run: one row per suite, and the lines by which each suite closed itself.

use std::fmt::Write as _;
use std::time::Duration;

/// How a suite ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    /// Not reached, because an earlier one failed.
    NotRun,
}

pub(crate) struct Row {
    pub(crate) suite: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) took: Duration,
    pub(crate) closing: Closing,
}

/// The lines of a suite's output in which its runners say how it went.
#[derive(Default)]
pub(crate) struct Closing {
    lines: Vec<String>,
}

impl Closing {
    /// Looks at a line of output and keeps it where it is a runner's last word.
    pub(crate) fn watch(&mut self, line: &str) {
        let line = without_colours(line);
        let line = line.trim();
        let closing = line.starts_with("Summary [")
            || line.starts_with("test result:")
            || line.starts_with("# pass ")
            || line.starts_with("# fail ")
            || line.starts_with("ℹ pass ")
            || line.starts_with("ℹ fail ")
            || (line.starts_with("Tests ") && line.contains("passed"))
            || counted(line);
        if closing {
            self.lines.push(line.to_owned());
        }
    }

    /// For work that has no runner of its own.
    pub(crate) fn say(&mut self, line: impl Into<String>) {
        let line = line.into();
        println!("{line}");
        self.lines.push(line);
    }

    fn text(&self) -> String {
        match self.lines.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            // One line for each program: their sum says more than their list.
            many if many.iter().all(|line| line.starts_with("test result:")) => {
                let sum = |what: &str| many.iter().map(|line| count(line, what)).sum::<u64>();
                format!("{} passed, {} failed in {} programs", sum(" passed"), sum(" failed"), many.len())
            }
            [first, second] => format!("{first}; {second}"),
            [first, .., last] => format!("{first}; … {last} ({} lines)", self.lines.len()),
        }
    }
}

/// The number before `what`, 0 where there is none.
fn count(line: &str, what: &str) -> u64 {
    let before = line.split(what).next().filter(|before| before.len() < line.len()).unwrap_or("");
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// `N passed, N failed`, with one word and a colon before it perhaps: how our own scripts close.
fn counted(line: &str) -> bool {
    let counts = match line.split_once(": ") {
        Some((word, rest)) if !word.contains(' ') => rest,
        _ => line,
    };
    let mut parts = counts.split(", ");
    let is = |part: Option<&str>, what: &str| {
        part.and_then(|part| part.strip_suffix(what))
            .is_some_and(|number| number.trim_end().parse::<u64>().is_ok() && number.ends_with(' '))
    };
    is(parts.next(), "passed") && is(parts.next(), "failed")
}

fn without_colours(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(next) = chars.next() {
        if next == '\u{1b}' {
            // A colour is ESC [ … m: skip to its letter.
            for inner in chars.by_ref() {
                if inner.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            out.push(next);
        }
    }
    out
}

/// The table itself.
pub(crate) fn render(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.suite.len()).max().unwrap_or(0).max("suite".len());
    let mut out = format!("{:width$}  verdict  seconds  closing line\n", "suite");
    for row in rows {
        let verdict = match row.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed => "FAILED",
            Verdict::NotRun => "not run",
        };
        let seconds = row.took.as_secs_f64();
        let _ = writeln!(out, "{:width$}  {verdict:7}  {seconds:7.1}  {}", row.suite, row.closing.text());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_all_our_runners_are_kept_and_nothing_else() {
        let mut closing = Closing::default();
        for line in ["   Compiling x", "test a ... ok", "3 tests passed over there, fine", "https://x: 1 passed"] {
            closing.watch(line);
        }
        assert_eq!(closing.text(), "");
        for line in [
            "     \u{1b}[32;1mSummary\u{1b}[0m [   1.2s] 12 tests run: 12 passed, 0 skipped",
            "test result: ok. 3 passed; 0 failed",
            "e2e: 4 passed, 0 failed",
            "7 passed, 1 failed, 2 skipped",
            " Tests  31 passed (31)",
            "# pass 5",
        ] {
            let mut one = Closing::default();
            one.watch(line);
            assert_eq!(one.lines.len(), 1, "{line}");
        }
    }

    #[test]
    fn several_programs_of_one_suite_are_summed_up() {
        let mut closing = Closing::default();
        closing.watch("test result: ok. 9 passed; 0 failed; 0 ignored; 0 filtered out; finished in 0.19s");
        closing.watch("test result: FAILED. 2 passed; 1 failed; 0 ignored");
        assert_eq!(closing.text(), "11 passed, 1 failed in 2 programs");
    }

    #[test]
    fn the_table_tells_suite_verdict_and_seconds() {
        let mut closing = Closing::default();
        closing.watch("tidy: 80 passed, 0 failed");
        let rows = [
            Row { suite: "tidy", verdict: Verdict::Passed, took: Duration::from_millis(1234), closing },
            Row { suite: "clippy-wasm", verdict: Verdict::Failed, took: Duration::from_secs(61), closing: Closing::default() },
        ];
        let table = render(&rows);
        assert!(table.contains("tidy         passed       1.2  tidy: 80 passed, 0 failed"), "{table}");
        assert!(table.contains("clippy-wasm  FAILED      61.0"), "{table}");
    }
}
