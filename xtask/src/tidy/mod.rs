//! `tidy`: the project's habits as checks, over the files that git tracks or would track.
//!
//! A check takes files and gives problems, so each has tests on small made-up trees. A problem says where, what, and how
//! to mend it. Limits: the scanners know strings and comments, not grammar; they are made for this code, not for any.

mod docs;
mod imports;
mod length;
mod scan;
mod security;
mod versions;
mod words;

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::project::Project;

/// One tracked text file.
pub(crate) struct File {
    /// Relative to the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    fn extension(&self) -> &str {
        Path::new(&self.path).extension().and_then(|extension| extension.to_str()).unwrap_or("")
    }

    /// Written by us and read by people: not vectors, lock files or pictures.
    fn is_code(&self) -> bool {
        matches!(self.extension(), "rs" | "ts" | "tsx" | "mts" | "js" | "mjs" | "svelte")
    }
}

/// What is wrong, where, and how to mend it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    path: String,
    /// From 1; 0 where it is the file as a whole.
    line: usize,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

fn problem(file: &File, line: usize, what: impl Into<String>) -> Problem {
    Problem { path: file.path.clone(), line, what: what.into() }
}

type Check = fn(&[File]) -> Vec<Problem>;
const CHECKS: [(&str, Check); 12] = [
    ("file length", length::check),
    ("module docs", docs::modules),
    ("links", docs::links),
    ("commands in documents", docs::commands),
    ("examples in documents", docs::examples),
    ("crate imports", imports::crates),
    ("npm imports", imports::npm),
    ("clocks in the core", words::clocks),
    ("unfinished code", words::unfinished),
    ("hosts and machine paths", words::places),
    ("security table", security::check),
    ("versions", versions::check),
];

pub(crate) fn run(project: &Project) -> Result<()> {
    println!("{}", check(project)?);
    Ok(())
}

/// Runs all checks; the text is the closing line.
pub(crate) fn check(project: &Project) -> Result<String> {
    let files = tracked(&project.root)?;
    let mut problems: Vec<(&str, Problem)> = Vec::new();
    for (name, check) in CHECKS {
        let mut found = check(&files);
        found.sort();
        problems.extend(found.into_iter().map(|problem| (name, problem)));
    }
    for (name, problem) in &problems {
        println!("{problem} [{name}]");
    }
    if problems.is_empty() {
        return Ok(format!("tidy: {} checks over {} files, nothing to mend", CHECKS.len(), files.len()));
    }
    bail!("tidy: {} to mend", problems.len())
}

/// Tracked files and new ones that are not ignored, as far as they are text.
fn tracked(root: &Path) -> Result<Vec<File>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("cannot run git, which knows the files to check")?;
    if !output.status.success() {
        bail!("`git ls-files` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let listing = String::from_utf8(output.stdout).context("a file's name is no UTF-8")?;
    let mut files = Vec::new();
    for path in listing.split_terminator('\0') {
        // Deleted but not yet committed: not there to check. Pictures and other bytes: not text.
        let Ok(bytes) = fs::read(root.join(path)) else { continue };
        // Kept, so that links to it resolve.
        let text = String::from_utf8(bytes).unwrap_or_default();
        files.push(File { path: path.to_owned(), text });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|a, b| a.path == b.path);
    Ok(files)
}

#[cfg(test)]
pub(crate) fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

#[cfg(test)]
pub(crate) fn told(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}
