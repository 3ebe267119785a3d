//! What a frame costs in memory is a small multiple of its size, whatever it claims. Alone in its binary: it counts the heap.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use peak_alloc::PeakAlloc;
use pulsewire_protocol::*;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The multiple that PROTOCOL.md promises.
const MOST_PER_BYTE: usize = 64;

fn costs_at_most(what: &str, bytes: &[u8], read: impl Fn(&[u8])) {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    read(bytes);
    let cost = HEAP.peak_usage().saturating_sub(before);
    assert!(
        cost <= bytes.len() * MOST_PER_BYTE + 4096,
        "{what}: {cost} bytes of heap for a frame of {}: {}×",
        bytes.len(),
        cost / bytes.len()
    );
}

fn cbor_frames(bytes: &[u8]) {
    assert!(cbor::decode_client(bytes).count() > 0);
    assert!(cbor::decode_server(bytes).count() > 0);
}

fn json_frames(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(json::decode_client(text).count() > 0);
    assert!(json::decode_server(text).count() > 0);
}

/// A CBOR map head with one more entry: a list of `items`.
fn with_list(head: &[u8], items: &[u8], count: usize) -> Vec<u8> {
    let mut frame = head.to_vec();
    frame.push(0x9b);
    frame.extend_from_slice(&(count as u64).to_be_bytes());
    for _ in 0..count {
        frame.extend_from_slice(items);
    }
    frame
}

#[test]
fn no_frame_of_64_kib_costs_more_than_a_small_multiple_of_itself() {
    const N: usize = 16_000;
    // connect with the smallest entries
    costs_at_most("connect", &with_list(&[0xa4, 0, 1, 1, 1, 3, 0xa3, 1, 0x60, 2, 0x60, 3, 0x60, 4], &[0xa1, 1, 0x60], N), cbor_frames);
    // alert_read with empty ids; telemetry with one-byte numbers
    costs_at_most("ids", &with_list(&[0xa5, 0, 4, 1, 1, 2, 0x60, 3, 4, 4, 0xa1, 1], &[0x60], N), cbor_frames);
    costs_at_most(
        "column",
        &with_list(&[0xa5, 0, 4, 1, 1, 2, 0x60, 3, 2, 4, 0xa2, 1, 0x60, 2, 0xa1, 0x60, 0xa2, 2, 0x80, 1], &[0x01], N),
        cbor_frames,
    );
    // welcome with the smallest subscriptions, subscribed with the smallest publications, viewers with empty names
    let limits = [0xa4, 1, 0, 2, 0, 3, 0, 4, 0];
    let head = [&[0xac, 0, 1, 1, 1, 2, 0x60, 3, 0x60, 4, 0x60, 5, 0x60, 6, 0, 7, 0, 8, 0, 9, 0, 10][..], &limits, &[11]].concat();
    costs_at_most("welcome", &with_list(&head, &[0xa4, 1, 0x60, 3, 0x60, 4, 0, 5, 0xf4], N), cbor_frames);
    costs_at_most(
        "subscribed",
        &with_list(&[0xa6, 0, 2, 2, 0x60, 3, 0x60, 4, 0, 5, 0xf4, 6], &[0xa3, 2, 14, 3, 0, 4, 0xa1, 1, 0x60], N),
        cbor_frames,
    );
    costs_at_most("viewers", &with_list(&[0xa4, 0, 5, 1, 0x60, 2, 0, 3], &[0x60], N), cbor_frames);
    // lengths that lie, and openings without an end
    costs_at_most("lies", &[0xa1, 0x9b, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00], cbor_frames);
    for open in [0x81, 0x9f, 0xbf, 0xa1, 0xc1, 0x5f, 0x7f] {
        costs_at_most("openings", &[open; 64 * 1024], cbor_frames);
    }
    // the same in JSON
    let list = |head: &str, item: &str| format!("{head}[{}]}}", vec![item; N].join(",")).into_bytes();
    costs_at_most(
        "json connect",
        &list(r#"{"type":"connect","id":1,"client":{"name":"","version":"","session":""},"subscribe":"#, r#"{"channel":""}"#),
        json_frames,
    );
    costs_at_most("json viewers", &list(r#"{"type":"viewers","channel":"","count":0,"names":"#, r#""""#), json_frames);
    costs_at_most(
        "json subscribed",
        &list(
            r#"{"type":"subscribed","channel":"","epoch":"","offset":0,"recovered":false,"publications":"#,
            r#"{"event":"","ts":0,"data":0}"#,
        ),
        json_frames,
    );
    costs_at_most("json reply", &list(r#"{"type":"reply","id":1,"result":{"a":"#, "[]"), json_frames);
    costs_at_most("json openings", "[".repeat(64 * 1024).as_bytes(), json_frames);
    costs_at_most("lines", "{}\n".repeat(20_000).as_bytes(), json_frames);
}
