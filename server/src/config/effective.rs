//! The configuration as it is in effect: every key with its value and where that comes from.
//!
//! What was not given has the default that `pulsewire.example.toml` shows: a test holds that file and the code together, so
//! no default stands in a second table. Secrets are never shown.

use super::Config;
use super::keys::KEYS;
use super::load::{Sources, read};
use super::mistake::{Mistakes, Place};
use sha2::{Digest as _, Sha256};

/// One key in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its path, such as `heartbeat.interval_ms`.
    pub key: String,
    /// Its value as TOML, `"***"` for a secret; `None` where nothing is set and there is no default.
    pub value: Option<String>,
    /// Where it was given; [`Place::Unset`]: the default.
    pub place: Place,
}

/// Reads all sources and says what is in effect, in the order of the documentation.
///
/// # Errors
/// Every mistake, as [`super::load`] names them.
pub fn effective(sources: &Sources) -> Result<(Config, Vec<Setting>), Mistakes> {
    let (config, given) = read(sources)?;
    // The file is part of this program and checked by its tests; were it broken, only defaults would be missing here.
    let example = include_str!("../../pulsewire.example.toml").parse::<toml::Table>().unwrap_or_default();
    let mut settings: Vec<Setting> = Vec::new();
    for key in KEYS {
        let mut of_key: Vec<Setting> = Vec::new();
        for given in given.iter().filter(|given| key.matches(&given.path).is_some()) {
            let setting = Setting { key: given.path.clone(), value: Some(given.literal.clone()), place: given.place.clone() };
            // A later source wins.
            of_key.retain(|earlier| earlier.key != setting.key);
            of_key.push(setting);
        }
        if of_key.is_empty() {
            of_key.push(Setting { key: key.path.to_owned(), value: default_of(&example, key.path), place: Place::Unset });
        }
        settings.append(&mut of_key);
    }
    Ok((config, settings))
}

fn default_of(example: &toml::Table, path: &str) -> Option<String> {
    let (sections, leaf) = path.rsplit_once('.').unwrap_or(("", path));
    let table = sections.split('.').filter(|part| !part.is_empty()).try_fold(example, |at, part| at.get(part)?.as_table())?;
    table.get(leaf).map(ToString::to_string)
}

/// A short digest of what is in effect: the same values, the same digest, wherever they come from. Secrets count as set or not.
pub fn digest(settings: &[Setting]) -> String {
    let mut hash = Sha256::new();
    for setting in settings {
        hash.update(setting.key.as_bytes());
        hash.update([0]);
        hash.update(setting.value.as_deref().unwrap_or("").as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
