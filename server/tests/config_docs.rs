//! `docs/operations/configuration.md` is made from the table of keys and the words of `pulsewire.example.toml`.
//!
//! After a change of either: `UPDATE_DOCS=1 cargo nextest run -p pulsewire-relay --test config_docs`.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use pulsewire_relay::config::documented_keys;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const EXAMPLE: &str = include_str!("../pulsewire.example.toml");

struct Told {
    default: Option<String>,
    words: String,
}

/// What the example says of each key: its default (none where the line is commented out) and the comment above it.
fn told() -> BTreeMap<String, Told> {
    let (mut told, mut section, mut words, mut open) = (BTreeMap::new(), String::new(), String::new(), false);
    for line in EXAMPLE.lines() {
        let (commented, line) = match line.strip_prefix('#') {
            Some(rest) if rest.is_empty() || rest.starts_with(' ') => {
                if !open {
                    words.clear();
                }
                open = true;
                let gap = if words.is_empty() { "" } else { " " };
                write!(words, "{gap}{}", rest.trim()).unwrap();
                continue;
            }
            Some(rest) => (true, rest),
            None => (false, line),
        };
        open = false;
        if line.trim().is_empty() {
            words.clear();
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        } else {
            let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("{line:?} is neither key nor section"));
            let default = (!commented).then(|| value.trim().to_owned());
            told.insert(format!("{section}{}", name.trim()), Told { default, words: words.clone() });
        }
    }
    told
}

fn is(path: &str, documented: &str) -> bool {
    let (mut path, mut documented) = (path.split('.'), documented.split('.'));
    loop {
        match (path.next(), documented.next()) {
            (None, None) => return true,
            (Some(_), Some("*")) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

fn document() -> String {
    let told = told();
    let mut text = String::from(
        "# Configuration\n\n\
         <!-- Made by `UPDATE_DOCS=1 cargo nextest run -p pulsewire-relay --test config_docs` from the table of keys and\n\
         server/pulsewire.example.toml: change those. -->\n\n\
         One TOML file (`--config FILE` or `PULSEWIRE_CONFIG`), environment variables over it, flags over both. Every mistake is named\n\
         at once, with file and line, key and what is accepted; the relay does not start with one.\n\n\
         - `pulsewire-relay config` prints what is in effect and where each value comes from; secrets are not shown. `doctor` checks it.\n\
         - Any key can be given in the environment: `PULSEWIRE_` and the key in capitals, `__` for each dot; lists with commas. Shorter\n\
           names: `PULSEWIRE_JWT_SECRET` (`auth.jwt_secret`), `PULSEWIRE_REDIS_URL` (`redis.url`), `PULSEWIRE_LOG` (`log.level`; `json`\n\
           or `pretty` is `log.format`).\n\
         - A variable that is empty counts as not set. A variable that begins with `PULSEWIRE_` and is no key is a mistake.\n\
         - `*` in a key stands for a name of your own, such as a role or a kind of channel.\n\
         - The whole file with every default: [server/pulsewire.example.toml](../../server/pulsewire.example.toml).\n",
    );
    let mut section = None;
    let keys = documented_keys();
    for key in &keys {
        let of = key.path.split_once('.').map_or("", |(section, _)| section);
        if section != Some(of) {
            section = Some(of);
            let title = if of.is_empty() { "In general".to_owned() } else { format!("`[{of}]`") };
            write!(text, "\n## {title}\n\n| key | default | accepted | |\n| --- | --- | --- | --- |\n").unwrap();
        }
        let entry = told.iter().find(|(path, _)| is(path, key.path)).unwrap_or_else(|| panic!("{} is not in the example", key.path)).1;
        let default = entry.default.as_ref().map_or_else(|| "—".to_owned(), |default| format!("`{default}`"));
        let cell = |words: &str| words.replace('|', "\\|");
        writeln!(text, "| `{}` | {} | {} | {} |", key.path, cell(&default), cell(&key.accepts), cell(&entry.words)).unwrap();
    }
    text
}

#[test]
fn the_document_of_the_configuration_is_what_the_code_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations/configuration.md");
    let wanted = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    let differing = wanted.lines().zip(found.lines()).find(|(one, other)| one != other);
    assert!(
        wanted == found,
        "docs/operations/configuration.md is not up to date ({differing:?}): run\nUPDATE_DOCS=1 cargo nextest run -p pulsewire-relay --test config_docs"
    );
}

#[test]
fn every_key_is_explained_in_words() {
    let told = told();
    for key in documented_keys() {
        let words = told.iter().find(|(path, _)| is(path, key.path)).map(|(_, told)| told.words.as_str()).unwrap_or_default();
        assert!(words.split(' ').count() >= 2, "{}: {words:?}", key.path);
    }
}
