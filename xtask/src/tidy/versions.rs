//! Versions that must agree: wasm-bindgen's crate and tool speak one format, and a package has one version everywhere.

use super::{File, Problem, problem};
use crate::tools::locked_version;

pub(super) fn check(files: &[File]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let text = |path: &str| files.iter().find(|file| file.path == path);
    let (Some(lock), Some(wasm)) = (text("Cargo.lock"), text("client-wasm/Cargo.toml")) else {
        return vec![Problem {
            path: "Cargo.lock".to_owned(),
            line: 0,
            what: "Cargo.lock or client-wasm/Cargo.toml is missing".to_owned(),
        }];
    };
    match locked_version(&lock.text, "wasm-bindgen") {
        Err(error) => problems.push(problem(lock, 0, format!("{error:#}"))),
        Ok(version) => {
            let pin = format!("={version}");
            if pinned(&wasm.text, "wasm-bindgen").as_deref() != Some(&pin) {
                problems.push(problem(
                    wasm,
                    0,
                    format!("pin wasm-bindgen as \"{pin}\", the version of Cargo.lock and of the tool that xtask installs"),
                ));
            }
        }
    }
    if let (Some(root), Some(package)) = (text("Cargo.toml"), text("npm/package.json")) {
        let ours = root
            .text
            .parse::<toml::Table>()
            .ok()
            .and_then(|table| table.get("workspace")?.get("package")?.get("version")?.as_str().map(str::to_owned));
        let theirs = serde_json::from_str::<serde_json::Value>(&package.text)
            .ok()
            .and_then(|value| value.get("version")?.as_str().map(str::to_owned));
        if ours != theirs {
            let (ours, theirs) = (ours.unwrap_or_default(), theirs.unwrap_or_default());
            problems.push(problem(
                package,
                0,
                format!("version {theirs}, but the workspace is {ours}: crates and package are released together"),
            ));
        }
    }
    problems
}

fn pinned(manifest: &str, name: &str) -> Option<String> {
    let manifest: toml::Table = manifest.parse().ok()?;
    let mut sections = vec![manifest.get("dependencies")];
    sections.extend(
        manifest
            .get("target")
            .and_then(toml::Value::as_table)
            .into_iter()
            .flat_map(toml::Table::values)
            .map(|target| target.get("dependencies")),
    );
    sections
        .into_iter()
        .flatten()
        .filter_map(|section| section.get(name))
        .find_map(|value| value.as_str().or_else(|| value.get("version")?.as_str()).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::super::{file, told};
    use super::*;

    fn tree(pin: &str, package: &str) -> Vec<File> {
        vec![
            file("Cargo.lock", "[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n"),
            file("client-wasm/Cargo.toml", &format!("[dependencies]\nwasm-bindgen = {{ version = \"{pin}\" }}\n")),
            file("Cargo.toml", "[workspace.package]\nversion = \"0.1.0\"\n"),
            file("npm/package.json", &format!("{{\"version\": \"{package}\"}}")),
        ]
    }

    #[test]
    fn the_pin_must_be_the_locked_version() {
        assert_eq!(told(&check(&tree("=0.2.130", "0.1.0"))), Vec::<String>::new());
        assert!(told(&check(&tree("0.2", "0.1.0")))[0].contains("pin wasm-bindgen as \"=0.2.130\""));
    }

    #[test]
    fn crates_and_package_share_a_version() {
        assert!(told(&check(&tree("=0.2.130", "0.2.0")))[0].contains("version 0.2.0, but the workspace is 0.1.0"));
    }
}
