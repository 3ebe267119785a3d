//! What the project needs of a machine: found where it is there, installed where that can be done, else asked for clearly.
//!
//! Versions of our own tools are pinned here or in Cargo.lock, and a tool of another version is taken as missing.
//! Trap: the lock file that `wasm-bindgen-cli` ships does not resolve everywhere, so that one is installed without `--locked`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::project::Project;
use crate::sh::Sh;
use crate::stamp::Stamp;

const WASM_TARGET: &str = "wasm32-unknown-unknown";
const WASM_PACK: &str = "0.15.1";
const NEXTEST: &str = "0.9.143";
const CARGO_DENY: &str = "0.20.2";
const CARGO_FUZZ: &str = "0.13.2";
/// What Vite asks for.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// The compiler's standard library for WASM.
pub(crate) fn wasm_target(project: &Project) -> Result<()> {
    let there = || {
        Sh::new(project, "rustc")
            .args(["--print", "target-libdir", "--target", WASM_TARGET])
            .ask()
            .is_some_and(|folder| Path::new(&folder).is_dir())
    };
    if there() {
        return Ok(());
    }
    println!("The compiler lacks the target {WASM_TARGET}: adding it.");
    let added = Sh::new(project, "rustup").args(["target", "add", WASM_TARGET]).run();
    if there() {
        return Ok(());
    }
    let hint = "install it with `rustup target add wasm32-unknown-unknown`, or from your system's packages";
    added.with_context(|| format!("no {WASM_TARGET}: {hint}"))?;
    bail!("rustup has added {WASM_TARGET}, but not for the rustc that is first on PATH: {hint}")
}

/// `wasm-bindgen` and its test runner, of exactly the version of the crate: their data formats must agree.
pub(crate) fn wasm_bindgen(project: &Project) -> Result<()> {
    let version = locked_version(&fs::read_to_string(project.root.join("Cargo.lock")).context("cannot read Cargo.lock")?, "wasm-bindgen")?;
    let wanted = format!("wasm-bindgen {version}");
    let there = || {
        let ask = |program: &str| Sh::new(project, program).arg("--version").ask();
        // The runner answers `--version` under its own name; both come from one package, so its presence is enough.
        ask("wasm-bindgen").is_some_and(|found| found == wanted) && on_path(project, "wasm-bindgen-test-runner").is_some()
    };
    if there() {
        return Ok(());
    }
    cargo_install(project, "wasm-bindgen-cli", &version, false)?;
    if there() {
        return Ok(());
    }
    bail!("wasm-bindgen {version} was installed to {} but another version answers", project.tools_bin().display())
}

/// `wasm-pack`, which runs the browser tests of the WASM crate.
pub(crate) fn wasm_pack(project: &Project) -> Result<()> {
    let there = || Sh::new(project, "wasm-pack").arg("--version").ask().is_some_and(|found| found == format!("wasm-pack {WASM_PACK}"));
    if there() { Ok(()) } else { cargo_install(project, "wasm-pack", WASM_PACK, true) }
}

/// Whether `cargo nextest` can be had. Any version serves; where none can be installed, `cargo test` runs the same tests.
pub(crate) fn nextest(project: &Project) -> bool {
    let there = || Sh::cargo(project).args(["nextest", "--version"]).ask().is_some();
    if there() {
        return true;
    }
    if let Err(error) = cargo_install(project, "cargo-nextest", NEXTEST, true) {
        println!("cargo-nextest cannot be installed ({error:#}): going on with `cargo test`.");
    }
    there()
}

/// `cargo deny`, which takes minutes to build: only for `--all`.
pub(crate) fn cargo_deny(project: &Project) -> Result<()> {
    if Sh::cargo(project).args(["deny", "--version"]).ask().is_some() {
        return Ok(());
    }
    cargo_install(project, "cargo-deny", CARGO_DENY, true)
}

/// `cargo fuzz`, which builds the fuzz targets: only for `--all`.
pub(crate) fn cargo_fuzz(project: &Project) -> Result<()> {
    if Sh::cargo(project).args(["fuzz", "--version"]).ask().is_some() {
        return Ok(());
    }
    cargo_install(project, "cargo-fuzz", CARGO_FUZZ, true)
}

pub(crate) fn cargo_install(project: &Project, package: &str, version: &str, locked: bool) -> Result<()> {
    println!("Installing {package} {version} into {} (once; takes a minute or two).", project.tools_bin().display());
    let install = Sh::cargo(project).args(["install", package, "--version", version, "--force", "--root"]).arg(project.cache.join("tools"));
    let install = if locked { install.arg("--locked") } else { install };
    // Its build shall not fill the project's target folder.
    let scratch = project.cache.join("build");
    install.env("CARGO_TARGET_DIR", &scratch).run().with_context(|| format!("cannot install {package} {version}"))?;
    // Hundreds of megabytes that nobody needs again; if they cannot be removed nothing is wrong.
    let _ = fs::remove_dir_all(&scratch);
    Ok(())
}

/// Node and npm, which we do not install.
pub(crate) fn node(project: &Project) -> Result<()> {
    let ask = "install Node.js 20.19 or newer with npm (from your system's packages or its own site) and run this again";
    let found = Sh::new(project, "node").arg("--version").ask().with_context(|| format!("no `node` on PATH: {ask}"))?;
    if node_version(&found).is_none_or(|version| version < OLDEST_NODE) {
        bail!("node is {found}, which is too old: {ask}");
    }
    if on_path(project, if cfg!(windows) { "npm.cmd" } else { "npm" }).is_none() {
        bail!("no `npm` on PATH: {ask}");
    }
    Ok(())
}

/// Major and minor of `v20.19.4`.
fn node_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().trim_start_matches('v').split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// The packages of one npm folder, by its lock file; nothing to do where they are there.
pub(crate) fn npm_packages(project: &Project, folder: &str) -> Result<()> {
    node(project)?;
    let lock = project.root.join(folder).join("package-lock.json");
    if !lock.is_file() {
        bail!("{} is missing: run `npm install` in {folder}/ once and commit it", lock.display());
    }
    let inputs = [format!("{folder}/package.json"), format!("{folder}/package-lock.json")];
    let name = format!("npm-ci-{}", folder.replace('/', "-"));
    let stamp = Stamp::read(&stamps(project), &name, &project.root, &inputs.each_ref().map(String::as_str))?;
    if stamp.holds(&[project.root.join(folder).join("node_modules").join(".package-lock.json")]) {
        return Ok(());
    }
    Sh::npm(project, folder).args(["ci", "--no-progress"]).run()?;
    stamp.write()
}

/// A Python with the packages of a requirements file, in an environment of its own under `target/`; gives the interpreter.
pub(crate) fn python_venv(project: &Project, name: &str, requirements: &str) -> Result<String> {
    let folder = project.own_target().join(name);
    let python = folder.join(if cfg!(windows) { "Scripts" } else { "bin" }).join("python");
    let stamp = Stamp::read(&stamps(project), &format!("venv-{name}"), &project.root, &[requirements])?;
    if !stamp.holds(std::slice::from_ref(&python)) {
        let hint = "install Python 3.10 or newer with its venv module (Debian: `apt-get install python3 python3-venv`)";
        Sh::new(project, "python3").args(["-m", "venv", "--clear"]).arg(&folder).run().context(hint)?;
        let pip = Sh::new(project, &python.to_string_lossy()).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        pip.args(["--requirement", requirements]).run()?;
        stamp.write()?;
    }
    Ok(python.to_string_lossy().into_owned())
}

/// Where stamps lie: inside the target folder, so that a clean start is a real one.
pub(crate) fn stamps(project: &Project) -> PathBuf {
    project.own_target().join("xtask")
}

/// The Redis that tests of many relays start for themselves.
pub(crate) fn redis(project: &Project) -> Result<()> {
    const PROGRAM: &str = "redis-server";
    if on_path(project, PROGRAM).is_some() {
        return Ok(());
    }
    let Some(apt) = may_apt(project) else {
        bail!("no {PROGRAM} on PATH, and no way to install it here: install Redis 7 or newer (Debian: `apt-get install {PROGRAM}`)");
    };
    println!("No {PROGRAM} here: installing it from the system's packages.");
    apt_install(project, &apt, &[PROGRAM])?;
    on_path(project, PROGRAM).map(drop).with_context(|| format!("{PROGRAM} is installed, but not found on PATH"))
}

pub(crate) fn from_env(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

pub(crate) fn apt_install(project: &Project, apt: &Apt, packages: &[&str]) -> Result<()> {
    let apt_get = || {
        // sudo lets no variables through, so they go in behind it.
        let quiet = ["DEBIAN_FRONTEND=noninteractive", "apt-get"];
        match apt {
            Apt::AsRoot => Sh::new(project, "env").args(quiet),
            Apt::BySudo => Sh::new(project, "sudo").args(["-n", "env"]).args(quiet),
        }
    };
    apt_get().args(["update", "-qq"]).run()?;
    apt_get().args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages.iter().copied()).run()
}

/// How apt-get may be called here.
pub(crate) enum Apt {
    AsRoot,
    /// Without a password: nobody may be there to type one.
    BySudo,
}

pub(crate) fn may_apt(project: &Project) -> Option<Apt> {
    on_path(project, "apt-get")?;
    if Sh::new(project, "id").arg("-u").ask().is_some_and(|id| id == "0") {
        return Some(Apt::AsRoot);
    }
    Sh::new(project, "sudo").args(["-n", "true"]).ask().map(|_| Apt::BySudo)
}

/// The program's place on the children's PATH.
pub(crate) fn on_path(project: &Project, program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let file = format!("{program}{}", if Path::new(program).extension().is_some() { "" } else { env::consts::EXE_SUFFIX });
    std::iter::once(project.tools_bin()).chain(env::split_paths(&path)).map(|folder| folder.join(&file)).find(|found| found.is_file())
}

/// The version of `package` in a Cargo.lock.
pub(crate) fn locked_version(lock: &str, package: &str) -> Result<String> {
    let lock: toml::Table = lock.parse().context("Cargo.lock is no TOML")?;
    let packages = lock.get("package").and_then(toml::Value::as_array).context("Cargo.lock lists no packages")?;
    let text = |entry: &toml::Value, key: &str| entry.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let versions: Vec<String> = packages
        .iter()
        .filter(|entry| text(entry, "name").as_deref() == Some(package))
        .filter_map(|entry| text(entry, "version"))
        .collect();
    match versions.as_slice() {
        [version] => Ok(version.clone()),
        [] => bail!("Cargo.lock does not hold {package}: nothing in the workspace depends on it"),
        more => bail!("Cargo.lock holds {package} {} times ({}): make its dependents agree on one version", more.len(), more.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_compare_as_numbers() {
        assert_eq!(node_version("v20.9.1\n"), Some((20, 9)));
        assert!(node_version("v20.9.1").unwrap() < OLDEST_NODE && node_version("v22.0.0").unwrap() > OLDEST_NODE);
        assert_eq!(node_version("latest"), None);
    }

    #[test]
    fn the_locked_version_is_read_and_two_of_them_are_refused() {
        let one = "version = 4\n[[package]]\nname = \"a\"\nversion = \"0.2.1\"\n[[package]]\nname = \"b\"\nversion = \"1.0.0\"\n";
        assert_eq!(locked_version(one, "a").unwrap(), "0.2.1");
        assert!(locked_version(one, "c").unwrap_err().to_string().contains("does not hold c"));
        let two = format!("{one}[[package]]\nname = \"a\"\nversion = \"0.3.0\"\n");
        assert!(locked_version(&two, "a").unwrap_err().to_string().contains("2 times (0.2.1, 0.3.0)"));
    }
}
