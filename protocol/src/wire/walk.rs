//! Walking CBOR: maps, arrays, numbers, and skipping what is not known.
//!
//! Limits: depth is bounded by [`MAX_CBOR_DEPTH`], claimed lengths are never trusted for an allocation.

use super::In;
use crate::error::DecodeError;
use minicbor::data::Type;

/// Walks a map of numeric keys, definite or indefinite, handing each known key to `entry`, which returns whether it read
/// the value; what it did not read is skipped.
#[inline(never)]
pub(crate) fn decode_map<'b>(
    input: &mut In<'b>,
    entry: &mut dyn FnMut(u64, &mut In<'b>) -> Result<bool, DecodeError>,
) -> Result<(), DecodeError> {
    decode_entries(input, &mut |input| {
        // A key that is no unsigned integer (a text, say) is of a later version: skipped with its value.
        let known = match next_type(input)? {
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => {
                let at = input.position();
                let key = input.u64().map_err(|_| DecodeError::fixed(at, "unreadable key"))?;
                entry(key, input)?
            }
            _ => {
                skip(input)?;
                false
            }
        };
        if known { Ok(()) } else { skip(input) }
    })
}

/// Walks a map, definite or indefinite; `entry` reads one key and its value.
#[inline(never)]
pub(crate) fn decode_entries<'b>(
    input: &mut In<'b>,
    entry: &mut dyn FnMut(&mut In<'b>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let at = input.position();
    let count = input.map().map_err(|_| DecodeError::fixed(at, "expected a map"))?;
    repeat(input, count, entry)
}

/// Walks an array, definite or indefinite. The claimed length is never trusted for an allocation.
#[inline(never)]
pub(crate) fn decode_array<'b>(
    input: &mut In<'b>,
    item: &mut dyn FnMut(&mut In<'b>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let at = input.position();
    let count = input.array().map_err(|_| DecodeError::fixed(at, "expected an array"))?;
    let mut index = 0;
    repeat(input, count, &mut |input| {
        item(input).map_err(|error| error.at_index(index))?;
        index += 1;
        Ok(())
    })
}

#[inline(never)]
fn repeat<'b>(
    input: &mut In<'b>,
    count: Option<u64>,
    step: &mut dyn FnMut(&mut In<'b>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut left = count;
    loop {
        match &mut left {
            Some(0) => return Ok(()),
            Some(n) => *n -= 1,
            None => {
                if next_type(input)? == Type::Break {
                    return skip_head(input);
                }
            }
        }
        step(input)?;
    }
}

/// The type of the next item.
#[inline(never)]
pub(crate) fn next_type(input: &In<'_>) -> Result<Type, DecodeError> {
    input.datatype().map_err(|_| DecodeError::fixed(input.position(), "the frame ends too early"))
}

/// How deep arrays, maps and tags may stand in one another. The protocol itself needs eight levels.
pub const MAX_CBOR_DEPTH: usize = 64;

/// What is still to come in one array, map or tag that [`skip`] has entered.
#[derive(Clone, Copy)]
enum Open {
    Items(u64),
    IndefiniteArray,
    /// Whether a key has come whose value has not.
    IndefiniteMap(bool),
}

/// Skips one item, whatever it is, and so checks that it is well-formed. Not minicbor's own: that one takes a stray break
/// for an item, and its stack grows with the input.
#[inline(never)]
pub(crate) fn skip(input: &mut In<'_>) -> Result<(), DecodeError> {
    let mut stack = [Open::Items(0); MAX_CBOR_DEPTH];
    let mut depth: usize = 0;
    loop {
        let at = input.position();
        let wrong = |_| DecodeError::fixed(at, "the frame ends too early or is no CBOR");
        let opened = match next_type(input)? {
            Type::Array | Type::ArrayIndef => Some(input.array().map_err(wrong)?.map_or(Open::IndefiniteArray, Open::Items)),
            Type::Map | Type::MapIndef => Some(match input.map().map_err(wrong)? {
                Some(pairs) => Open::Items(pairs.checked_mul(2).ok_or_else(|| DecodeError::fixed(at, "a map longer than any frame"))?),
                None => Open::IndefiniteMap(false),
            }),
            Type::Tag => {
                input.tag().map_err(wrong)?;
                Some(Open::Items(1))
            }
            Type::Bytes | Type::BytesIndef => {
                input.bytes_iter().map_err(wrong)?.try_for_each(|piece| piece.map(|_| ())).map_err(wrong)?;
                None
            }
            Type::String | Type::StringIndef => {
                input.str_iter().map_err(wrong)?.try_for_each(|piece| piece.map(|_| ())).map_err(wrong)?;
                None
            }
            Type::Break => {
                // A break ends the innermost indefinite item, and stands nowhere else.
                match depth.checked_sub(1).and_then(|top| stack.get(top)) {
                    Some(Open::IndefiniteArray | Open::IndefiniteMap(false)) => depth -= 1,
                    _ => return Err(DecodeError::fixed(at, "a break where an item is due")),
                }
                skip_head(input)?;
                None
            }
            Type::Unknown(_) => return Err(DecodeError::fixed(at, "no CBOR")),
            _ => {
                skip_head(input)?;
                None
            }
        };
        if let Some(open) = opened {
            *stack.get_mut(depth).ok_or_else(|| DecodeError::fixed(at, "nested too deep"))? = open;
            depth += 1;
            // What has just been opened is counted in its holder when it ends.
            if !matches!(open, Open::Items(0)) {
                continue;
            }
            depth -= 1;
        }
        // One item is complete: count it in what holds it; that may complete the holder too.
        loop {
            match depth.checked_sub(1).and_then(|top| stack.get_mut(top)) {
                None => return Ok(()),
                Some(Open::Items(left)) => {
                    *left -= 1;
                    if *left > 0 {
                        break;
                    }
                    depth -= 1;
                }
                Some(Open::IndefiniteArray) => break,
                Some(Open::IndefiniteMap(odd)) => {
                    *odd = !*odd;
                    break;
                }
            }
        }
    }
}

/// Skips a number, a simple value or a break: what is nothing but its head.
#[inline(never)]
fn skip_head(input: &mut In<'_>) -> Result<(), DecodeError> {
    let at = input.position();
    let length = match input.input().get(at).map(|head| head & 0x1f) {
        Some(24) => 2,
        Some(25) => 3,
        Some(26) => 5,
        Some(27) => 9,
        _ => 1,
    };
    if at + length > input.input().len() {
        return Err(DecodeError::fixed(at, "the frame ends too early"));
    }
    input.set_position(at + length);
    Ok(())
}

/// Any CBOR number as `f64`: a JavaScript encoder writes 21.0 as an integer and 1.7e12 as a float. JSON has no NaN and no
/// infinity, so neither counts as a number here.
#[inline(never)]
pub(crate) fn number(input: &mut In<'_>) -> Result<f64, DecodeError> {
    let at = input.position();
    let wrong = |_| DecodeError::fixed(at, "expected a number");
    let value = match next_type(input)? {
        Type::F16 => input.f16().map(f64::from).map_err(wrong)?,
        Type::F32 => input.f32().map(f64::from).map_err(wrong)?,
        Type::F64 => input.f64().map_err(wrong)?,
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => input.u64().map(|n| n as f64).map_err(wrong)?,
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => input.i64().map(|n| n as f64).map_err(wrong)?,
        _ => return Err(DecodeError::fixed(at, "expected a number")),
    };
    if value.is_finite() { Ok(value) } else { Err(DecodeError::fixed(at, NOT_FINITE)) }
}

pub(crate) const NOT_FINITE: &str = "expected a finite number";

/// 2^53: beyond it a float no longer names one integer, and JavaScript no longer tells two apart.
pub const MAX_SAFE_INTEGER: u64 = 9_007_199_254_740_992;

pub(crate) const NOT_WHOLE: &str = "expected an unsigned integer";

/// The unsigned integer that a float names, if it names one.
pub(crate) fn whole(value: f64) -> Option<u64> {
    (value >= 0.0 && value <= MAX_SAFE_INTEGER as f64 && value.trunc() == value).then_some(value as u64)
}
