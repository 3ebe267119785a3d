//! Any text as configuration file, environment and flags: a configuration that is accepted is valid, mistakes are named, and the
//! secret is never repeated.
//!
//! Input: the file; lines that begin with `$NAME=` are environment variables, and those that begin with `--listen=` that flag.

use pulsewire_relay::config::{ExposeSecret as _, Flag, Sources, load};
use std::path::PathBuf;

/// See the module.
pub fn check(input: &[u8]) {
    let (mut file, mut environment, mut flags) = (Vec::new(), Vec::new(), Vec::new());
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        let text = core::str::from_utf8(line).unwrap_or("").trim_end_matches('\n');
        if let Some((name, value)) = text.strip_prefix('$').and_then(|rest| rest.split_once('=')) {
            environment.push((format!("PULSEWIRE_{name}"), value.to_owned()));
        } else if let Some(value) = text.strip_prefix("--listen=") {
            flags.push(Flag { flag: "--listen", key: "listen", value: value.to_owned() });
        } else {
            file.extend_from_slice(line);
        }
    }
    // `load` reads a file: one for each process, in memory where the system has such a place.
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let thread = std::thread::current().id();
    let path = folder.join(format!("pulsewire-fuzz-{}-{thread:?}.toml", std::process::id()));
    std::fs::write(&path, &file).unwrap();
    let elsewhere = environment.iter().any(|(name, value)| name.contains("SECRET-OF") || value.contains("SECRET-OF"))
        || flags.iter().any(|flag| flag.value.contains("SECRET-OF"));
    let loaded = load(&Sources { file: Some(path.clone()), environment, flags });
    std::fs::remove_file(&path).unwrap();
    match loaded {
        Ok(config) => {
            assert!(config.validate().is_ok(), "accepted, but not valid: {config:?}");
            if let Some(secret) = &config.auth.jwt_secret {
                assert!(!format!("{config:?}").contains(secret.expose_secret()), "the secret can be printed");
            }
        }
        Err(mistakes) => {
            assert!(!mistakes.0.is_empty(), "refused without a reason");
            for mistake in &mistakes.0 {
                assert!(!mistake.problem.is_empty() && !mistake.mend.is_empty(), "{mistake:?}");
            }
            assert!(
                elsewhere || !is_secret(&file, "SECRET-OF-THE-TEST") || !mistakes.to_string().contains("SECRET-OF-THE-TEST"),
                "repeated: {mistakes}"
            );
        }
    }
}

/// Whether the word stands in the file as the secret and nowhere else.
fn is_secret(file: &[u8], word: &str) -> bool {
    let text = String::from_utf8_lossy(file);
    text.lines().filter(|line| line.contains(word)).all(|line| line.starts_with("jwt_secret"))
}
