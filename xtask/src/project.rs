//! Where things are: the repository, cargo's target folder, the tool cache.
//!
//! The cache lies outside `target/`, so that tools which take minutes to build outlive a clean clone and `cargo clean`.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// The folders every command works with.
pub(crate) struct Project {
    /// The repository.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, which the user may have put elsewhere.
    pub(crate) target: PathBuf,
    /// Tools that are not part of the machine: `$PULSEWIRE_CACHE`, else `$XDG_CACHE_HOME/pulsewire`, else `~/.cache/pulsewire`.
    pub(crate) cache: PathBuf,
}

impl Project {
    pub(crate) fn find() -> Result<Self> {
        // Set by `cargo run` (and so by the alias `cargo xtask`); the compiled-in place serves a binary started by hand.
        let here = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here.parent().context("xtask's folder has no parent")?.to_path_buf();
        if !root.join("Cargo.lock").is_file() {
            bail!("{} is not the Pulsewire repository (no Cargo.lock there): run `cargo xtask` from a clone", root.display());
        }
        let target = target_dir(&root)?;
        Ok(Self { root, target, cache: cache_dir()? })
    }

    /// Programs installed by xtask; first on every child's PATH.
    pub(crate) fn tools_bin(&self) -> PathBuf {
        self.cache.join("tools").join("bin")
    }

    /// What xtask itself writes: stamps and the packed npm package.
    ///
    /// Always inside the repository, because the npm scripts write there whatever cargo's target folder is.
    pub(crate) fn own_target(&self) -> PathBuf {
        self.root.join("target")
    }

    pub(crate) fn relay_binary(&self) -> PathBuf {
        self.target.join("release").join(format!("pulsewire-relay{}", env::consts::EXE_SUFFIX))
    }

    pub(crate) fn www_build(&self) -> PathBuf {
        self.root.join("www").join("build")
    }

    pub(crate) fn package(&self) -> PathBuf {
        self.own_target().join("npm").join("pulsewire.tgz")
    }
}

/// Asks cargo, which alone knows its configuration files.
fn target_dir(root: &Path) -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = std::process::Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root)
        .output()
        .context("cannot run `cargo metadata`")?;
    if !output.status.success() {
        bail!("`cargo metadata` failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).context("`cargo metadata` gave something else than JSON")?;
    let target = metadata.get("target_directory").and_then(|value| value.as_str()).context("`cargo metadata` names no target_directory")?;
    Ok(PathBuf::from(target))
}

fn cache_dir() -> Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(own) = set("PULSEWIRE_CACHE") {
        return std::path::absolute(own).context("PULSEWIRE_CACHE is no usable path");
    }
    if let Some(shared) = set("XDG_CACHE_HOME") {
        return Ok(shared.join("pulsewire"));
    }
    let home = env::home_dir().context("no home directory: set PULSEWIRE_CACHE to a folder for the tools that xtask installs")?;
    Ok(home.join(".cache").join("pulsewire"))
}
