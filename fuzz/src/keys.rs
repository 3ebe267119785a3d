//! Any bytes as a PEM file and as a JWKS: what is taken is strong enough, what is refused says why and repeats no key.
//!
//! Input: the file.

use jsonwebtoken::Algorithm;
use pulsewire_relay::auth::keys::{KeyMistake, MAX_KEYS, Parsed, parse_jwks, parse_pem};

/// See the module.
pub fn check(input: &[u8]) {
    judge(input, parse_pem(input));
    judge(input, parse_jwks(input));
}

fn judge(input: &[u8], read: Result<Parsed, Vec<KeyMistake>>) {
    let told: Vec<String> = match read {
        Ok(parsed) => {
            assert!((1..=MAX_KEYS).contains(&parsed.keys.len()), "{parsed:?}");
            for key in &parsed.keys {
                let strong = match key.algorithm {
                    Algorithm::RS256 => (2_048..=8_192).contains(&key.bits),
                    Algorithm::ES256 | Algorithm::EdDSA => key.bits == 256,
                    _ => false,
                };
                assert!(strong, "{key:?}");
            }
            parsed.skipped.into_iter().chain(parsed.keys.iter().map(ToString::to_string)).collect()
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused without a reason");
            assert!(mistakes.iter().all(|mistake| !mistake.problem.is_empty() && !mistake.mend.is_empty()), "{mistakes:?}");
            mistakes.iter().map(ToString::to_string).collect()
        }
    };
    for line in told {
        assert!(!line.chars().any(char::is_control), "a message that the file has shaped: {line:?}");
        // What only private keys of the seeds hold.
        for secret in ["SECRET-OF-THE-TEST", "MC4CAQAwBQYDK2VwBCIEI"] {
            assert!(!line.contains(secret), "repeated: {line}");
        }
        assert!(line.len() < 64 * 1024 || input.len() > 1_024, "a long message from a short file");
    }
}
