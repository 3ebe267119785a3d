//! Frames: torn into pieces, too large, no UTF-8, unmasked, with bits and opcodes that nobody agreed on.

use crate::ward::Ward;
use crate::wire::{BINARY, CLOSE, FIN, PING, Socket, TEXT, connect, frame, frame_masked};

/// A welcomed connection that sends these bytes and is closed; gives the close code.
async fn closed_after(ward: &Ward, bytes: &[u8]) -> u16 {
    let mut socket = ward.welcomed(&ward.token("mallory"), &["lobby"]).await;
    socket.wire.send(bytes).await;
    socket.closed_for_good().await.0
}

#[tokio::test]
async fn a_message_in_hundreds_of_one_byte_fragments_is_read_as_one() {
    let mut ward = Ward::open().await;
    let mut socket = ward.socket().await;
    let message = connect(&ward.token("mallory"), &["lobby"]).to_string();
    let last = message.len() - 1;
    assert!(last > 300);
    for (at, byte) in message.bytes().enumerate() {
        let first = if at == 0 { TEXT } else { 0 } | if at == last { FIN } else { 0 };
        socket.wire.send(frame(first, &[byte])).await;
        // Control frames may come in between, empty fragments too.
        if at % 50 == 25 {
            socket.wire.send(frame(FIN | PING, b"?")).await;
            socket.wire.send(frame(0, b"")).await;
        }
    }
    assert_eq!(socket.next_of("welcome").await["user"], "mallory");
    ward.still_serves().await;
}

#[tokio::test]
async fn a_frame_that_trickles_in_byte_by_byte_is_read_all_the_same() {
    let mut ward = Ward::open().await;
    let mut socket = ward.socket().await;
    for byte in frame(FIN | TEXT, connect(&ward.token("mallory"), &[]).to_string().as_bytes()) {
        socket.wire.send([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(socket.next_of("welcome").await["user"], "mallory");
    ward.still_serves().await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_closed_with_1009_whole_or_in_fragments_or_only_announced() {
    let mut ward = Ward::open().await;
    let whole = frame(FIN | TEXT, &[b' '; 65_537]);
    let mut fragments = frame(TEXT, &[b' '; 1_024]);
    (0..300).for_each(|_| fragments.extend(frame(0, &[b' '; 1_024])));
    // Only the head of a frame: what it announces is never sent, and never waited or allocated for.
    let announced: [&[u8]; 3] = [
        b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
        b"\x81\xff\0\0\0\x01\0\0\0\0\0\0\0\0",
        b"\x81\xff\0\0\0\0\x7f\xff\xff\xff\0\0\0\0",
    ];
    for bytes in [&whole[..], &fragments[..]].into_iter().chain(announced) {
        assert_eq!(closed_after(&ward, bytes).await, 1009, "{} bytes", bytes.len());
        ward.witness_is_served().await;
    }
    ward.only_the_good_are_left().await;
    ward.still_serves().await;
}

#[tokio::test]
async fn a_message_just_below_the_limit_is_no_attack() {
    let mut ward = Ward::open().await;
    let mut socket = ward.welcomed(&ward.token("ana"), &[]).await;
    let mut text = serde_json::json!({"type": "ping", "id": 2}).to_string();
    text.push_str(&" ".repeat(65_536 - text.len()));
    socket.send(TEXT, text).await;
    assert_eq!(socket.answer(2).await["type"], "reply");
    ward.still_serves().await;
}

#[tokio::test]
async fn text_that_is_no_utf_8_is_closed_with_4400_wherever_the_fragments_break() {
    let mut ward = Ward::open().await;
    // A lone continuation, a cut sequence, overlong forms, a surrogate, beyond Unicode, bytes that are never UTF-8.
    let bad: [&[u8]; 7] = [b"\x80", b"\xc3", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff\xfe"];
    for bytes in bad {
        let mut text = b"{\"type\":\"ping\",\"id\":2,\"x\":\"".to_vec();
        text.extend(bytes);
        text.extend(b"\"}");
        assert_eq!(closed_after(&ward, &frame(FIN | TEXT, &text)).await, 4400, "{bytes:02x?}");
        let at = text.len() - 3;
        let fragments = [frame(TEXT, &text[..at]), frame(FIN, &text[at..])].concat();
        assert_eq!(closed_after(&ward, &fragments).await, 4400, "{bytes:02x?} in fragments");
    }
    // A character that is whole, but in two fragments, is fine.
    let mut socket = ward.welcomed(&ward.token("ana"), &[]).await;
    let text = "{\"type\":\"ping\",\"id\":2,\"x\":\"é\"}";
    let at = text.find('é').unwrap() + 1;
    socket.wire.send([frame(TEXT, &text.as_bytes()[..at]), frame(FIN, &text.as_bytes()[at..])].concat()).await;
    assert_eq!(socket.answer(2).await["type"], "reply");
    ward.still_serves().await;
}

#[tokio::test]
async fn an_unmasked_frame_is_a_broken_one() {
    let mut ward = Ward::open().await;
    for bytes in [frame_masked(FIN | TEXT, b"{}", false), frame_masked(FIN | PING, b"", false), frame_masked(FIN | BINARY, b"\xa0", false)]
    {
        assert_eq!(closed_after(&ward, &bytes).await, 1002, "{bytes:02x?}");
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn bits_and_opcodes_that_nobody_agreed_on_and_broken_control_frames_are_closed_with_1002() {
    let mut ward = Ward::open().await;
    let mut attacks: Vec<(String, Vec<u8>)> = Vec::new();
    for bit in [0x40, 0x20, 0x10, 0x70] {
        attacks.push((format!("reserved bit {bit:x}"), frame(FIN | bit | TEXT, b"{}")));
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        attacks.push((format!("reserved opcode {opcode}"), frame(FIN | opcode, b"")));
    }
    attacks.push(("a ping in fragments".to_owned(), frame(PING, b"")));
    attacks.push(("a ping that is too long".to_owned(), frame(FIN | PING, &[b'x'; 126])));
    attacks.push(("a continuation of nothing".to_owned(), frame(FIN, b"{}")));
    attacks.push(("a new message within another".to_owned(), [frame(TEXT, b"{"), frame(FIN | TEXT, b"{}")].concat()));
    attacks.push(("a close of one byte".to_owned(), frame(FIN | CLOSE, b"\x03")));
    for (what, bytes) in attacks {
        assert_eq!(closed_after(&ward, &bytes).await, 1002, "{what}");
    }
    ward.only_the_good_are_left().await;
    ward.still_serves().await;
}

#[tokio::test]
async fn a_close_with_a_code_that_no_one_may_send_or_a_broken_reason_ends_the_connection_all_the_same() {
    let mut ward = Ward::open().await;
    let codes = [0_u16, 999, 1004, 1005, 1006, 1015, 2999, 5000, u16::MAX].map(|code| code.to_be_bytes().to_vec());
    for payload in codes.into_iter().chain([b"\x03\xe8\xff\xfe".to_vec(), [&b"\x03\xe8"[..], &[b'x'; 123]].concat()]) {
        let mut socket = ward.welcomed(&ward.token("mallory"), &["lobby"]).await;
        socket.send(CLOSE, &payload).await;
        socket.closed().await;
        socket.wire.finish().await;
        socket.wire.rest().await;
    }
    ward.only_the_good_are_left().await;
    ward.still_serves().await;
}

#[tokio::test]
async fn the_wrong_kind_of_frame_for_the_subprotocol_is_closed_with_4400() {
    let mut ward = Ward::open().await;
    for (protocol, opcode) in [("pulsewire.v1.json", BINARY), ("pulsewire.v1.cbor", TEXT)] {
        let mut socket = Socket::open(ward.address, "/ws", &format!("Sec-WebSocket-Protocol: {protocol}\r\n")).await;
        socket.send(opcode, b"{}").await;
        let (code, reason) = socket.closed_for_good().await;
        assert_eq!(code, 4400);
        assert!(reason.contains("frames"), "{reason}");
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn a_frame_of_nothing_or_of_empty_lines_is_nothing() {
    let mut ward = Ward::open().await;
    let mut socket = ward.welcomed(&ward.token("ana"), &[]).await;
    for payload in ["", "\n", "\n\n\r\n \t\n"] {
        for _ in 0..100 {
            socket.send(TEXT, payload).await;
        }
    }
    assert_eq!(socket.ask(serde_json::json!({"type": "ping", "id": 2})).await["type"], "reply");
    ward.still_serves().await;
}
