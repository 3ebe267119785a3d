//! The four things that are built, in the order in which they stand on each other: wasm → npm → www, and the relay.
//!
//! Each but the relay carries a stamp of its inputs; the relay is cargo's own business, which knows what is fresh.

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::project::Project;
use crate::sh::Sh;
use crate::stamp::Stamp;
use crate::tools;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The WebAssembly client with its glue
    Wasm,
    /// The npm package, packed
    Npm,
    /// The demo page, from the packed package
    Www,
    /// The relay, optimised
    Relay,
    All,
}

/// All that reaches the browser as WASM.
const WASM_INPUTS: [&str; 13] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    ".cargo/config.toml",
    "protocol/Cargo.toml",
    "protocol/src",
    "client-core/Cargo.toml",
    "client-core/src",
    "client-wasm/Cargo.toml",
    "client-wasm/src",
    "npm/package.json",
    "npm/package-lock.json",
    "npm/scripts",
];

pub(crate) fn run(project: &Project, part: Part) -> Result<()> {
    match part {
        Part::Wasm => wasm(project),
        Part::Npm => npm(project),
        Part::Www => www(project),
        Part::Relay => relay(project),
        Part::All => {
            www(project)?;
            relay(project)
        }
    }
}

pub(crate) fn wasm(project: &Project) -> Result<()> {
    let stamp = Stamp::read(&tools::stamps(project), "wasm", &project.root, &WASM_INPUTS)?;
    if stamp.holds(&[project.root.join("npm").join("wasm")]) {
        println!("wasm: up to date");
        return Ok(());
    }
    tools::wasm_target(project)?;
    tools::wasm_bindgen(project)?;
    tools::npm_packages(project, "npm")?;
    Sh::npm(project, "npm").args(["run", "build:wasm"]).run()?;
    stamp.write()
}

pub(crate) fn npm(project: &Project) -> Result<()> {
    wasm(project)?;
    tools::npm_packages(project, "npm")?;
    let inputs: Vec<&str> = WASM_INPUTS.into_iter().chain(["npm/*", "npm/src"]).collect();
    let stamp = Stamp::read(&tools::stamps(project), "npm", &project.root, &inputs)?;
    if stamp.holds(&[project.root.join("npm").join("dist"), project.package()]) {
        println!("npm: up to date");
        return Ok(());
    }
    Sh::npm(project, "npm").args(["run", "build"]).run()?;
    Sh::npm(project, "npm").args(["run", "pack"]).run()?;
    if !project.package().is_file() {
        bail!("`npm run pack` has ended well but left no {}", project.package().display());
    }
    stamp.write()
}

pub(crate) fn www(project: &Project) -> Result<()> {
    npm(project)?;
    tools::npm_packages(project, "www")?;
    let inputs = ["target/npm/pulsewire.tgz", "www/*", "www/src", "www/static", "www/public"];
    let stamp = Stamp::read(&tools::stamps(project), "www", &project.root, &inputs)?;
    if stamp.holds(&[project.www_build().join("index.html")]) {
        println!("www: up to date");
        return Ok(());
    }
    // Not in www's lock file: the package is ours, newly packed, and its hash changes with every build.
    Sh::npm(project, "www").args(["install", "--no-save", "--no-package-lock", "--no-progress", "../target/npm/pulsewire.tgz"]).run()?;
    Sh::npm(project, "www").args(["run", "build"]).run()?;
    let index = project.www_build().join("index.html");
    index.is_file().then_some(()).with_context(|| format!("`npm run build` has ended well but left no {}", index.display()))?;
    stamp.write()
}

pub(crate) fn relay(project: &Project) -> Result<()> {
    Sh::cargo(project).args(["build", "--release", "--package", "pulsewire-relay"]).run()
}
