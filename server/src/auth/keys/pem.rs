//! Public keys of a PEM file (RFC 7468): `PUBLIC KEY` and `RSA PUBLIC KEY` blocks, as many as one likes; text between blocks is
//! left alone, as openssl does.
//!
//! Why certificates are refused: their end, their chain and their use would have to be checked too, and a token's issuer
//! never means them.

use super::material::{Unfit, rsa_der, spki};
use super::{KeyMistake, Parsed, judged};

/// The keys of a PEM file.
///
/// # Errors
/// Every mistake of the file, each with its block; no key is taken from a file with a mistake.
pub fn parse_pem(text: &[u8]) -> Result<Parsed, Vec<KeyMistake>> {
    const MARK: &[u8] = b"-----BEGIN ";
    let begun = text.windows(MARK.len()).filter(|window| *window == MARK).count();
    if begun == 0 {
        let mend = "a PEM file has lines such as -----BEGIN PUBLIC KEY-----; a JWKS goes into auth.jwks";
        return Err(vec![KeyMistake::whole("there is no PEM block in it", mend)]);
    }
    let blocks = match ::pem::parse_many(text) {
        // The reader stops without a word at a block that does not end.
        Ok(blocks) if blocks.len() == begun => blocks,
        Ok(blocks) => {
            let problem = format!("block {} does not end", blocks.len() + 1);
            return Err(vec![KeyMistake::whole(problem, "the file was cut: write it again, whole")]);
        }
        Err(_) => {
            let mend = "the lines between BEGIN and END must be base64, and both must name the same thing: write the file again";
            return Err(vec![KeyMistake::whole("a block cannot be read", mend)]);
        }
    };
    let mut parsed = Parsed::default();
    let mut mistakes = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        match key_of(block.tag(), block.contents()) {
            Ok(key) => parsed.keys.push(key),
            Err(Unfit { problem, mend }) => mistakes.push(KeyMistake { entry: format!("block {}", index + 1), problem, mend }),
        }
    }
    judged(parsed, mistakes)
}

fn key_of(tag: &str, der: &[u8]) -> Result<super::PublicKey, Unfit> {
    match tag {
        "PUBLIC KEY" => spki(der),
        "RSA PUBLIC KEY" => rsa_der(der),
        private if private.contains("PRIVATE KEY") => Err(Unfit {
            problem: "this is a private key: whoever reads it can make tokens, and the relay must not hold it".to_owned(),
            mend: "put the public part here (openssl pkey -in PRIVATE.pem -pubout), and make a new pair if others could read this file"
                .to_owned(),
        }),
        "CERTIFICATE" => Err(Unfit {
            problem: "this is a certificate, not a public key".to_owned(),
            mend: "take the key out of it: openssl x509 -in CERTIFICATE.pem -pubkey -noout".to_owned(),
        }),
        _ => Err(Unfit {
            problem: "this is no public key".to_owned(),
            mend: "accepted: PUBLIC KEY and RSA PUBLIC KEY, such as openssl pkey -pubout writes".to_owned(),
        }),
    }
}
