//! The security table stays true: each row names tests, and each test that it names exists.

use std::collections::BTreeSet;

use super::{File, Problem, problem};

const DOCUMENT: &str = "docs/security.md";

/// Rows of three cells (threat, what the relay does, shown by) name at least one test, by the name of its function.
pub(super) fn check(files: &[File]) -> Vec<Problem> {
    let Some(document) = files.iter().find(|file| file.path == DOCUMENT) else { return Vec::new() };
    let sources = files.iter().filter(|file| file.extension() == "rs");
    let known: BTreeSet<&str> = sources.flat_map(tests_of).collect();
    let mut problems = Vec::new();
    for (number, line) in document.text.lines().enumerate() {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let [threat, _, shown] = cells.as_slice() else { continue };
        if !line.starts_with('|') || line.starts_with("| ---") || threat.trim() == "threat" {
            continue;
        }
        let named: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            problems.push(problem(document, number + 1, "names no test that shows it: name one in the last column"));
        }
        for name in named.into_iter().filter(|name| !known.contains(name)) {
            problems.push(problem(document, number + 1, format!("there is no test `{name}`: name the one that shows this")));
        }
    }
    problems
}

/// Its tests: functions with an attribute whose last word is `test`, such as `#[tokio::test(start_paused = true)]`, in the lines of
/// attributes and comments above them. Those of `proptest!` carry it too.
fn tests_of(file: &File) -> Vec<&str> {
    let mut tests = Vec::new();
    let mut is_test = false;
    for line in file.text.lines().map(str::trim_start) {
        if let Some(attribute) = line.strip_prefix("#[") {
            let path = attribute.split(['(', ']']).next().unwrap_or_default();
            is_test |= path.rsplit("::").next() == Some("test");
        } else if !line.starts_with("//") {
            tests.extend(function(line).filter(|_| is_test));
            is_test = false;
        }
    }
    tests
}

/// The name of the function that begins on this line.
fn function(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("async ").unwrap_or(line.trim_start()).strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::super::{file, told};
    use super::*;

    fn table(rows: &str) -> File {
        file(DOCUMENT, &format!("| threat | what the relay does | shown by |\n| --- | --- | --- |\n{rows}\n"))
    }

    #[test]
    fn a_named_test_exists_whether_it_waits_or_not() {
        let tests = file(
            "server/tests/a.rs",
            "//! A.\n#[test]\nfn one_holds() {}\n    #[tokio::test(x = 1)]\n    #[cfg(unix)]\n    async fn two_holds(x: u8) {}\n",
        );
        let good = table("| a `word` of theirs | refused | `one_holds`, `two_holds` |");
        assert_eq!(told(&check(&[good, tests])), Vec::<String>::new());
    }

    #[test]
    fn a_row_without_a_test_or_with_one_that_is_not_there_is_told() {
        let problems = check(&[table("| a | refused | |\n| b | refused | `nobody_wrote_this` |")]);
        assert_eq!(problems.len(), 2, "{:?}", told(&problems));
        assert!(told(&problems)[1].contains("nobody_wrote_this"));
    }

    #[test]
    fn a_function_that_is_no_test_shows_nothing() {
        let tests = file("server/src/a.rs", "//! A.\n#[test]\nfn shows() {}\n\nfn helps() {}\n#[cfg(test)]\nfn helps_too() {}\n");
        let problems = check(&[table("| a | refused | `helps` |\n| b | refused | `helps_too` |\n| c | refused | `shows` |"), tests]);
        assert_eq!(problems.len(), 2, "{:?}", told(&problems));
    }
}
