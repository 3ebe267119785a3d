//! `test --only mutations`: proof that the simulation can fail. Each mutation of `tests/mutations.toml` breaks the product on
//! purpose, in a copy of the sources, and the simulation must name a seed that catches it.
//!
//! Why source text and not a cargo feature: the product's code stays free of ways to break it. The price: a text that is not found
//! exactly once fails the suite, so that a mutation whose place has moved on is mended and not skipped.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::project::Project;
use crate::sh::Sh;
use crate::table::Closing;

const TABLE: &str = "tests/mutations.toml";
/// Only those with this in their names.
const ONLY: &str = "PULSEWIRE_MUTATION";
/// What a cargo workspace needs of the repository.
const COPIED: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    ".cargo",
    "clippy.toml",
    "rust-toolchain.toml",
    "protocol",
    "client-core",
    "client-wasm",
    "server",
    "tests",
];
/// Schedules that each mutation has to survive, unless it says how many: none does.
const SCHEDULES: i64 = 1_000;

struct Mutation {
    name: String,
    /// What is rarely to be seen needs more of them.
    schedules: i64,
    edits: Vec<Edit>,
}

struct Edit {
    file: String,
    find: String,
    replace: String,
}

pub(crate) fn run(project: &Project, closing: &mut Closing) -> Result<()> {
    let mut mutations = read(&fs::read_to_string(project.root.join(TABLE)).with_context(|| format!("cannot read {TABLE}"))?)?;
    if let Ok(part) = env::var(ONLY) {
        mutations.retain(|mutation| mutation.name.contains(&part));
        ensure!(!mutations.is_empty(), "{ONLY}={part}: no mutation of {TABLE} has that in its name");
    }
    let copy = project.own_target().join("xtask").join("mutant");
    let files = tracked(project)?;
    let mut survivors = Vec::new();
    for mutation in &mutations {
        refresh(project, &copy, &files)?;
        for edit in &mutation.edits {
            apply(&copy, &mutation.name, edit)?;
        }
        match caught_by(project, &copy, mutation.schedules)? {
            Some(caught) => closing.say(format!("caught: {}: {caught}", mutation.name)),
            None => {
                println!("NOT caught: {}", mutation.name);
                survivors.push(mutation.name.as_str());
            }
        }
    }
    if !survivors.is_empty() {
        bail!("the simulation did not notice these: {}", survivors.join("; "));
    }
    closing.say(format!("mutations: {} passed, 0 failed", mutations.len()));
    Ok(())
}

fn read(text: &str) -> Result<Vec<Mutation>> {
    let table: toml::Table = text.parse().with_context(|| format!("{TABLE} is no TOML"))?;
    let list = table.get("mutation").and_then(toml::Value::as_array).with_context(|| format!("{TABLE} has no [[mutation]]"))?;
    let string = |value: &toml::Value, key: &str| {
        value.get(key).and_then(toml::Value::as_str).map(str::to_owned).with_context(|| format!("{TABLE}: an entry lacks `{key}`"))
    };
    list.iter()
        .map(|entry| {
            let edits = entry.get("edit").and_then(toml::Value::as_array).with_context(|| format!("{TABLE}: a mutation has no `edit`"))?;
            let edit = |edit| Ok(Edit { file: string(edit, "file")?, find: string(edit, "find")?, replace: string(edit, "replace")? });
            let schedules = entry.get("schedules").and_then(toml::Value::as_integer).unwrap_or(SCHEDULES);
            Ok(Mutation { name: string(entry, "name")?, schedules, edits: edits.iter().map(edit).collect::<Result<_>>()? })
        })
        .collect()
}

fn tracked(project: &Project) -> Result<Vec<PathBuf>> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"];
    let output = Command::new("git").args(list).args(COPIED).current_dir(&project.root).output().context("cannot run git")?;
    if !output.status.success() {
        bail!("`git ls-files` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let names = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    Ok(names.split('\0').filter(|name| !name.is_empty() && !name.contains("node_modules")).map(PathBuf::from).collect())
}

/// Makes the copy like the original. What is alike already is left alone, so that cargo need not build it again.
fn refresh(project: &Project, copy: &Path, files: &[PathBuf]) -> Result<()> {
    for file in files {
        let (from, to) = (project.root.join(file), copy.join(file));
        // Deleted and not yet committed.
        let Ok(mut content) = fs::read(&from) else { continue };
        if file == Path::new("Cargo.toml") {
            // What builds the copy is no part of it.
            content = String::from_utf8_lossy(&content).replace(", \"xtask\"]", "]").into_bytes();
        }
        if fs::read(&to).is_ok_and(|known| known == content) {
            continue;
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&to, content).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

fn apply(copy: &Path, name: &str, edit: &Edit) -> Result<()> {
    let path = copy.join(&edit.file);
    let text = fs::read_to_string(&path).with_context(|| format!("{name}: cannot read {}", edit.file))?;
    let found = text.matches(&edit.find).count();
    if found != 1 {
        bail!("{name}: {} holds {found} times, not once:\n{}\nMend {TABLE}: the source has moved on.", edit.file, edit.find);
    }
    fs::write(&path, text.replacen(&edit.find, &edit.replace, 1)).with_context(|| format!("cannot write {}", path.display()))
}

/// The first seed that fails, and why; nothing where none does.
fn caught_by(project: &Project, copy: &Path, schedules: i64) -> Result<Option<String>> {
    let sh = Sh::cargo(project).in_folder(copy).args(["test", "--package", "pulsewire-tests", "--test", "sim", "--", "--nocapture"]);
    let sh = sh.env("CARGO_TARGET_DIR", &project.target).env("PULSEWIRE_SIM_SEEDS", schedules.to_string()).env("RUST_BACKTRACE", "0");
    let (mut why, mut caught, mut compiled) = (None, None, true);
    let mut after_panic = false;
    let ended = sh.run_watched(|line| {
        compiled &= !line.starts_with("error: could not compile");
        if after_panic && why.is_none() {
            why = Some(line.to_owned());
        }
        after_panic = line.contains(" panicked at ");
        if let Some(seed) = line.split("PULSEWIRE_SIM_SEED=").nth(1).filter(|_| caught.is_none()) {
            let seed = seed.split(' ').next().unwrap_or_default();
            caught = Some(format!("seed {seed}: {}", why.take().unwrap_or_default()));
        }
    });
    if !compiled {
        bail!("a mutation does not compile: see above");
    }
    Ok(if ended.is_err() { caught } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_finds_its_place_in_the_sources_of_today() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mutations = read(&fs::read_to_string(root.join(TABLE)).unwrap()).unwrap();
        assert!(mutations.len() >= 8);
        for mutation in mutations {
            for edit in mutation.edits {
                let text = fs::read_to_string(root.join(&edit.file)).unwrap();
                assert_eq!(text.matches(&edit.find).count(), 1, "{}: {} in {}", mutation.name, edit.find, edit.file);
                assert_ne!(edit.find, edit.replace);
            }
        }
    }
}
