//! Reads file, environment and flags into one [`Config`], later sources over earlier ones, collecting every mistake.

use super::Config;
use super::keys::{KEYS, Key, Raw};
use super::mistake::{Mistake, Mistakes, Place};
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Environment variables that have a name of their own, beside `PULSEWIRE_SECTION__KEY`.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("PULSEWIRE_JWT_SECRET", "auth.jwt_secret"),
    ("PULSEWIRE_REDIS_URL", "redis.url"),
    // A level or a filter; `json` and `pretty` are the format, as in `--log`.
    ("PULSEWIRE_LOG", "log.level"),
];
/// Variables with the prefix that other parts of the project read.
const NOT_KEYS: &[&str] = &["PULSEWIRE_CONFIG"];
const PREFIX: &str = "PULSEWIRE_";

/// One environment variable.
pub type EnvironmentVariable = (String, String);

/// A flag that sets a key: the flag's name for error messages, the key, the value.
#[derive(Clone, Debug)]
pub struct Flag {
    /// Such as `--listen`.
    pub flag: &'static str,
    /// Such as `listen`.
    pub key: &'static str,
    /// As it was typed.
    pub value: String,
}

/// Where settings come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// The process's environment, whole: only `PULSEWIRE_…` is looked at.
    pub environment: Vec<EnvironmentVariable>,
    /// Flags, the strongest.
    pub flags: Vec<Flag>,
}

/// Reads all sources and checks the whole.
pub fn load(sources: &Sources) -> Result<Config, Mistakes> {
    checked(sources, |_| true).map(|(config, _)| config)
}

/// The same for who brings a key along and checks no tokens: that neither a secret nor a public key is set is no mistake then.
pub fn load_without_key(sources: &Sources) -> Result<Config, Mistakes> {
    checked(sources, |mistake| mistake.key != "auth.jwt_secret" || mistake.place != Place::Unset).map(|(config, _)| config)
}

/// The same as [`load`], with what was given, in the order of the sources.
pub(super) fn read(sources: &Sources) -> Result<(Config, Vec<Given>), Mistakes> {
    checked(sources, |_| true)
}

fn checked(sources: &Sources, counts: impl Fn(&Mistake) -> bool) -> Result<(Config, Vec<Given>), Mistakes> {
    let mut loader = Loader { config: Config::default(), mistakes: Vec::new(), given: Vec::new() };
    if let Some(path) = &sources.file {
        match std::fs::read_to_string(path) {
            Ok(text) => loader.file(path, &text),
            Err(error) => loader.mistakes.push(Mistake {
                place: Place::File { path: path.clone(), line: 1 },
                key: String::new(),
                problem: format!("cannot be read: {error}"),
                mend: "give --config an existing TOML file in UTF-8, or leave it out for the defaults".to_owned(),
            }),
        }
    }
    loader.environment(&sources.environment);
    for flag in &sources.flags {
        loader.set(flag.key, &Raw::Untyped(flag.value.clone()), Place::Flag(flag.flag.to_owned()));
    }
    // A value that could not be read would make the checks of the whole speak of a default that nobody chose.
    if loader.mistakes.is_empty() {
        loader.mistakes = loader.config.mistakes(|key| loader.place_of(key));
        loader.mistakes.retain(counts);
    }
    if loader.mistakes.is_empty() { Ok((loader.config, loader.given)) } else { Err(Mistakes(loader.mistakes)) }
}

/// A key that was set.
pub(super) struct Given {
    pub(super) path: String,
    /// As TOML, secrets hidden.
    pub(super) literal: String,
    pub(super) place: Place,
}

struct Loader {
    config: Config,
    mistakes: Vec<Mistake>,
    /// Where each key was set, for the checks of the whole.
    given: Vec<Given>,
}

impl Loader {
    fn place_of(&self, key: &str) -> Place {
        self.given.iter().rev().find(|given| given.path == key).map_or(Place::Unset, |given| given.place.clone())
    }

    fn set(&mut self, path: &str, raw: &Raw, place: Place) {
        let found = KEYS.iter().find_map(|key| key.matches(path).map(|name| (key, name)));
        let Some((key, name)) = found else {
            self.unknown(path, place);
            return;
        };
        match key.set(&mut self.config, name, raw) {
            Ok(()) => self.given.push(Given { path: path.to_owned(), literal: key.literal(raw), place }),
            Err(problem) => {
                self.mistakes.push(Mistake { place, key: path.to_owned(), problem, mend: format!("accepted: {}", key.accepts()) });
            }
        }
    }

    fn unknown(&mut self, path: &str, place: Place) {
        self.mistakes.push(Mistake { place, key: path.to_owned(), problem: "there is no such key".to_owned(), mend: suggestion(path) });
    }

    fn file(&mut self, path: &Path, text: &str) {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            self.mistakes.push(Mistake {
                place: Place::File { path: path.to_owned(), line: line_of(text, at) },
                key: String::new(),
                problem: format!("this is no TOML: {}", error.message()),
                mend: "mend the line; strings stand in quotes, sections in [brackets]".to_owned(),
            });
        }
        // What follows a syntax error is guesswork: say the syntax errors alone.
        if errors.is_empty() {
            self.table("", table.get_ref(), path, text);
        }
        self.mistakes.sort_by_key(|mistake| match mistake.place {
            Place::File { line, .. } => line,
            _ => 0,
        });
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>, path: &Path, text: &str) {
        for (name, value) in table {
            let key = if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
            let place = Place::File { path: path.to_owned(), line: line_of(text, name.span().start) };
            match value.get_ref() {
                DeValue::Table(inner) if is_section(&key) => self.table(&key, inner, path, text),
                _ if is_section(&key) => self.mistakes.push(Mistake {
                    place,
                    problem: "this is a section, not a value".to_owned(),
                    mend: format!("write [{key}] on a line of its own and its keys below"),
                    key,
                }),
                _ => self.set(&key, &raw(value), place),
            }
        }
    }

    fn environment(&mut self, variables: &[EnvironmentVariable]) {
        let mut ours: Vec<_> = variables.iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        ours.sort();
        for (name, value) in ours {
            if NOT_KEYS.contains(&name.as_str()) {
                continue;
            }
            let short = SHORT_NAMES.iter().find(|(short, _)| short == name).map(|(_, key)| (*key).to_owned());
            let mut path =
                short.unwrap_or_else(|| name.trim_start_matches(PREFIX).split("__").map(str::to_lowercase).collect::<Vec<_>>().join("."));
            if name == "PULSEWIRE_LOG" && matches!(value.as_str(), "json" | "pretty") {
                path = "log.format".to_owned();
            }
            if value.is_empty() && !KEYS.iter().any(|key| key.path == path && key.reads_empty()) {
                continue;
            }
            self.set(&path, &Raw::Untyped(value.clone()), Place::Environment(name.clone()));
        }
    }
}

/// Whether keys stand below this path.
fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| {
        let mut rest = key.path.split('.');
        let mut given = path.split('.');
        given.by_ref().all(|part| rest.next().is_some_and(|wanted| wanted == "*" || wanted == part)) && rest.next().is_some()
    })
}

/// The nearest key, and where to find the others.
fn suggestion(path: &str) -> String {
    let nearest = KEYS
        .iter()
        .map(|key| (strsim::damerau_levenshtein(&concrete(key, path), path), key))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 3.max(path.len() / 4));
    // The last part alone decides where the section was forgotten: `interval_ms` is `heartbeat.interval_ms`.
    let same_leaf = KEYS.iter().find(|key| key.path.rsplit('.').next() == path.rsplit('.').next());
    match nearest.map(|(_, key)| key).or(same_leaf) {
        Some(key) => format!("did you mean {}?", concrete(key, path)),
        None => "accepted keys: see pulsewire.example.toml".to_owned(),
    }
}

/// The key's path with the operator's own name in place of `*`.
fn concrete(key: &Key, path: &str) -> String {
    let names: Vec<&str> = path.split('.').collect();
    let parts: Vec<&str> = key
        .path
        .split('.')
        .enumerate()
        .map(|(index, part)| if part == "*" { names.get(index).copied().unwrap_or("NAME") } else { part })
        .collect();
    parts.join(".")
}

fn raw(value: &Spanned<DeValue<'_>>) -> Raw {
    match value.get_ref() {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).map_or(Raw::Other("a number this large"), Raw::Integer)
        }
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
            texts.map_or(Raw::Other("a list of something else than texts"), Raw::List)
        }
        DeValue::Float(number) => number.as_str().replace('_', "").parse().map_or(Raw::Other("this number"), Raw::Float),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Table(_) => Raw::Other("a section"),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
