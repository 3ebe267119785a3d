//! The protocol's golden vectors as seeds: the same file is what a client's tests read.

use serde_json::Value;
use std::path::Path;

/// What the vectors give this target to begin with.
pub fn golden(target: &str, vectors: &Path) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    if target != "codecs" && target != "session" {
        return seeds;
    }
    for file in ["messages", "events", "frames", "bodies", "lenient", "invalid"] {
        let text = std::fs::read_to_string(vectors.join(file).with_extension("json")).unwrap();
        let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
        for case in &cases {
            for key in ["json", "givenJson"] {
                match &case[key] {
                    Value::Null => {}
                    Value::String(text) => seeds.push(text.clone().into_bytes()),
                    Value::Array(lines) if file == "frames" => {
                        seeds.push(lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n").into_bytes());
                    }
                    value => seeds.push(value.to_string().into_bytes()),
                }
            }
            for key in ["cborHex", "givenCborHex"] {
                seeds.extend(case[key].as_str().map(unhex));
            }
        }
    }
    if target == "session" {
        // A connection that came with its token, says `connect`, and then the vector.
        let connect =
            br#"{"type":"connect","id":9,"client":{"name":"","version":"","session":""},"subscribe":[{"channel":"device:bed-1"}]}"#;
        let binary = unhex("a30001010903a3016002600360");
        seeds = seeds
            .into_iter()
            .map(|seed| {
                let json = seed.first() == Some(&b'{');
                let first: &[u8] = if json { connect } else { &binary };
                [&[if json { 6 } else { 7 }][..], &framed(first), &framed(&seed)].concat()
            })
            .collect();
    }
    seeds
}

fn framed(frame: &[u8]) -> Vec<u8> {
    let length = u16::try_from(frame.len()).unwrap_or(0x7fff) & 0x7fff;
    [&length.to_be_bytes()[..], frame].concat()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}
