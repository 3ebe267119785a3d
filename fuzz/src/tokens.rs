//! Any text as a token, and any header and claims under the right signature: what is accepted has valid names, and a refusal repeats
//! nothing of the token.
//!
//! Input: the bytes as a token; and, split at the first line break, as header and claims to be signed with the relay's own secret,
//! with the private key whose public part it trusts, and with that public part.

use super::relay::{SECRET, START_MS, p256, relay_with_public_key, under_virtual_time};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use pulsewire_protocol::channel::is_id;
use pulsewire_relay::{Principal, Relay};

/// What an attacker would sign with: a public key is no secret.
const PUBLIC_FORMS: [&[u8]; 2] = [include_bytes!("../../server/tests/keys/p256.pub.pem"), b""];

/// See the module.
pub fn check(input: &[u8]) {
    under_virtual_time(async {
        let relay = relay_with_public_key();
        if let Ok(text) = core::str::from_utf8(input) {
            read(&relay, text);
        }
        let Some(at) = input.iter().position(|byte| *byte == b'\n') else { return };
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(&input[..at]), URL_SAFE_NO_PAD.encode(&input[at + 1..]));
        for (key, algorithm) in [(EncodingKey::from_secret(SECRET.as_bytes()), Algorithm::HS256), (p256(), Algorithm::ES256)] {
            let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
            if let Some(who) = read(&relay, &format!("{message}.{signature}")) {
                let header: serde_json::Value = serde_json::from_slice(&input[..at]).unwrap();
                assert_eq!(header["alg"], format!("{algorithm:?}"), "no other algorithm is accepted");
                let kid = header.get("kid").map(|kid| kid.as_str().unwrap());
                // The one key that has a name is not for the secret's algorithm.
                let fits = kid.is_none_or(|kid| (kid == "key") == (algorithm == Algorithm::ES256));
                assert!(fits, "{kid:?} is no name of the key that signed");
                assert!(who.expires_at_ms + relay.config().auth.leeway_s * 1_000 > START_MS, "accepted though it has ended: {who:?}");
            }
        }
        for public in PUBLIC_FORMS {
            let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(public), Algorithm::HS256).unwrap();
            assert!(read(&relay, &format!("{message}.{signature}")).is_none(), "accepted, signed with what everyone knows");
        }
        assert!(read(&relay, &format!("{message}.")).is_none(), "accepted without a signature");
    });
}

fn read(relay: &Relay, token: &str) -> Option<std::sync::Arc<Principal>> {
    match relay.authenticate(Some(token)) {
        Ok(who) => {
            assert!(is_id(&who.user) && is_id(&who.tenant), "{who:?}");
            assert!(!who.name.is_empty() && !who.name.chars().any(char::is_control), "{who:?}");
            Some(who)
        }
        Err(refused) => {
            let parts = token.split('.').filter(|part| part.len() > 24 && !part.contains(' '));
            parts.for_each(|part| assert!(!refused.message.contains(part), "the refusal repeats the token: {}", refused.message));
            None
        }
    }
}
