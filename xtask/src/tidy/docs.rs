//! Documents that stay true: every module says what it is, every relative link leads somewhere, every command exists.

use std::collections::BTreeSet;

use super::{File, Problem, problem};

/// Documents that must be there, whatever else is.
const MUST_BE: [&str; 5] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "protocol/PROTOCOL.md"];

/// Every Rust file begins with its module doc, every TypeScript file of the package with a comment that says what it is.
pub(super) fn modules(files: &[File]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files {
        let first = file.text.lines().next().unwrap_or("");
        if file.extension() == "rs" && !first.starts_with("//! ") {
            problems.push(problem(file, 1, "the module doc is missing: begin line one with `//! ` and one sentence on what this is"));
        }
        let documented = first.starts_with("/**") || first.starts_with("//");
        if file.path.starts_with("npm/src/") && file.extension() == "ts" && !documented {
            problems.push(problem(file, 1, "begin with a `/** … */` that says in one sentence what this module is"));
        }
    }
    problems
}

/// Relative links of documents lead to a tracked file or folder; the standing documents are there.
pub(super) fn links(files: &[File]) -> Vec<Problem> {
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let exists = |path: &str| {
        let folder = format!("{}/", path.trim_end_matches('/'));
        paths.contains(path) || path.is_empty() || paths.range(folder.as_str()..).next().is_some_and(|next| next.starts_with(&folder))
    };
    let mut problems: Vec<Problem> = MUST_BE
        .iter()
        .filter(|path| !paths.contains(**path))
        .map(|path| Problem { path: (*path).to_owned(), line: 0, what: "this document is missing".to_owned() })
        .collect();
    for file in documents(files) {
        for (line, target) in link_targets(&file.text) {
            let target = target.split(['#', '?']).next().unwrap_or("");
            if target.contains(':') || target.is_empty() {
                continue;
            }
            let resolved = resolve(&file.path, target);
            if !resolved.as_deref().is_some_and(exists) {
                problems.push(problem(file, line, format!("the link to `{target}` leads nowhere: mend or remove it")));
            }
        }
    }
    problems
}

/// `cargo xtask X` and `npm run X` of documents exist.
pub(super) fn commands(files: &[File]) -> Vec<Problem> {
    use clap::CommandFactory as _;
    let xtask: BTreeSet<String> = crate::Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let scripts: BTreeSet<String> = files
        .iter()
        .filter(|file| file.path.ends_with("package.json"))
        .filter_map(|file| serde_json::from_str::<serde_json::Value>(&file.text).ok())
        .filter_map(|package| package.get("scripts")?.as_object().map(|scripts| scripts.keys().cloned().collect::<Vec<_>>()))
        .flatten()
        .collect();
    let mut problems = Vec::new();
    for file in documents(files) {
        for (number, line) in file.text.lines().enumerate() {
            for (start, known, mend) in [
                ("cargo xtask ", &xtask, "the commands are those of `cargo xtask help`"),
                ("npm run ", &scripts, "no package.json has that script"),
            ] {
                for rest in line.split(start).skip(1) {
                    let name: String = rest.chars().take_while(|next| next.is_ascii_alphanumeric() || "-:_".contains(*next)).collect();
                    let name = name.trim_end_matches(':');
                    if !name.is_empty() && name != "help" && !known.contains(name) {
                        problems.push(problem(file, number + 1, format!("`{start}{name}` does not exist: {mend}")));
                    }
                }
            }
        }
    }
    problems
}

/// The package's entries, as a page imports them, and the files that say what they export.
const ENTRIES: [(&str, &str); 4] = [
    ("pulsewire", "npm/src/index.ts"),
    ("pulsewire/svelte", "npm/src/svelte/index.ts"),
    ("pulsewire/react", "npm/src/react/index.ts"),
    ("pulsewire/elements", "npm/src/elements/index.ts"),
];

/// Names that examples in documents import from the package are exported by it.
pub(super) fn examples(files: &[File]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in documents(files) {
        for (number, line) in file.text.lines().enumerate() {
            let Some((names, module)) = example_import(line) else { continue };
            let Some((_, entry)) = ENTRIES.iter().find(|(entry, _)| *entry == module) else { continue };
            let source = files.iter().find(|file| file.path == *entry).map_or("", |file| file.text.as_str());
            for name in names {
                if !source.split(|next: char| !(next.is_alphanumeric() || next == '_')).any(|word| word == name) {
                    problems.push(problem(file, number + 1, format!("`{name}` is not exported by `{module}` ({entry}): mend the example")));
                }
            }
        }
    }
    problems
}

/// `import { a, type B } from 'module'` on one line.
fn example_import(line: &str) -> Option<(Vec<&str>, &str)> {
    let (names, rest) = line.trim().strip_prefix("import {")?.split_once('}')?;
    let module = rest.trim().strip_prefix("from ")?.trim_end_matches(';').trim_matches(['\'', '"']);
    let names =
        names.split(',').filter_map(|name| name.trim().trim_start_matches("type ").split(' ').next()).filter(|name| !name.is_empty());
    Some((names.collect(), module))
}

fn documents(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.extension() == "md")
}

/// Targets of `[text](target)`, `![picture](target)` and `src="target"`, with their line; fenced code is left out.
fn link_targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let line = without_inline_code(line);
        for (open, close) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
            for rest in line.split(open).skip(1) {
                if let Some((target, _)) = rest.split_once(close) {
                    found.push((number + 1, target.split(' ').next().unwrap_or("").to_owned()));
                }
            }
        }
    }
    found
}

fn without_inline_code(line: &str) -> String {
    line.split('`').enumerate().filter(|(at, _)| at % 2 == 0).map(|(_, part)| part).collect::<Vec<_>>().join("``")
}

/// `target` as seen from `document`, relative to the repository; `None` where it leads out of it.
fn resolve(document: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    if target.starts_with('/') {
        parts.clear();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::{file, told};
    use super::*;

    #[test]
    fn every_rust_file_and_every_module_of_the_package_says_what_it_is() {
        let good = [file("a.rs", "//! A.\n"), file("npm/src/a.ts", "/** A. */\n"), file("www/src/a.ts", "let a;\n")];
        assert_eq!(modules(&good), []);
        let bad = [file("a.rs", "fn a() {}\n"), file("b.rs", "\n//! B.\n"), file("npm/src/a.ts", "let a;\n")];
        assert_eq!(modules(&bad).len(), 3);
    }

    #[test]
    fn links_resolve_from_their_document_and_code_is_not_read() {
        let standing = MUST_BE.map(|path| file(path, ""));
        let mut files: Vec<File> = standing.into_iter().collect();
        files.push(file("docs/a.md", "[up](../README.md#top) [folder](../protocol/) [web](https://example.org) [here](#x) `[no](gone.md)`\n```\n[no](gone.md)\n```\n"));
        assert_eq!(links(&files), []);
        files.push(file("docs/b.md", "\n![picture](images/ward.png)\n[out](../../x)\n"));
        assert_eq!(told(&links(&files)).iter().filter(|text| text.contains("leads nowhere")).count(), 2);
        assert!(told(&links(&files))[0].starts_with("docs/b.md:2: the link to `images/ward.png`"));
    }

    #[test]
    fn a_missing_standing_document_is_told() {
        assert!(told(&links(&[])).contains(&"README.md: this document is missing".to_owned()));
    }

    #[test]
    fn examples_import_what_there_is() {
        let entry = file("npm/src/svelte/index.ts", "export { getPulsewire, type SetOptions } from './context.js';\n");
        let text = "import { getPulsewire, type SetOptions } from 'pulsewire/svelte';\nimport { x } from 'other';\nimport { getPulse } from 'pulsewire/svelte';";
        let found = told(&examples(&[entry, file("README.md", text)]));
        assert_eq!(found, ["README.md:3: `getPulse` is not exported by `pulsewire/svelte` (npm/src/svelte/index.ts): mend the example"]);
    }

    #[test]
    fn documented_commands_exist() {
        let package = file("npm/package.json", r#"{"scripts": {"build:wasm": "x"}}"#);
        let good = file("README.md", "`cargo xtask demo`, `cargo xtask help`, `npm run build:wasm`: yes. And `cargo xtask` alone.");
        assert_eq!(commands(&[good, package]), []);
        let bad = file("README.md", "first\n`cargo xtask dmeo` and `npm run gone`");
        assert_eq!(
            told(&commands(&[bad])),
            [
                "README.md:2: `cargo xtask dmeo` does not exist: the commands are those of `cargo xtask help`",
                "README.md:2: `npm run gone` does not exist: no package.json has that script"
            ]
        );
    }
}
