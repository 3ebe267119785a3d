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
        Some((inner, problem)) => DecodeError::new(at, problem.to_owned()).within_key(inner),
        None => DecodeError::new(at, text),
    };
    if path != "." {
        decoded = decoded.within_key(&path);
    }
    decoded.or_whole("message").senseless()
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
    let inner = if error.field == "message" { "" } else { error.field.as_ref() };
    let dot = if field.is_empty() || inner.is_empty() || inner.starts_with('[') { "" } else { "." };
    E::custom(format_args!("{field}{dot}{inner}{PATH_END}{}", error.problem))
}
