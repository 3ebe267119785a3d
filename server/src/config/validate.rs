//! Checks of the whole: what no single key can know.

use super::mistake::{Mistake, Mistakes, Place};
use super::{Config, DEV_SECRET};
use crate::rate::RATES;
use pulsewire_protocol::ChannelName;
use secrecy::ExposeSecret;

/// The shortest secret that HS256 should be used with: as long as its hash (RFC 7518, section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

impl Config {
    /// Checks the whole. [`super::load`] does this too and knows the places; this is for configurations made in code.
    pub fn validate(&self) -> Result<(), Mistakes> {
        let found = self.mistakes(|_| Place::Unset);
        if found.is_empty() { Ok(()) } else { Err(Mistakes(found)) }
    }

    /// What is wrong with the whole; `place_of` says where a key was set.
    pub(super) fn mistakes(&self, place_of: impl Fn(&str) -> Place) -> Vec<Mistake> {
        let mut found = Vec::new();
        let mut say = |key: &str, problem: String, mend: &str| {
            found.push(Mistake { place: place_of(key), key: key.to_owned(), problem, mend: mend.to_owned() });
        };
        self.check_secret(&mut say);
        if self.dev && !self.allow_lan && !self.listen.ip().is_loopback() {
            let problem = format!("development mode does not listen on {}: its secret is public", self.listen.ip());
            say("listen", problem, "listen on 127.0.0.1, or add --allow-lan if everyone who reaches this address may do everything");
        }
        let beat = self.heartbeat;
        if beat.dead_after_ms <= beat.interval_ms {
            let problem = format!("{} is not longer than heartbeat.interval_ms ({})", beat.dead_after_ms, beat.interval_ms);
            say("heartbeat.dead_after_ms", problem, "give a connection at least two heartbeats, such as 3 × interval_ms");
        }
        if beat.client_timeout_ms <= beat.interval_ms {
            let problem = format!("{} is not longer than heartbeat.interval_ms ({})", beat.client_timeout_ms, beat.interval_ms);
            say("heartbeat.client_timeout_ms", problem, "clients would reconnect between two heartbeats; such as 2 × interval_ms");
        }
        let limits = &self.limits;
        if limits.queue_bytes < limits.max_message_bytes {
            let problem = format!("{} is less than limits.max_message_bytes ({})", limits.queue_bytes, limits.max_message_bytes);
            say("limits.queue_bytes", problem, "one message of the largest size must fit");
        }
        if limits.max_body_bytes < limits.max_message_bytes {
            let problem = format!("{} is less than limits.max_message_bytes ({})", limits.max_body_bytes, limits.max_message_bytes);
            say("limits.max_body_bytes", problem, "one message of the largest size must fit");
        }
        if !limits.trusted_proxies.is_empty() && limits.trusted_proxy_hops == 0 {
            let problem = "has no effect while limits.trusted_proxy_hops is 0".to_owned();
            say("limits.trusted_proxies", problem, "say how many proxies append to X-Forwarded-For, such as 1, or leave the networks out");
        }
        if limits.trusted_proxies.is_empty() && limits.trusted_proxy_hops > 0 && place_of("limits.trusted_proxies") != Place::Unset {
            let problem = "the list is empty, and limits.trusted_proxy_hops would have every peer believed".to_owned();
            say("limits.trusted_proxies", problem, "name the networks of the proxies, such as [\"10.0.0.0/8\"], or leave the key out");
        }
        for kind in self.write_delay_ms.keys().filter(|kind| !is_kind(kind)) {
            say(&format!("write_delay_ms.{kind}"), format!("{kind:?} is no kind of channel"), NO_KIND);
        }
        for (kind, hz) in &self.throttle {
            let key = format!("throttle.{kind}");
            if !is_kind(kind) {
                say(&key, format!("{kind:?} is no kind of channel"), NO_KIND);
            }
            if !RATES.iter().any(|rate| u32::from(*rate) == *hz) {
                say(&key, format!("{hz} is none of the rates there are"), "accepted: 1, 2, 5, 10, 20, 30 or 60 times a second");
            }
        }
        if self.metrics.listen.is_some_and(|own| own == self.listen && own.port() != 0) {
            say("metrics.listen", "is the same address as listen".to_owned(), "give it another port, or leave it out");
        }
        found
    }

    fn check_secret(&self, say: &mut impl FnMut(&str, String, &str)) {
        const KEY: &str = "auth.jwt_secret";
        const MEND: &str = "set PULSEWIRE_JWT_SECRET to a random text of at least 32 bytes, such as the output of \
                            `openssl rand -base64 48`, or auth.public_keys or auth.jwks to files of public keys; to try things out start with --dev";
        match &self.auth.jwt_secret {
            None if self.dev || self.auth.has_key_files() => {}
            None => say(KEY, "there is neither a secret nor a public key to check tokens with".to_owned(), MEND),
            Some(secret) => {
                let secret = secret.expose_secret();
                if secret.len() < MIN_SECRET_BYTES {
                    say(KEY, format!("the secret has {} bytes, at least {MIN_SECRET_BYTES} are needed", secret.len()), MEND);
                } else if secret.bytes().all(|byte| secret.bytes().next() == Some(byte)) {
                    say(KEY, "the secret is one character over and over".to_owned(), MEND);
                } else if secret == DEV_SECRET && !self.dev {
                    say(KEY, "this is the public secret of --dev".to_owned(), MEND);
                }
            }
        }
    }
}

const NO_KIND: &str = "such as device, patient or dashboard: what stands before the colon";

fn is_kind(kind: &str) -> bool {
    ChannelName::parse(&format!("{kind}:id")).is_ok() || ChannelName::parse(kind).is_ok()
}
