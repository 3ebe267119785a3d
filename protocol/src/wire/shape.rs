//! The forms of built-in events as data, and one walk that turns CBOR of any of them into whatever a [`Sink`] makes of it.
//!
//! Why: a page wants JavaScript objects of all 21 events, but no code of the client reads most of them. One table and one walk
//! are a fraction of 21 decoders and as many serializers.

use super::input::In;
use super::{Wire, decode_array, decode_entries, decode_map};
use crate::error::DecodeError;
use crate::scalar::Column;

/// One field of a struct.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The CBOR key.
    pub key: u8,
    /// The name in JSON.
    pub name: &'static str,
    /// What stands there.
    pub shape: Shape,
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A number: a count, a measure, a time.
    Number,
    /// A text.
    Text,
    /// True or false.
    Flag,
    /// A text that holds JSON.
    Json,
    /// A column of numbers.
    Column,
    /// One word of several, written as its number.
    Words(&'static [(u64, &'static str)]),
    /// A map with numeric keys.
    Struct(&'static [Field]),
    /// A map from the caller's own names.
    Names(&'static Shape),
    /// A list.
    List(&'static Shape),
    /// A map of which one key holds the whole value as JSON text.
    JsonAt(u8),
}

/// Takes the values of a walk, in their order.
pub trait Sink {
    /// A number.
    fn number(&mut self, value: f64);
    /// A text, or the word of an enumeration.
    fn text(&mut self, value: &str);
    /// True or false.
    fn flag(&mut self, value: bool);
    /// JSON text: the value is what it says.
    fn json(&mut self, text: &str);
    /// A column of numbers.
    fn column(&mut self, values: &[f64]);
    /// An object begins: keys and values follow, then [`Sink::end`].
    fn object(&mut self);
    /// The name of the value that follows.
    fn key(&mut self, name: &str);
    /// A list begins: values follow, then [`Sink::end`].
    fn list(&mut self);
    /// The innermost object or list ends.
    fn end(&mut self);
}

/// Walks one CBOR item of that shape. What is not known is left out, and so is what is null.
///
/// # Errors
/// Where the item has another shape. The sink has seen the beginning then: let it go.
pub fn walk(item: &[u8], shape: &Shape, sink: &mut dyn Sink) -> Result<(), DecodeError> {
    let mut input = In::new(item);
    walk_value(&mut input, shape, sink);
    input.finish(())
}

fn walk_value(input: &mut In<'_>, shape: &Shape, sink: &mut dyn Sink) {
    match shape {
        Shape::Number => sink.number(input.number()),
        Shape::Text => sink.text(&input.text()),
        Shape::Flag => sink.flag(input.flag()),
        Shape::Json => sink.json(&input.text()),
        Shape::Column => sink.column(&Column::read(input).0),
        Shape::Words(words) => {
            let at = input.position();
            let number = input.uint();
            match words.iter().find(|(code, _)| *code == number) {
                Some((_, word)) => sink.text(word),
                None => input.fail(at, "unknown value"),
            }
        }
        Shape::Struct(fields) => {
            sink.object();
            decode_map(input, &mut |key, input| {
                let Some(field) = fields.iter().find(|field| u64::from(field.key) == key) else { return false };
                if !input.take_null() {
                    sink.key(field.name);
                    walk_value(input, &field.shape, sink);
                    input.blame(|error| error.within(field.name));
                }
                true
            });
            sink.end();
        }
        Shape::Names(shape) => {
            sink.object();
            decode_entries(input, &mut |input| {
                sink.key(&input.text());
                walk_value(input, shape, sink);
            });
            sink.end();
        }
        Shape::List(shape) => {
            sink.list();
            decode_array(input, &mut |input| walk_value(input, shape, sink));
            sink.end();
        }
        Shape::JsonAt(wanted) => {
            let keys = input.keys();
            if !input.enter(&keys, usize::from(*wanted)) {
                input.miss(&keys, "data");
            }
            sink.json(&input.text());
            input.leave(&keys);
        }
    }
}

/// The field whose Rust name is not its JSON name, `type` being a word of the language.
const RENAMED: (&str, &str) = ("alert_type", "type");

const fn is(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut same = a.len() == b.len();
    let mut at = 0;
    while same && at < a.len() {
        same = byte(a, at) == byte(b, at);
        at += 1;
    }
    same
}

const fn byte(bytes: &[u8], at: usize) -> u8 {
    match bytes.split_at_checked(at) {
        Some((_, [first, ..])) => *first,
        _ => 0,
    }
}

/// The length of a field's name in camelCase.
pub(crate) const fn camel_len(name: &str) -> usize {
    if is(name, RENAMED.0) {
        return RENAMED.1.len();
    }
    let bytes = name.as_bytes();
    let (mut at, mut length) = (0, 0);
    while at < bytes.len() {
        length += (byte(bytes, at) != b'_') as usize;
        at += 1;
    }
    length
}

/// A field's name in camelCase.
#[allow(clippy::indexing_slicing, reason = "runs while compiling: a place outside would fail the build")]
pub(crate) const fn camel<const N: usize>(name: &str) -> [u8; N] {
    let bytes = if is(name, RENAMED.0) { RENAMED.1.as_bytes() } else { name.as_bytes() };
    let mut camel = [0; N];
    let (mut at, mut length, mut upper) = (0, 0, false);
    while at < bytes.len() {
        let letter = byte(bytes, at);
        if letter == b'_' {
            upper = true;
        } else {
            camel[length] = if upper { letter.to_ascii_uppercase() } else { letter };
            length += 1;
            upper = false;
        }
        at += 1;
    }
    camel
}
