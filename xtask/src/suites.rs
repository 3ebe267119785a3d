//! `test`: all suites of the project in the order of their price, so that cheap mistakes are told first.
//!
//! A suite is never skipped in silence: what is missing is installed or the suite fails. Rust is compiled three times at
//! most: checked (clippy), for tests (dev), and the relay optimised, the same binary that `demo` starts.

use std::env;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::browsers;
use crate::build;
use crate::mutations;
use crate::project::Project;
use crate::sh::Sh;
use crate::table::{self, Closing, Row, Verdict};
use crate::tidy;
use crate::tools;

/// Which suites, and whether to go on after a failure.
pub(crate) struct Choice {
    pub(crate) all: bool,
    pub(crate) only: Vec<String>,
    pub(crate) keep_going: bool,
}

struct Suite {
    name: &'static str,
    about: &'static str,
    /// Dear, or in need of more than a usual machine: only with `--all` or by name.
    dear: bool,
    run: fn(&Project, &mut Closing) -> Result<()>,
}

const SUITES: &[Suite] = &[
    Suite { name: "fmt", about: "rustfmt has nothing to change", dear: false, run: fmt },
    Suite { name: "tidy", about: "file length, module docs, import direction, links, versions", dear: false, run: tidy_suite },
    Suite { name: "clippy", about: "no warning in the workspace, tests and benches included", dear: false, run: clippy },
    Suite { name: "clippy-wasm", about: "no warning in client-wasm for its own target", dear: false, run: clippy_wasm },
    Suite { name: "rust", about: "unit, property, simulation and relay tests, natively", dear: false, run: rust },
    Suite { name: "thin", about: "the relay without its optional parts: no warning, and its own tests", dear: false, run: thin },
    Suite { name: "doc", about: "the examples in the documentation", dear: false, run: doc },
    Suite { name: "wasm", about: "client-wasm in headless Chromium", dear: false, run: wasm },
    Suite { name: "npm", about: "façade, stores, hooks and elements: lint, types and tests", dear: false, run: npm },
    Suite { name: "size", about: "what a page downloads, against the budget", dear: false, run: size },
    Suite { name: "packaging", about: "the packed tarball in Vite and in Node", dear: false, run: packaging },
    Suite { name: "www", about: "the demo page: types and build from the tarball", dear: false, run: www },
    Suite { name: "interop", about: "Python clients that know nothing but PROTOCOL.md", dear: false, run: interop },
    Suite {
        name: "api-fuzz",
        about: "requests made from the relay's own OpenAPI document: no 5xx, nothing undocumented",
        dear: false,
        run: api_fuzz,
    },
    Suite { name: "asyncapi", about: "docs/asyncapi.json by the official parser", dear: false, run: asyncapi },
    Suite { name: "e2e", about: "relay and demo page in Chromium, end to end", dear: false, run: e2e },
    Suite { name: "sim", about: "the simulation at large: 50,000 schedules, or as many as PULSEWIRE_SIM_SEEDS says", dear: true, run: sim },
    Suite { name: "mutations", about: "the simulation catches what is broken on purpose", dear: true, run: mutations::run },
    Suite { name: "faults", about: "the fault proxy's tests at full length: a whole minute of drops", dear: true, run: faults },
    Suite { name: "wasm-firefox", about: "client-wasm in headless Firefox", dear: true, run: wasm_firefox },
    Suite { name: "wasm-webkit", about: "client-wasm in WebKitGTK, as near to Safari as Linux comes", dear: true, run: wasm_webkit },
    Suite { name: "e2e-firefox", about: "the end-to-end suite's core cases in Firefox", dear: true, run: e2e_firefox },
    Suite {
        name: "packaging-matrix",
        about: "npm/examples from the packed tarball: Node, plain, webpack, Vite, Next (both bundlers), SvelteKit",
        dear: true,
        run: packaging_matrix,
    },
    Suite {
        name: "many",
        about: "three relays on one Redis at full length: 300 clients, Redis held up for 20 s (a short one is part of `rust`)",
        dear: true,
        run: many,
    },
    Suite { name: "fuzz", about: "each fuzz target for a short while, from its seeds and the golden vectors", dear: true, run: fuzz },
    Suite { name: "soak", about: "2,000 visitors for PULSEWIRE_SOAK_MINUTES (30): nothing of them is left", dear: true, run: soak },
    Suite { name: "deny", about: "licences, bans, duplicates and sources of all dependencies", dear: true, run: deny },
];

pub(crate) fn list() {
    for suite in SUITES {
        println!("{:16} {}{}", suite.name, suite.about, if suite.dear { " (only with --all or by name)" } else { "" });
    }
}

pub(crate) fn run(project: &Project, choice: &Choice) -> Result<ExitCode> {
    let chosen = choose(choice)?;
    let mut rows = Vec::new();
    let mut failed = 0_usize;
    for suite in chosen {
        if failed > 0 && !choice.keep_going {
            rows.push(Row { suite: suite.name, verdict: Verdict::NotRun, took: Duration::ZERO, closing: Closing::default() });
            continue;
        }
        heading(&format!("{}: {}", suite.name, suite.about));
        let start = Instant::now();
        let mut closing = Closing::default();
        let verdict = match (suite.run)(project, &mut closing) {
            Ok(()) => Verdict::Passed,
            Err(error) => {
                failed += 1;
                println!("{} FAILED: {error:#}", suite.name);
                Verdict::Failed
            }
        };
        rows.push(Row { suite: suite.name, verdict, took: start.elapsed(), closing });
    }
    let passed = rows.iter().filter(|row| row.verdict == Verdict::Passed).count();
    let not_run = rows.len() - passed - failed;
    println!("\n{}", table::render(&rows));
    println!("suites: {passed} passed, {failed} failed{}", if not_run > 0 { format!(", {not_run} skipped") } else { String::new() });
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn choose(choice: &Choice) -> Result<Vec<&'static Suite>> {
    if choice.only.is_empty() {
        return Ok(SUITES.iter().filter(|suite| choice.all || !suite.dear).collect());
    }
    for name in &choice.only {
        if !SUITES.iter().any(|suite| suite.name == name) {
            let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
            bail!("there is no suite `{name}`; the suites are {}", known.join(", "));
        }
    }
    Ok(SUITES.iter().filter(|suite| choice.only.iter().any(|name| name == suite.name)).collect())
}

fn heading(text: &str) {
    println!("\n== {text}");
}

/// Runs a program whose output holds the suite's closing line.
fn watched(sh: Sh, closing: &mut Closing) -> Result<()> {
    sh.run_watched(|line| closing.watch(line))
}

fn fmt(project: &Project, closing: &mut Closing) -> Result<()> {
    Sh::cargo(project).args(["fmt", "--all", "--check"]).run().context("mend it with `cargo fmt --all`")?;
    closing.say("fmt: nothing to change");
    Ok(())
}

fn tidy_suite(project: &Project, closing: &mut Closing) -> Result<()> {
    closing.say(tidy::check(project)?);
    Ok(())
}

fn clippy(project: &Project, closing: &mut Closing) -> Result<()> {
    Sh::cargo(project).args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()?;
    closing.say("clippy: no warning");
    Ok(())
}

fn clippy_wasm(project: &Project, closing: &mut Closing) -> Result<()> {
    tools::wasm_target(project)?;
    let package = ["clippy", "--package", "pulsewire-client-wasm", "--target", "wasm32-unknown-unknown", "--all-targets"];
    Sh::cargo(project).args(package).args(["--", "-D", "warnings"]).run()?;
    closing.say("clippy-wasm: no warning");
    Ok(())
}

fn rust(project: &Project, closing: &mut Closing) -> Result<()> {
    tools::redis(project)?;
    if tools::nextest(project) {
        let profile = if env::var_os("CI").is_some() { "ci" } else { "default" };
        watched(Sh::cargo(project).args(["nextest", "run", "--workspace", "--profile", profile]), closing)
    } else {
        watched(Sh::cargo(project).args(["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"]), closing)
    }
}

fn thin(project: &Project, closing: &mut Closing) -> Result<()> {
    tools::redis(project)?;
    let relay = ["--package", "pulsewire-relay", "--no-default-features"];
    Sh::cargo(project).arg("clippy").args(relay).args(["--all-targets", "--", "-D", "warnings"]).run()?;
    if tools::nextest(project) {
        let profile = if env::var_os("CI").is_some() { "ci" } else { "default" };
        watched(Sh::cargo(project).args(["nextest", "run"]).args(relay).args(["--profile", profile]), closing)
    } else {
        watched(Sh::cargo(project).arg("test").args(relay).args(["--lib", "--bins", "--tests", "--no-fail-fast"]), closing)
    }
}

fn doc(project: &Project, closing: &mut Closing) -> Result<()> {
    watched(Sh::cargo(project).args(["test", "--workspace", "--doc"]), closing)
}

fn wasm(project: &Project, closing: &mut Closing) -> Result<()> {
    let run = wasm_in(project, "wasm-pack", &[])?;
    watched(run.args(["--chrome", "--chromedriver"]).arg(browsers::chromium(project)?.chromedriver).arg(WASM_CRATE), closing)
}

fn wasm_firefox(project: &Project, closing: &mut Closing) -> Result<()> {
    // The driver finds it on PATH.
    browsers::firefox(project)?;
    let run = wasm_in(project, "wasm-pack", &[])?;
    watched(run.args(["--firefox", "--geckodriver"]).arg(browsers::geckodriver(project)?).arg(WASM_CRATE), closing)
}

fn wasm_webkit(project: &Project, closing: &mut Closing) -> Result<()> {
    let webkit = browsers::webkit(project)?;
    // It speaks WebDriver as Safari does, and draws on a display.
    let run = wasm_in(project, &webkit.xvfb_run.to_string_lossy(), &["-a", "wasm-pack"])?;
    watched(run.args(["--safari", "--safaridriver"]).arg(webkit.driver).arg(WASM_CRATE), closing)
}

/// What wasm-pack tests. It takes its own arguments from before this, and hands on what stands behind it.
const WASM_CRATE: &str = "client-wasm";

/// The browser tests of client-wasm, but for the browser and the crate.
fn wasm_in(project: &Project, program: &str, args: &[&str]) -> Result<Sh> {
    tools::wasm_target(project)?;
    tools::wasm_bindgen(project)?;
    tools::wasm_pack(project)?;
    Ok(Sh::new(project, program).args(args.iter().copied()).args(["test", "--headless", "--mode", "no-install"]))
}

fn npm(project: &Project, closing: &mut Closing) -> Result<()> {
    build::npm(project)?;
    watched(Sh::npm(project, "npm").args(["run", "check"]), closing)?;
    // The API reference is written anew by whoever wants it: here it is seen that it can be, and that no link in it is broken.
    watched(Sh::npm(project, "npm").args(["run", "docs"]), closing)?;
    watched(Sh::npm(project, "npm").args(["test"]), closing)
}

fn size(project: &Project, closing: &mut Closing) -> Result<()> {
    build::npm(project)?;
    watched(Sh::npm(project, "npm").args(["run", "size"]), closing)
}

fn packaging(project: &Project, closing: &mut Closing) -> Result<()> {
    build::npm(project)?;
    let browser = browsers::chromium(project)?;
    watched(Sh::npm(project, "npm").args(["run", "test:packaging"]).env("PULSEWIRE_CHROMIUM", browser.chromium), closing)
}

fn packaging_matrix(project: &Project, closing: &mut Closing) -> Result<()> {
    build::npm(project)?;
    build::relay(project)?;
    let browser = browsers::chromium(project)?;
    tools::npm_packages(project, "tests/e2e")?;
    let npm = Sh::npm(project, "tests/e2e").args(["run", "test:matrix"]).env("PULSEWIRE_CHROMIUM", browser.chromium);
    // What the examples need of npm's registry is kept where the tools are.
    let npm = npm.env("PULSEWIRE_CACHE", &project.cache).env("PULSEWIRE_PACKAGE", project.package());
    watched(npm.env("PULSEWIRE_RELAY_BIN", project.relay_binary()), closing)
}

fn www(project: &Project, closing: &mut Closing) -> Result<()> {
    build::www(project)?;
    watched(Sh::npm(project, "www").args(["run", "check"]), closing)?;
    closing.say("www: types checked, built from the packed package");
    Ok(())
}

fn interop(project: &Project, closing: &mut Closing) -> Result<()> {
    build::relay(project)?;
    let python = tools::python_venv(project, "interop", "tests/interop/requirements.txt")?;
    watched(Sh::new(project, &python).args(["tests/interop/interop.py", "--relay-bin"]).arg(project.relay_binary()), closing)
}

fn api_fuzz(project: &Project, closing: &mut Closing) -> Result<()> {
    build::relay(project)?;
    let python = tools::python_venv(project, "api-fuzz", "tests/api-fuzz/requirements.txt")?;
    watched(Sh::new(project, &python).args(["tests/api-fuzz/api_fuzz.py", "--relay-bin"]).arg(project.relay_binary()), closing)
}

fn asyncapi(project: &Project, closing: &mut Closing) -> Result<()> {
    tools::npm_packages(project, "tests/asyncapi")?;
    watched(Sh::npm(project, "tests/asyncapi").args(["test"]), closing)
}

fn e2e(project: &Project, closing: &mut Closing) -> Result<()> {
    watched(end_to_end(project)?.args(["test"]), closing)
}

fn e2e_firefox(project: &Project, closing: &mut Closing) -> Result<()> {
    watched(end_to_end(project)?.args(["run", "test:firefox"]).env("PULSEWIRE_FIREFOX", browsers::firefox(project)?), closing)
}

fn faults(project: &Project, closing: &mut Closing) -> Result<()> {
    watched(end_to_end(project)?.args(["run", "test:faults"]).env("PULSEWIRE_TEST_ALL", "1"), closing)
}

/// npm in the folder of the end-to-end tests, with everything built that they need.
fn end_to_end(project: &Project) -> Result<Sh> {
    build::run(project, build::Part::All)?;
    let browser = browsers::chromium(project)?;
    tools::npm_packages(project, "tests/e2e")?;
    let npm = Sh::npm(project, "tests/e2e").env("PULSEWIRE_CHROMIUM", browser.chromium).env("PULSEWIRE_PACKAGE", project.package());
    Ok(npm.env("PULSEWIRE_RELAY_BIN", project.relay_binary()).env("PULSEWIRE_WWW_DIR", project.www_build()))
}

/// Optimised, because that is cheaper from some thousand schedules on.
fn sim(project: &Project, closing: &mut Closing) -> Result<()> {
    let seeds = env::var("PULSEWIRE_SIM_SEEDS").unwrap_or_else(|_| "50000".to_owned());
    let test = ["test", "--release", "--package", "pulsewire-tests", "--test", "sim", "--", "--nocapture"];
    watched(Sh::cargo(project).args(test).env("PULSEWIRE_SIM_SEEDS", seeds), closing)
}

/// The short version is part of `rust`.
fn many(project: &Project, closing: &mut Closing) -> Result<()> {
    tools::redis(project)?;
    let test = ["test", "--package", "pulsewire-relay", "--test", "many", "--", "--nocapture"];
    watched(Sh::cargo(project).args(test).env("PULSEWIRE_TEST_ALL", "1"), closing)
}

/// Seconds for each target, where `PULSEWIRE_FUZZ_SECONDS` says nothing else.
const FUZZ_SECONDS: &str = "20";

fn fuzz(project: &Project, closing: &mut Closing) -> Result<()> {
    tools::cargo_fuzz(project)?;
    let seconds = env::var("PULSEWIRE_FUZZ_SECONDS").unwrap_or_else(|_| FUZZ_SECONDS.to_owned());
    let manifest = fs::read_to_string(project.root.join("fuzz/Cargo.toml")).context("cannot read fuzz/Cargo.toml")?;
    let manifest: toml::Table = manifest.parse().context("fuzz/Cargo.toml is no TOML")?;
    let bins = manifest.get("bin").and_then(toml::Value::as_array).context("fuzz/Cargo.toml has no targets")?;
    // Of its own: what is instrumented must not be built over what is not.
    let target = project.own_target().join("fuzz");
    for name in bins.iter().filter_map(|bin| bin.get("name")?.as_str()) {
        let corpus = target.join("corpus").join(name);
        fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
        // No sanitizer: the workspace forbids `unsafe`, and without one the stable compiler serves.
        let run = Sh::cargo(project).args(["fuzz", "run", "--fuzz-dir", "fuzz", "--sanitizer", "none", "--release", name]);
        let run = run.arg(&corpus).arg(project.root.join("fuzz/seeds").join(name));
        let run = run.args(["--", "-max_len=8192", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
        run.arg(format!("-max_total_time={seconds}")).env("CARGO_TARGET_DIR", &target).run()?;
    }
    closing.say(format!("fuzz: {} targets, {seconds} s each, nothing found", bins.len()));
    Ok(())
}

fn soak(project: &Project, closing: &mut Closing) -> Result<()> {
    let bench = crate::bench::release(project, "pulsewire-bench")?;
    watched(Sh::new(project, &bench).arg("--relay-bin").arg(project.relay_binary()).arg("soak"), closing)
}

fn deny(project: &Project, closing: &mut Closing) -> Result<()> {
    tools::cargo_deny(project)?;
    // The advisory database lives in a git repository that not every machine reaches; the rest needs no network.
    println!("deny: advisories are not looked at here (their database is fetched): run `cargo deny check advisories` where it can be");
    watched(Sh::cargo(project).args(["deny", "--offline", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]), closing)?;
    closing.say("deny: bans, licenses and sources ok");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: bool, only: &[&str]) -> Result<Vec<&'static str>> {
        let choice = Choice { all, only: only.iter().map(|name| (*name).to_owned()).collect(), keep_going: false };
        choose(&choice).map(|suites| suites.iter().map(|suite| suite.name).collect())
    }

    #[test]
    fn dear_suites_run_only_when_asked_for() {
        assert!(!names(false, &[]).unwrap().contains(&"deny"));
        assert_eq!(names(true, &[]).unwrap().len(), SUITES.len());
        assert_eq!(names(false, &["deny", "fmt"]).unwrap(), ["fmt", "deny"], "in the standing order");
    }

    #[test]
    fn an_unknown_suite_is_refused_with_the_known_ones() {
        let error = names(false, &["nxt"]).unwrap_err().to_string();
        assert!(error.contains("no suite `nxt`") && error.contains("clippy-wasm"), "{error}");
    }
}
