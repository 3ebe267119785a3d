//! Which way the doors open (ARCHITECTURE.md): crates by their Cargo.toml, the web side by its import lines.

use super::scan::mask;
use super::{File, Problem, problem};

struct Room {
    manifest: &'static str,
    /// Own crates it may use.
    uses: &'static [&'static str],
    /// Own crates that only its tests may use besides.
    tests_use: &'static [&'static str],
    /// Crates that would break what the room promises.
    never: &'static [&'static str],
}

const ROOMS: [Room; 8] = [
    Room {
        manifest: "examples/worker-rust/Cargo.toml",
        // What stands outside speaks HTTP alone; a real relay to try it with.
        uses: &[],
        tests_use: &["pulsewire-relay"],
        never: &[],
    },
    Room {
        manifest: "protocol/Cargo.toml",
        uses: &[],
        tests_use: &[],
        never: &["tokio", "axum", "wasm-bindgen", "web-sys", "js-sys", "rand", "getrandom"],
    },
    Room {
        manifest: "client-core/Cargo.toml",
        uses: &["pulsewire-protocol"],
        tests_use: &[],
        never: &[
            "tokio",
            "axum",
            "wasm-bindgen",
            "web-sys",
            "js-sys",
            "gloo-timers",
            "rand",
            "getrandom",
            "fastrand",
            "log",
            "tracing",
            "chrono",
            "time",
            "web-time",
            "instant",
            "serde_json",
        ],
    },
    Room {
        manifest: "client-wasm/Cargo.toml",
        uses: &["pulsewire-protocol", "pulsewire-client-core"],
        tests_use: &[],
        never: &["tokio", "axum", "serde_json"],
    },
    Room {
        manifest: "server/Cargo.toml",
        uses: &["pulsewire-protocol"],
        tests_use: &["pulsewire-client-core"],
        never: &["wasm-bindgen", "web-sys", "js-sys"],
    },
    Room {
        manifest: "tests/Cargo.toml",
        uses: &["pulsewire-protocol", "pulsewire-client-core", "pulsewire-relay"],
        tests_use: &[],
        never: &[],
    },
    Room { manifest: "fuzz/Cargo.toml", uses: &["pulsewire-protocol", "pulsewire-relay"], tests_use: &[], never: &[] },
    Room { manifest: "xtask/Cargo.toml", uses: &[], tests_use: &[], never: &["tokio"] },
];

pub(super) fn crates(files: &[File]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with("Cargo.toml") && file.path != "Cargo.toml") {
        let Some(room) = ROOMS.iter().find(|room| room.manifest == file.path) else {
            problems.push(problem(file, 0, "a crate that ARCHITECTURE.md does not know: add it there and to xtask's `ROOMS`"));
            continue;
        };
        let manifest: toml::Table = match file.text.parse() {
            Ok(manifest) => manifest,
            Err(error) => {
                problems.push(problem(file, 0, format!("no TOML: {error}")));
                continue;
            }
        };
        let itself = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
        for (name, test) in dependencies(&manifest) {
            // Its tests may ask for itself with more features.
            let own = name.starts_with("pulsewire-") && Some(name.as_str()) != itself;
            let allowed = room.uses.contains(&name.as_str()) || (test && room.tests_use.contains(&name.as_str()));
            if own && !allowed {
                let test = if test { "in its tests" } else { "" };
                problems.push(problem(
                    file,
                    0,
                    format!("must not depend on {name} {test} (see the arrows in ARCHITECTURE.md)").replace("  ", " "),
                ));
            }
            if !test && room.never.contains(&name.as_str()) {
                problems.push(problem(file, 0, format!("must never depend on {name} (see the table in ARCHITECTURE.md)")));
            }
        }
    }
    problems
}

/// All dependencies of a manifest, those of single targets included, each with whether it is for tests alone.
fn dependencies(manifest: &toml::Table) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut collect = |table: &toml::Table| {
        for (section, test) in [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)] {
            let names = table.get(section).and_then(toml::Value::as_table).into_iter().flatten();
            found.extend(names.map(|(name, value)| {
                let renamed = value.get("package").and_then(toml::Value::as_str);
                (renamed.unwrap_or(name).to_owned(), test)
            }));
        }
    };
    collect(manifest);
    for target in manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values) {
        if let Some(table) = target.as_table() {
            collect(table);
        }
    }
    found
}

/// Folders of npm/src and what none of their files may import, by the start of a package's name or a piece of a path.
const NPM_ROOMS: [(&str, &[&str]); 5] = [
    ("npm/src/svelte/", &["react", "/react/", "/elements/", "lit", "uplot"]),
    ("npm/src/react/", &["svelte", "/svelte/", "lit", "uplot"]),
    ("npm/src/elements/", &["react", "/react/", "svelte", "/svelte/"]),
    ("npm/src/", &["react", "/react/", "svelte", "/svelte/", "/elements/", "lit", "uplot"]),
    ("www/", &["npm/src", "/npm/", "client-wasm"]),
];

pub(super) fn npm(files: &[File]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.is_code()) {
        let Some((room, banned)) = NPM_ROOMS.iter().find(|(room, _)| file.path.starts_with(room)) else { continue };
        for (line, module) in imports_of(&file.text) {
            let hit = banned.iter().any(|ban| {
                if ban.contains('/') {
                    format!("{module}/").contains(ban)
                } else {
                    module == **ban || module.strip_prefix(*ban).is_some_and(|rest| rest.starts_with(['/', '-']))
                }
            });
            if hit {
                problems.push(problem(file, line, format!("{room} must not import `{module}` (see ARCHITECTURE.md)")));
            }
        }
    }
    problems
}

/// The modules that a file imports: `from 'x'`, `import 'x'`, `import('x')`.
fn imports_of(text: &str) -> Vec<(usize, String)> {
    let masked = mask(text, false);
    let mut found = Vec::new();
    for (number, (line, shown)) in text.lines().zip(masked.lines()).enumerate() {
        // The mask keeps the quotes of real strings only, at the same places.
        for start in ["from ", "import ", "import("] {
            let mut from = 0;
            while let Some(at) = shown.get(from..).and_then(|rest| rest.find(start)) {
                from += at + start.len();
                let before = line.chars().skip(masked_chars(shown, from)).collect::<String>();
                let mut parts = before.splitn(3, ['\'', '"']);
                if parts.next().is_some_and(|gap| gap.trim().is_empty())
                    && let Some(module) = parts.next()
                {
                    found.push((number + 1, module.to_owned()));
                }
            }
        }
    }
    found
}

/// The mask is as long in characters as the line, but not in bytes.
fn masked_chars(masked: &str, bytes: usize) -> usize {
    masked.get(..bytes).map_or(0, |start| start.chars().count())
}

#[cfg(test)]
mod tests {
    use super::super::{file, told};
    use super::*;

    #[test]
    fn a_crate_may_use_only_what_lies_before_it() {
        let good =
            file("client-core/Cargo.toml", "[dependencies]\npulsewire-protocol.workspace = true\n[dev-dependencies]\nserde_json = \"1\"\n");
        assert_eq!(crates(&[good]), []);
        let tests_may = file("server/Cargo.toml", "[dev-dependencies]\npulsewire-client-core.workspace = true\n");
        assert_eq!(crates(&[tests_may]), []);
        let upwards = file("protocol/Cargo.toml", "[dev-dependencies]\npulsewire-client-core = { path = \"../client-core\" }\n");
        assert!(told(&crates(&[upwards]))[0].contains("must not depend on pulsewire-client-core in its tests"));
        let renamed =
            file("server/Cargo.toml", "[dependencies]\ncore = { package = \"pulsewire-client-core\", path = \"../client-core\" }\n");
        assert_eq!(crates(&[renamed]).len(), 1);
        let clock = file("client-core/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nchrono = \"1\"\n");
        assert!(told(&crates(&[clock]))[0].contains("must never depend on chrono"));
    }

    #[test]
    fn an_unknown_crate_is_asked_for_its_place() {
        assert!(told(&crates(&[file("extra/Cargo.toml", "[package]\n")]))[0].contains("does not know"));
    }

    #[test]
    fn the_core_of_the_package_knows_no_framework_and_frameworks_not_each_other() {
        let good = [
            file("npm/src/client.ts", "import { a } from './types.js';\n// from 'react'\nconst s = \"from 'react'\";\n"),
            file("npm/src/react/hooks.ts", "import { useRef } from 'react';\nimport { x } from '../client.js';\n"),
            file("www/src/App.svelte", "<script>import { createPulsewire } from 'pulsewire';</script>\n"),
        ];
        assert_eq!(told(&npm(&good)), Vec::<String>::new());
        let bad = [
            file("npm/src/client.ts", "export * from './elements/index.js';\n"),
            file("npm/src/store.ts", "const r = await import('react-dom');\n"),
            file("npm/src/svelte/a.ts", "import '../react/hooks.js';\n"),
            file("www/src/a.ts", "é; import x from \"../../npm/src/client\";\n"),
        ];
        assert_eq!(npm(&bad).len(), 4, "{:?}", told(&npm(&bad)));
    }
}
