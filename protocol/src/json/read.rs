//! Reading JSON text with errors that say where: the one place that turns serde's errors into ours.

use crate::error::DecodeError;
use serde::de::{DeserializeSeed, IgnoredAny};

/// Stands between path and problem in an error that had to pass through serde as text ([`nested`]).
const PATH_END: char = '\u{1f}';

/// Reads one value, the whole text. The path of an error is found by reading a second time: keeping it on every read would
/// cost an allocation for each key.
pub(crate) fn read<'a, S: DeserializeSeed<'a> + Copy>(text: &'a str, seed: S) -> Result<S::Value, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    seed.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value)).map_err(|error| explain(text, seed, error))
}

#[cold]
fn explain<'a, S: DeserializeSeed<'a>>(text: &'a str, seed: S, error: serde_json::Error) -> DecodeError {
    // What is no JSON at all is told as such; a number out of range or too many levels are JSON, if useless.
    if let Err(syntax) = serde_json::from_str::<IgnoredAny>(text) {
        return DecodeError::new(syntax.column(), without_position(&syntax)).or_whole("message");
    }
    let mut track = serde_path_to_error::Track::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let again = seed.deserialize(serde_path_to_error::Deserializer::new(&mut deserializer, &mut track));
    let path = track.path().to_string();
    let error = again.err().unwrap_or(error);
    let at = error.column();
    let text = without_position(&error);
    let mut decoded = match text.split_once(PATH_END) {
        Some((inner, problem)) => {
            let decoded = DecodeError::new(at, plain(problem));
            if inner.is_empty() { decoded } else { decoded.within_key(inner) }
        }
        None => match text.strip_prefix("missing field `").and_then(|name| name.strip_suffix('`')) {
            Some(name) => DecodeError::new(at, MISSING).within_key(name),
            None => DecodeError::new(at, plain(&text)),
        },
    };
    if path != "." {
        decoded = decoded.within_key(&path);
    }
    decoded.or_whole("message").senseless()
}

/// As CBOR says it.
const MISSING: &str = "required field is missing";

/// serde's sentence in the words of JSON: whoever wrote the text does not know Rust's names for what stands in it.
fn plain(problem: &str) -> String {
    let given_and_wanted = ["invalid type: ", "invalid value: ", "invalid length "].iter().find_map(|kind| {
        let (given, wanted) = problem.strip_prefix(kind)?.rsplit_once(", expected ")?;
        Some((given, wanted))
    });
    let Some((given, wanted)) = given_and_wanted else {
        // What serde_json says where a word should stand and no text does.
        return if problem == "expected value" {
            "expected a word".to_owned()
        } else {
            problem.replacen("unknown variant ", "unknown word ", 1)
        };
    };
    let given = match given.split_once(' ') {
        _ if given == "map" => "an object".to_owned(),
        _ if given == "sequence" => "an array".to_owned(),
        Some(("integer" | "boolean", value)) => value.trim_matches('`').to_owned(),
        Some(("floating", value)) => value.trim_start_matches("point ").trim_matches('`').to_owned(),
        Some(("string", value)) => value.to_owned(),
        _ => given.to_owned(),
    };
    let wanted = match wanted {
        "f64" | "f32" => "a number",
        "u64" | "u32" | "an unsigned integer" => "a whole number from 0",
        "a map" => "an object",
        "a sequence" => "an array",
        "a boolean" => "true or false",
        other => other,
    };
    format!("expected {wanted}, got {given}")
}

/// serde_json's sentence without the position that it ends with, which we tell apart.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text.get(..end).map(str::to_owned).unwrap_or(text),
        None => text,
    }
}

/// An error from inside a part that was read on its own, on its way out through serde with its path.
pub(crate) fn nested<E: serde::de::Error>(field: &str, error: &DecodeError) -> E {
    let inner = error.path().unwrap_or("");
    let dot = if field.is_empty() || inner.is_empty() || inner.starts_with('[') { "" } else { "." };
    E::custom(format_args!("{field}{dot}{inner}{PATH_END}{}", error.problem))
}
