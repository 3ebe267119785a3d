//! Words that must not stand in the code: clocks in the core, unfinished work, places that exist on one machine only.
//!
//! Trap: this file would find itself, so the words it looks for are put together from halves.

use super::scan::{mask, without_tests};
use super::{File, Problem, problem};

/// Time enters the core as an argument and randomness as a seed, or the simulation would not repeat itself.
pub(super) fn clocks(files: &[File]) -> Vec<Problem> {
    let banned = [
        "Instant::now",
        "SystemTime",
        "UNIX_EPOCH",
        "std::thread",
        "thread::sleep",
        "RandomState",
        "HashMap",
        "HashSet",
        "println!",
        "eprintln!",
        "std::env",
        "std::fs",
        "std::net",
    ];
    in_code(files.iter().filter(|file| file.path.starts_with("client-core/src/")), &banned, |word| {
        let instead = if word.starts_with("Hash") { "BTreeMap and BTreeSet have an order that repeats" } else { "take it as an argument" };
        format!("`{word}` in client-core, which has no clock, no chance and no I/O: {instead}")
    })
}

/// Work in progress is not committed.
pub(super) fn unfinished(files: &[File]) -> Vec<Problem> {
    let banned = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("db", "g!(")];
    let mut problems =
        in_code(files.iter().filter(|file| file.extension() == "rs"), &banned, |word| format!("`{word}…)` is unfinished work"));
    let marks = [concat!("FIX", "ME"), concat!("XX", "X:"), concat!("TO", "DO:")];
    for file in files.iter().filter(|file| file.is_code()) {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| line.contains(**mark)) {
                problems.push(problem(file, number + 1, format!("`{mark}`: do it, or file an issue and say what holds until then")));
            }
        }
    }
    problems
}

/// No host of a package registry, no path of somebody's machine, no lock file that names where it downloaded from.
pub(super) fn places(files: &[File]) -> Vec<Problem> {
    let hosts = [
        concat!("registry.", "npmjs.org"),
        concat!("registry.", "yarnpkg.com"),
        concat!("static.", "crates.io"),
        concat!("index.", "crates.io"),
        concat!("files.python", "hosted.org"),
        concat!("pypi", ".org"),
        concat!("deb.", "debian.org"),
    ];
    let machine = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
    let mut problems = Vec::new();
    for file in files {
        let lock = file.path.ends_with("package-lock.json");
        for (number, line) in file.text.lines().enumerate() {
            if let Some(host) = hosts.iter().find(|host| line.contains(**host)) {
                problems.push(problem(file, number + 1, format!("names the registry host {host}: whoever builds this may use another")));
            } else if lock && line.trim_start().starts_with("\"resolved\": \"http") {
                problems.push(problem(
                    file,
                    number + 1,
                    "names where a package was downloaded from: set `omit-lockfile-registry-resolved=true` in .npmrc",
                ));
            }
            if let Some(path) = machine.iter().find(|path| holds_path(line, path)) {
                problems.push(problem(
                    file,
                    number + 1,
                    format!("`{path}…` exists on one machine only: use a path relative to the repository"),
                ));
            }
            if file.path.ends_with(".npmrc") && line.trim_start().starts_with("registry") {
                problems.push(problem(file, number + 1, "chooses a registry: that is the machine's choice"));
            }
        }
    }
    problems
}

/// `path` at the start of a word: `network/…` is none.
fn holds_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|start| start.chars().next_back());
        before.is_none_or(|before| !(before.is_alphanumeric() || "._-~$}/".contains(before)))
    })
}

fn in_code<'a>(files: impl Iterator<Item = &'a File>, banned: &[&str], what: impl Fn(&str) -> String) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files {
        let code = without_tests(&mask(&file.text, true));
        for (number, line) in code.lines().enumerate() {
            problems.extend(banned.iter().filter(|word| line.contains(**word)).map(|word| problem(file, number + 1, what(word))));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::{file, told};
    use super::*;

    #[test]
    fn the_core_has_no_clock_outside_its_tests_and_comments() {
        let good = file(
            "client-core/src/a.rs",
            "//! Never Instant::now.\nfn a(now: Millis) {}\n#[cfg(test)]\nmod tests { use std::time::SystemTime; }\n",
        );
        assert_eq!(clocks(&[good]), []);
        let bad = file("client-core/src/a.rs", "//! A.\nlet t = std::time::Instant::now();\nuse std::collections::HashMap;\n");
        assert_eq!(clocks(&[bad]).len(), 2);
        assert_eq!(clocks(&[file("server/src/a.rs", "let t = Instant::now();\n")]), []);
    }

    #[test]
    fn unfinished_work_is_found_but_not_in_text() {
        let word = concat!("to", "do!()");
        assert_eq!(unfinished(&[file("a.rs", &format!("//! A.\nlet a = \"{word}\";\n"))]), []);
        assert_eq!(unfinished(&[file("a.rs", &format!("//! A.\nfn a() {{ {word} }}\n"))]).len(), 1);
        assert_eq!(unfinished(&[file("a.ts", concat!("// FIX", "ME later\n"))]).len(), 1);
    }

    #[test]
    fn no_host_of_a_registry_and_no_path_of_a_machine() {
        let good = [file("a.md", "see network/work/ and a/root/b\n"), file("package-lock.json", "\"resolved\": \"../npm\"\n")];
        assert_eq!(told(&places(&good)), Vec::<String>::new());
        let bad = [
            file("a.md", concat!("cd /wo", "rk/main\n")),
            file("b.md", concat!("https://registry.", "npmjs.org/x\n")),
            file("npm/package-lock.json", "  \"resolved\": \"https://example.org/x.tgz\"\n"),
            file("npm/.npmrc", "registry=https://example.org\n"),
        ];
        assert_eq!(places(&bad).len(), 4, "{:?}", told(&places(&bad)));
    }
}
