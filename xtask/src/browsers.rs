//! The browsers that tests drive, with their drivers: from the system's packages, installed by apt where we may.
//!
//! Chromium for everything; Firefox ESR and WebKitGTK (as near to Safari as Linux comes) only for the suites that name them.
//! `PULSEWIRE_CHROMIUM`, `PULSEWIRE_CHROMEDRIVER`, `PULSEWIRE_FIREFOX`, `PULSEWIRE_GECKODRIVER` and `PULSEWIRE_WEBKITDRIVER` name others.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::project::Project;
use crate::tools::{apt_install, cargo_install, from_env, may_apt, on_path};

/// Debian has Firefox without its driver.
const GECKODRIVER: &str = "0.37.1";

pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) chromedriver: PathBuf,
}

/// A Chromium and its driver.
pub(crate) fn chromium(project: &Project) -> Result<Browser> {
    // Without a font that the pages can measure, layout tests and pictures mean nothing.
    let packages = ["chromium", "chromium-driver", "fonts-liberation"];
    found_or_installed(project, "Chromium with its driver", "PULSEWIRE_CHROMIUM and PULSEWIRE_CHROMEDRIVER", &packages, || {
        let chromium = program(project, "PULSEWIRE_CHROMIUM", &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"])?;
        let chromedriver = program(project, "PULSEWIRE_CHROMEDRIVER", &["chromedriver"])?;
        Some(Browser { chromium, chromedriver })
    })
}

/// A Firefox.
pub(crate) fn firefox(project: &Project) -> Result<PathBuf> {
    let packages = ["firefox-esr", "fonts-liberation"];
    found_or_installed(project, "Firefox", "PULSEWIRE_FIREFOX", &packages, || {
        program(project, "PULSEWIRE_FIREFOX", &["firefox-esr", "firefox"])
    })
}

/// Firefox's driver, for what speaks WebDriver with it. It finds a Firefox on PATH by itself.
pub(crate) fn geckodriver(project: &Project) -> Result<PathBuf> {
    let there = || program(project, "PULSEWIRE_GECKODRIVER", &["geckodriver"]);
    if let Some(found) = there() {
        return Ok(found);
    }
    cargo_install(project, "geckodriver", GECKODRIVER, true)?;
    there().with_context(|| format!("geckodriver {GECKODRIVER} was installed, but is not in {}", project.tools_bin().display()))
}

/// WebKitGTK's driver, and the display that it needs: it has no headless mode.
pub(crate) struct WebKit {
    pub(crate) driver: PathBuf,
    pub(crate) xvfb_run: PathBuf,
}

/// A WebKitGTK.
pub(crate) fn webkit(project: &Project) -> Result<WebKit> {
    let packages = ["webkit2gtk-driver", "xvfb", "xauth", "fonts-liberation"];
    found_or_installed(project, "WebKitGTK with its driver, or no xvfb", "PULSEWIRE_WEBKITDRIVER", &packages, || {
        let driver = program(project, "PULSEWIRE_WEBKITDRIVER", &["WebKitWebDriver"])?;
        let xvfb_run = on_path(project, "xvfb-run").filter(|_| on_path(project, "xauth").is_some())?;
        Some(WebKit { driver, xvfb_run })
    })
}

fn program(project: &Project, variable: &str, names: &[&str]) -> Option<PathBuf> {
    from_env(variable).or_else(|| names.iter().find_map(|name| on_path(project, name)))
}

fn found_or_installed<T>(project: &Project, what: &str, variables: &str, packages: &[&str], find: impl Fn() -> Option<T>) -> Result<T> {
    if let Some(found) = find() {
        return Ok(found);
    }
    let list = packages.join(" ");
    let Some(apt) = may_apt(project) else {
        bail!("no {what} on PATH, and no way to install it here: install it (Debian: `apt-get install {list}`), or name it in {variables}");
    };
    println!("No {what} here: installing from the system's packages.");
    apt_install(project, &apt, packages)?;
    find().with_context(|| format!("{list} are installed, but {what} is not found on PATH"))
}
