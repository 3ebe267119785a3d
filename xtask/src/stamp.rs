//! Stamps: a step runs again only where one of its inputs has changed or its output is gone.
//!
//! By content, not by time: git writes new times at every checkout. The hash is std's SipHash with fixed keys: it guards
//! against forgetting, not against an adversary, and where a newer compiler changes it the price is one rebuild.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::Hasher as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Never inputs: what tools write beside the sources.
const SKIPPED: [&str; 3] = ["node_modules", "dist", ".svelte-kit"];

/// The state of a step's inputs.
pub(crate) struct Stamp {
    file: PathBuf,
    now: String,
}

impl Stamp {
    /// Reads the inputs of the step `name`: files, folders as a whole, or `folder/*` for just the files right inside it.
    ///
    /// A missing input counts as empty: the step itself will say what it lacks.
    pub(crate) fn read(folder: &Path, name: &str, root: &Path, inputs: &[&str]) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        for input in inputs {
            match input.strip_suffix("/*") {
                Some(flat) => hash_folder(&root.join(flat), false, &mut hasher)?,
                None => hash_path(&root.join(input), &mut hasher)?,
            }
        }
        Ok(Self { file: folder.join(format!("{name}.stamp")), now: format!("{:016x}", hasher.finish()) })
    }

    /// Whether the step last ended well with these inputs and its outputs are still there.
    pub(crate) fn holds(&self, outputs: &[PathBuf]) -> bool {
        outputs.iter().all(|output| output.exists()) && fs::read_to_string(&self.file).is_ok_and(|then| then == self.now)
    }

    /// To be called once the step has ended well.
    pub(crate) fn write(&self) -> Result<()> {
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&self.file, &self.now).with_context(|| format!("cannot write {}", self.file.display()))
    }
}

fn hash_path(path: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    let Ok(kind) = fs::metadata(path) else { return Ok(()) };
    if kind.is_dir() {
        return hash_folder(path, true, hasher);
    }
    let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    hasher.write(path.as_os_str().as_encoded_bytes());
    hasher.write_usize(content.len());
    hasher.write(&content);
    Ok(())
}

fn hash_folder(folder: &Path, deep: bool, hasher: &mut DefaultHasher) -> Result<()> {
    let Ok(listing) = fs::read_dir(folder) else { return Ok(()) };
    let mut inside: Vec<PathBuf> = listing
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()
        .with_context(|| format!("cannot list {}", folder.display()))?;
    inside.sort();
    for entry in inside {
        let skipped = entry.file_name().is_some_and(|name| SKIPPED.iter().any(|skip| name == *skip));
        if !skipped && (deep || entry.is_file()) {
            hash_path(&entry, hasher)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(root: &Path) -> Stamp {
        Stamp::read(&root.join("stamps"), "step", root, &["src", "one.txt", "flat/*", "absent"]).unwrap()
    }

    #[test]
    fn a_step_is_done_again_only_when_an_input_changed_or_the_output_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("src/deep")).unwrap();
        fs::create_dir_all(root.join("src/node_modules")).unwrap();
        fs::write(root.join("src/deep/a.rs"), "a").unwrap();
        fs::create_dir_all(root.join("flat/below")).unwrap();
        fs::write(root.join("one.txt"), "one").unwrap();
        let output = root.join("out");
        assert!(!read(root).holds(&[]), "no stamp yet");

        fs::write(&output, "").unwrap();
        read(root).write().unwrap();
        assert!(read(root).holds(std::slice::from_ref(&output)));

        fs::write(root.join("src/node_modules/tool.js"), "noise").unwrap();
        fs::write(root.join("flat/below/other.rs"), "noise").unwrap();
        assert!(read(root).holds(std::slice::from_ref(&output)), "neither what tools write nor what lies below a flat folder");

        fs::write(root.join("flat/package.json"), "{}").unwrap();
        assert!(!read(root).holds(std::slice::from_ref(&output)), "a new file in a flat folder");
        read(root).write().unwrap();

        fs::write(root.join("src/deep/a.rs"), "b").unwrap();
        assert!(!read(root).holds(std::slice::from_ref(&output)), "a changed input");
        read(root).write().unwrap();
        fs::rename(root.join("src/deep/a.rs"), root.join("src/deep/b.rs")).unwrap();
        assert!(!read(root).holds(std::slice::from_ref(&output)), "a renamed input");

        read(root).write().unwrap();
        fs::remove_file(&output).unwrap();
        assert!(!read(root).holds(&[output]), "the output is gone");
    }
}
