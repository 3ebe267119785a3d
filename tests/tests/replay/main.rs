//! The fuzz targets without a fuzzer: every seed, golden vector and former find, and some thousand mutations of them that are the
//! same at each run.
// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, unreachable_pub)]

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

use std::path::{Path, PathBuf};

/// Mutations of the seeds of one target: together they take a few seconds in a debug build.
const MUTATIONS: usize = 1_500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// One byte changed, cut, doubled or put in, a few times over.
fn mutated(seed: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(0..=bytes.len());
        match random.u8(0..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(0..8),
            1 if at < bytes.len() => bytes[at] = *random.choice(b"\x00\x18\x1b\x5f\x7f\x9f\xbf\xd8\xf6\xfb\xff\"{[\\,\n.-9").unwrap(),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, random.u8(..)),
            4 if at < bytes.len() => drop(bytes.remove(at)),
            _ => {
                let from = random.usize(0..=at);
                let piece = bytes[from..at].to_vec();
                bytes.splice(at..at, piece);
            }
        }
        bytes.truncate(8 * 1024);
    }
    bytes
}

fn replay(name: &str) {
    let (_, check) = targets::TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    let mut seeds = files(&root().join("fuzz/seeds").join(name));
    assert!(!seeds.is_empty(), "{name} has no seeds");
    seeds.extend(targets::golden(name, &root().join("protocol/vectors")));
    let finds = files(&root().join("fuzz/finds").join(name));
    for input in seeds.iter().chain(&finds) {
        check(input);
    }
    let mut random = fastrand::Rng::with_seed(7);
    for number in 0..MUTATIONS {
        let input = mutated(&seeds[number % seeds.len()], &mut random);
        if std::panic::catch_unwind(|| check(&input)).is_err() {
            panic!("{name} fails at mutation {number}: {:?}", String::from_utf8_lossy(&input));
        }
    }
}

#[test]
fn codecs_hold_on_every_seed_find_and_mutation() {
    replay("codecs");
}

#[test]
fn sessions_hold_on_every_seed_find_and_mutation() {
    replay("session");
}

#[test]
fn http_endpoints_hold_on_every_seed_find_and_mutation() {
    replay("http");
}

#[test]
fn tokens_hold_on_every_seed_find_and_mutation() {
    replay("tokens");
}

#[test]
fn files_of_keys_hold_on_every_seed_find_and_mutation() {
    replay("keys");
}

#[test]
fn configurations_hold_on_every_seed_find_and_mutation() {
    replay("config");
}

#[test]
fn recordings_hold_on_every_seed_find_and_mutation() {
    replay("recording");
}

#[test]
fn every_target_has_its_entry_for_the_fuzzer() {
    let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    for (name, _) in targets::TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is no [[bin]]");
        assert!(root().join("fuzz/fuzz_targets").join(name).with_extension("rs").is_file(), "{name} has no entry");
    }
}
