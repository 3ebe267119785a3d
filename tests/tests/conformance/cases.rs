//! Autobahn's cases by their numbers: groups 1 to 7, 9 and 10, 301 in all (12 and 13 are compression, which we do not speak).

use crate::case::{Case, End, Pieces, binary, close, fragments, ping, text};
use crate::peer::{BINARY, CLOSE, CONTINUATION, Event, FIN, PING, PONG, TEXT, frame};

const HELLO: &[u8] = b"Hello, world!";
/// "kosme" in Greek, with the accent's own code point of three octets (U+1F79), as in Markus Kuhn's file.
const GREEK: &[u8] = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";

fn echo(payload: impl AsRef<[u8]>) -> Event {
    (TEXT, payload.as_ref().to_vec())
}
fn echoed(payload: &[u8]) -> Event {
    (BINARY, payload.to_vec())
}
fn pong(payload: &[u8]) -> Event {
    (PONG, payload.to_vec())
}
fn fails() -> End {
    End::Fails(vec![1002])
}
/// The RFC's code is 1007; the relay closes with its own 4400, which tells a client not to try again (PROTOCOL.md, section 6).
fn no_utf8() -> End {
    End::Fails(vec![1007, 4400])
}

/// A group's number, how many cases it has, and what makes them.
pub type Group = (&'static str, usize, fn() -> Vec<Case>);

/// Autobahn's groups, with how many cases each has; made when their turn comes, for the large ones hold megabytes.
pub const GROUPS: [Group; 8] = [
    ("1", 16, framing),
    ("2", 11, pings),
    ("3", 7, reserved_bits),
    ("4", 10, opcodes),
    ("5", 20, fragmentation),
    ("6", 145, utf8),
    ("7", 37, closing),
    ("9 and 10", 55, limits),
];

/// 1: text and binary of every length's encoding.
fn framing() -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, (size, pieces)) in
        [0, 125, 126, 127, 128, 65_535, 65_536].map(|size| (size, Pieces::Whole)).into_iter().chain([(65_536, Pieces::Of(997))]).enumerate()
    {
        let (letters, bytes) = (vec![b'*'; size], vec![0xfe; size]);
        cases.push(Case::new(format!("1.1.{}", at + 1), vec![text(&letters)], vec![echo(&letters)]).by(pieces));
        cases.push(Case::new(format!("1.2.{}", at + 1), vec![binary(&bytes)], vec![echoed(&bytes)]).by(pieces));
    }
    cases
}

/// 2: pings and pongs.
fn pings() -> Vec<Case> {
    let odd = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff";
    let long = [0xfe; 125];
    let unasked = |payload: &[u8]| frame(FIN | PONG, payload);
    let numbered: Vec<String> = (0..10).map(|number| format!("payload-{number}")).collect();
    let ten: Vec<Vec<u8>> = numbered.iter().map(|payload| ping(payload.as_bytes())).collect();
    let answers: Vec<Event> = numbered.iter().map(|payload| pong(payload.as_bytes())).collect();
    vec![
        Case::new("2.1", vec![ping(b"")], vec![pong(b"")]),
        Case::new("2.2", vec![ping(HELLO)], vec![pong(HELLO)]),
        Case::new("2.3", vec![ping(odd)], vec![pong(odd)]),
        Case::new("2.4", vec![ping(&long)], vec![pong(&long)]),
        Case::new("2.5", vec![ping(&[0xfe; 126])], vec![]).ends(fails()),
        Case::new("2.6", vec![ping(&long)], vec![pong(&long)]).by(Pieces::Of(1)),
        Case::new("2.7", vec![unasked(b"")], vec![]),
        Case::new("2.8", vec![unasked(b"unsolicited pong payload")], vec![]),
        Case::new("2.9", vec![unasked(b"unsolicited pong payload"), ping(b"ping payload")], vec![pong(b"ping payload")]),
        Case::new("2.10", ten.clone(), answers.clone()),
        Case::new("2.11", ten, answers).by(Pieces::Of(1)),
    ]
}

/// 3: reserved bits without an extension.
fn reserved_bits() -> Vec<Case> {
    let with = |bits: u8, opcode: u8, payload: &[u8]| frame(FIN | bits << 4 | opcode, payload);
    let after_text = |number: &str, bits: u8, pieces: Pieces| {
        Case::new(number, vec![text(HELLO), with(bits, TEXT, HELLO), ping(b"")], vec![echo(HELLO)]).or(vec![]).ends(fails()).by(pieces)
    };
    vec![
        Case::new("3.1", vec![with(1, TEXT, HELLO)], vec![]).ends(fails()),
        after_text("3.2", 2, Pieces::Whole),
        after_text("3.3", 3, Pieces::Frames),
        after_text("3.4", 4, Pieces::Of(1)),
        Case::new("3.5", vec![with(5, BINARY, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")], vec![]).ends(fails()),
        Case::new("3.6", vec![with(6, PING, HELLO)], vec![]).ends(fails()),
        Case::new("3.7", vec![with(7, CLOSE, b"\x03\xe8")], vec![]).ends(fails()),
    ]
}

/// 4: reserved opcodes.
fn opcodes() -> Vec<Case> {
    let mut cases = Vec::new();
    for (group, base) in [(1, 3), (2, 11)] {
        cases.push(Case::new(format!("4.{group}.1"), vec![frame(FIN | base, b"")], vec![]).ends(fails()));
        cases.push(Case::new(format!("4.{group}.2"), vec![frame(FIN | (base + 1), b"reserved opcode payload")], vec![]).ends(fails()));
        for (number, pieces) in [(3, Pieces::Whole), (4, Pieces::Whole), (5, Pieces::Of(1))] {
            let payload: &[u8] = if number == 3 { b"" } else { b"reserved opcode payload" };
            let frames = vec![text(HELLO), frame(FIN | (base + number - 1), payload), ping(b"")];
            cases.push(Case::new(format!("4.{group}.{number}"), frames, vec![echo(HELLO)]).or(vec![]).ends(fails()).by(pieces));
        }
    }
    cases
}

/// 5: fragments, with control frames between them, and where none may be.
fn fragmentation() -> Vec<Case> {
    let all = [Pieces::Whole, Pieces::Frames, Pieces::Of(1)];
    let two = || fragments(TEXT, &[b"fragment1", b"fragment2"]);
    let whole = || echo("fragment1fragment2");
    let mut cases = vec![
        Case::new("5.1", fragments(PING, &[b"fragment1", b"fragment2"]), vec![]).ends(fails()),
        Case::new("5.2", fragments(PONG, &[b"fragment1", b"fragment2"]), vec![]).ends(fails()),
    ];
    for (at, pieces) in all.into_iter().enumerate() {
        cases.push(Case::new(format!("5.{}", 3 + at), two(), vec![whole()]).by(pieces));
        let [first, second] = <[Vec<u8>; 2]>::try_from(two()).unwrap();
        let frames = vec![first, ping(b"ping payload"), second];
        cases.push(Case::new(format!("5.{}", 6 + at), frames, vec![pong(b"ping payload"), whole()]).by(pieces));
        for (number, first) in [(9, FIN | CONTINUATION), (12, CONTINUATION)] {
            let frames = vec![frame(first, b"non-continuation payload"), text(HELLO)];
            cases.push(Case::new(format!("5.{}", number + at), frames, vec![]).ends(fails()).by(pieces));
        }
    }
    let behind = [two(), vec![frame(CONTINUATION, b"fragment3"), text("fragment4")]].concat();
    cases.push(Case::new("5.15", behind, vec![whole()]).or(vec![]).ends(fails()));
    for (number, first) in [("5.16", CONTINUATION), ("5.17", FIN | CONTINUATION)] {
        let round = [frame(first, b"fragment1"), frame(TEXT, b"fragment2"), frame(FIN | CONTINUATION, b"fragment3")];
        cases.push(Case::new(number, [round.clone(), round].concat(), vec![]).ends(fails()));
    }
    cases.push(Case::new("5.18", vec![frame(TEXT, b"fragment1"), frame(FIN | TEXT, b"fragment2")], vec![]).ends(fails()));
    for (number, pieces) in [("5.19", Pieces::Whole), ("5.20", Pieces::Frames)] {
        let [a, b, c, d, e] =
            <[Vec<u8>; 5]>::try_from(fragments(TEXT, &[b"fragment1", b"fragment2", b"fragment3", b"fragment4", b"fragment5"])).unwrap();
        let frames = vec![a, b, ping(b"pongme 1!"), c, d, ping(b"pongme 2!"), e];
        let events = vec![pong(b"pongme 1!"), pong(b"pongme 2!"), echo("fragment1fragment2fragment3fragment4fragment5")];
        cases.push(Case::new(number, frames, events).by(pieces));
    }
    cases
}

/// 6: UTF-8, valid and not.
fn utf8() -> Vec<Case> {
    let valid: &[u8] = "Hello-µ@ßöäüàá-UTF-8!!".as_bytes();
    let broken: &[u8] = &[GREEK, b"\xed\xa0\x80edited"].concat();
    let octets = |bytes: &[u8]| fragments(TEXT, &bytes.chunks(1).collect::<Vec<_>>());
    let split = valid.iter().position(|byte| !byte.is_ascii()).unwrap() + 2;
    // The second piece is wrong at its first octets; the third would be fine.
    let (head, tail): (&[u8], &[u8]) = (GREEK, b"edited");
    let cut = |bytes: &[u8], pieces: &[usize]| -> Vec<Vec<u8>> {
        let mut rest = bytes;
        let mut cut = Vec::new();
        for size in pieces {
            let (piece, after) = rest.split_at(*size);
            cut.push(piece.to_vec());
            rest = after;
        }
        cut.push(rest.to_vec());
        cut
    };
    let whole = text([head, b"\xf4\x90\x80\x80", tail].concat());
    let header = whole.len() - head.len() - 4 - tail.len();
    let mut cases = vec![
        Case::new("6.1.1", vec![text("")], vec![echo("")]),
        Case::new("6.1.2", fragments(TEXT, &[b"", b"", b""]), vec![echo("")]),
        Case::new("6.1.3", fragments(TEXT, &[b"", b"middle frame payload", b""]), vec![echo("middle frame payload")]),
        Case::new("6.2.1", vec![text(valid)], vec![echo(valid)]),
        Case::new("6.2.2", fragments(TEXT, &[&valid[..split], &valid[split..]]), vec![echo(valid)]),
        Case::new("6.2.3", octets(valid), vec![echo(valid)]),
        Case::new("6.2.4", octets(GREEK), vec![echo(GREEK)]),
        Case::new("6.3.1", vec![text(broken)], vec![]).ends(no_utf8()),
        Case::new("6.3.2", octets(broken), vec![]).ends(no_utf8()),
        Case::new("6.4.1", fragments(TEXT, &[head, b"\xf4\x90\x80\x80", tail]), vec![]).ends(no_utf8()).failing_at(1),
        Case::new("6.4.2", fragments(TEXT, &[head, b"\xf4\x90", b"\x80\x80", tail]), vec![]).ends(no_utf8()).failing_at(1),
        Case::new("6.4.3", cut(&whole, &[header + head.len(), 4]), vec![]).ends(no_utf8()).failing_at(1),
        Case::new("6.4.4", cut(&whole, &[header + head.len(), 2]), vec![]).ends(no_utf8()).failing_at(1),
    ];
    for (group, sequences) in sequences() {
        for (at, sequence) in sequences.into_iter().enumerate() {
            let case = Case::new(format!("6.{group}.{}", at + 1), vec![text(&sequence)], vec![]);
            cases.push(match std::str::from_utf8(&sequence) {
                Ok(_) => Case::new(case.number, vec![text(&sequence)], vec![echo(&sequence)]),
                Err(_) => case.ends(no_utf8()),
            });
        }
    }
    cases
}

/// 6.5 to 6.23, the sequences of Markus Kuhn's test file. Whether one is valid is judged by the standard library.
fn sequences() -> Vec<(u32, Vec<Vec<u8>>)> {
    let list = |texts: &[&[u8]]| texts.iter().map(|text| text.to_vec()).collect::<Vec<_>>();
    let lonely = |range: std::ops::RangeInclusive<u8>| range.flat_map(|byte| [byte, b' ']).collect::<Vec<u8>>();
    let missing: [&[u8]; 10] = [
        b"\xc0",
        b"\xe0\x80",
        b"\xf0\x80\x80",
        b"\xf8\x80\x80\x80",
        b"\xfc\x80\x80\x80\x80",
        b"\xdf",
        b"\xef\xbf",
        b"\xf7\xbf\xbf",
        b"\xfb\xbf\xbf\xbf",
        b"\xfd\xbf\xbf\xbf\xbf",
    ];
    // U+FFFE and U+FFFF of each of the 17 planes.
    let non_characters = (0..=16_u32).flat_map(|plane| [0xfffe, 0xffff].map(|low| plane << 16 | low));
    let written = |code: u32| char::from_u32(code).unwrap().to_string().into_bytes();
    vec![
        (
            5,
            ["hello$world", "hello¢world", "hello€world", "hello𤭢world"]
                .map(|text| text.as_bytes().to_vec())
                .into_iter()
                .chain([GREEK.to_vec()])
                .collect(),
        ),
        (6, (1..=GREEK.len()).map(|length| GREEK[..length].to_vec()).collect()),
        (7, list(&[b"\x00", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"])),
        (8, list(&[b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"])),
        (9, list(&[b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"])),
        (10, list(&[b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"])),
        (11, list(&[b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80"])),
        (12, {
            let mut runs = list(&[b"\x80", b"\xbf"]);
            runs.extend((2..=6).map(|length| [0x80, 0xbf].into_iter().cycle().take(length).collect()));
            runs.push((0x80..=0xbf).collect());
            runs
        }),
        (13, [0xc0..=0xdf, 0xe0..=0xef, 0xf0..=0xf7, 0xf8..=0xfb, 0xfc..=0xfd].map(lonely).to_vec()),
        (14, list(&missing)),
        (15, vec![missing.concat()]),
        (16, list(&[b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"])),
        (17, list(&[b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x80\x80\x80\xaf", b"\xfc\x80\x80\x80\x80\xaf"])),
        (18, list(&[b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf8\x87\xbf\xbf\xbf", b"\xfc\x83\xbf\xbf\xbf\xbf"])),
        (19, list(&[b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xf8\x80\x80\x80\x80", b"\xfc\x80\x80\x80\x80\x80"])),
        (
            20,
            list(&[b"\xed\xa0\x80", b"\xed\xad\xbf", b"\xed\xae\x80", b"\xed\xaf\xbf", b"\xed\xb0\x80", b"\xed\xbe\x80", b"\xed\xbf\xbf"]),
        ),
        (21, {
            let (high, low) = ([b"\xed\xa0\x80", b"\xed\xad\xbf", b"\xed\xae\x80", b"\xed\xaf\xbf"], [b"\xed\xb0\x80", b"\xed\xbf\xbf"]);
            high.iter().flat_map(|high| low.map(|low| [high.as_slice(), low.as_slice()].concat())).collect()
        }),
        (22, non_characters.map(written).collect()),
        (23, (0xfff9..=0xffff).map(written).collect()),
    ]
}

/// 7: the closing handshake.
fn closing() -> Vec<Case> {
    let answered = |code: u16| End::Answers(vec![code]);
    let mut cases = vec![
        Case::new("7.1.1", vec![text(HELLO)], vec![echo(HELLO)]),
        Case::new("7.1.2", vec![close(1000, b""), close(1000, b"")], vec![]).ends(answered(1000)),
        Case::new("7.1.3", vec![close(1000, b""), ping(b"")], vec![]).ends(answered(1000)),
        Case::new("7.1.4", vec![close(1000, b""), text(HELLO)], vec![]).ends(answered(1000)),
        Case::new("7.1.5", vec![frame(TEXT, b"fragment1"), close(1000, b""), frame(FIN, b"fragment2")], vec![]).ends(answered(1000)),
        Case::new("7.1.6", vec![text(vec![b'b'; 256 * 1024]), close(1000, b""), ping(b"")], vec![]).ends(answered(1000)).informational(),
        Case::new("7.3.1", vec![frame(FIN | CLOSE, b"")], vec![]).ends(End::Answers(vec![1000, 1005])),
        Case::new("7.3.2", vec![frame(FIN | CLOSE, b"a")], vec![]).ends(fails()),
        Case::new("7.3.3", vec![close(1000, b"")], vec![]).ends(answered(1000)),
        Case::new("7.3.4", vec![close(1000, b"Hello World!")], vec![]).ends(answered(1000)),
        Case::new("7.3.5", vec![close(1000, &[b'*'; 123])], vec![]).ends(answered(1000)),
        Case::new("7.3.6", vec![close(1000, &[b'*'; 124])], vec![]).ends(fails()),
        Case::new("7.5.1", vec![close(1000, &[GREEK, b"\xed\xa0\x80edited"].concat())], vec![]).ends(End::Fails(vec![1007, 4400, 1002])),
    ];
    for (at, code) in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].into_iter().enumerate() {
        cases.push(Case::new(format!("7.7.{}", at + 1), vec![close(code, b"")], vec![]).ends(answered(code)));
    }
    for (at, code) in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].into_iter().enumerate() {
        cases.push(Case::new(format!("7.9.{}", at + 1), vec![close(code, b"")], vec![]).ends(fails()));
    }
    for (at, code) in [5000, 65_535].into_iter().enumerate() {
        cases.push(Case::new(format!("7.13.{}", at + 1), vec![close(code, b"")], vec![]).ends(fails()).informational());
    }
    cases
}

/// 9 and 10: large messages, many fragments, many pieces, many messages.
fn limits() -> Vec<Case> {
    const KIB: usize = 1024;
    const MIB: usize = 1024 * KIB;
    let mut cases = Vec::new();
    for (kind, opcode) in [(1, TEXT), (2, BINARY)] {
        let payload = |size: usize| vec![if opcode == TEXT { b'*' } else { 0xfe }; size];
        for (at, size) in [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB].into_iter().enumerate() {
            cases.push(Case::new(format!("9.{kind}.{}", at + 1), vec![frame(FIN | opcode, &payload(size))], vec![(opcode, payload(size))]));
        }
        let whole = payload(4 * MIB);
        for (at, size) in [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB].into_iter().enumerate() {
            let frames = fragments(opcode, &whole.chunks(size).collect::<Vec<_>>());
            cases.push(Case::new(format!("9.{}.{}", kind + 2, at + 1), frames, vec![(opcode, whole.clone())]));
        }
        for (at, size) in [64, 128, 256, 512, KIB, 2 * KIB].into_iter().enumerate() {
            let case =
                Case::new(format!("9.{}.{}", kind + 4, at + 1), vec![frame(FIN | opcode, &payload(MIB))], vec![(opcode, payload(MIB))]);
            cases.push(case.by(Pieces::Of(size)));
        }
        for (at, size) in [0, 16, 64, 256, KIB, 4 * KIB].into_iter().enumerate() {
            let frames = vec![frame(FIN | opcode, &payload(size)); 1_000];
            cases.push(Case::new(format!("9.{}.{}", kind + 6, at + 1), frames, vec![(opcode, payload(size)); 1_000]).by(Pieces::Frames));
        }
    }
    let whole = vec![b'*'; 64 * KIB];
    let frames = fragments(TEXT, &whole.chunks(1_300).collect::<Vec<_>>());
    cases.push(Case::new("10.1.1", frames, vec![echo(&whole)]));
    cases
}
