//! Redis over TLS: certificates of an authority that the test makes, a Redis that asks for the relay's own, and what is said where
//! they do not fit.

use crate::broker_contract::*;
use crate::redis::*;
use crate::redis_server::RedisServer;
use crate::support::*;
use pulsewire_relay::broker::redis::Redis;
use pulsewire_relay::config::{Config, SecretString};
use pulsewire_relay::{Clock, Entropy};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// An authority, and what it signed, as files.
struct Certificates {
    dir: PathBuf,
}

impl Certificates {
    /// For a server under that name.
    fn of(host: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let dir = std::env::temp_dir().join(format!("pulsewire-tls-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir_all(&dir).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes what bears its issuer's name for signed by itself.
        params.distinguished_name.push(DnType::CommonName, "The ward's authority");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(dir.join("ca.pem"), authority.pem()).unwrap();
        for (name, host) in [("server", host), ("relay", "relay.ward")] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, host);
            let certificate = params.signed_by(&key, &authority).unwrap();
            std::fs::write(dir.join(format!("{name}.pem")), certificate.pem()).unwrap();
            std::fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        Self { dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn server(&self, asks: bool) -> RedisServer {
        let file = |name: &str| self.file(name).display().to_string();
        let clients = if asks { "yes" } else { "no" };
        RedisServer::start_by_tls(&[
            ("--tls-cert-file", &file("server.pem")),
            ("--tls-key-file", &file("server.key")),
            ("--tls-ca-cert-file", &file("ca.pem")),
            ("--tls-auth-clients", clients),
        ])
    }

    fn config(&self, server: &RedisServer) -> Config {
        let mut config = config_on(server, "p");
        config.redis.url = Some(SecretString::from(server.tls_url()));
        config.redis.ca_file = Some(self.file("ca.pem"));
        config
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Why a broker of that configuration cannot publish.
async fn refusal(config: Config) -> String {
    let broker = Redis::new(&Arc::new(config), Clock::starting_at(START_MS), Entropy::from_os(), "relay").unwrap();
    let bench = Bench::new(Arc::new(broker));
    bench.broker.publish(&key("lobby"), publication(note(1)), None).await.unwrap_err().message
}

#[tokio::test]
async fn relays_meet_over_tls_also_after_a_restart() {
    let certificates = Certificates::of("127.0.0.1");
    let mut server = certificates.server(false);
    let [one, other] = [node(certificates.config(&server)).await, node(certificates.config(&server)).await];
    other.broker.hold(&key("lobby")).await.unwrap();
    one.publish("lobby", note(7)).await;
    until("the other node hears it", || other.delivered.notes("lobby") == [(Some(1), 7)]).await;
    server.kill();
    until("it is missed", || one.broker.ready().is_err() && other.broker.ready().is_err()).await;
    server.start_again();
    one.until_ready().await;
    other.until_ready().await;
    // It would be told of the gap only, were the next publication in the stream before it looks.
    until("the other node knows that all is gone", || !other.delivered.gaps("lobby").is_empty()).await;
    one.publish("lobby", note(8)).await;
    until("the other node hears that, too", || other.delivered.notes("lobby").last() == Some(&(Some(1), 8))).await;
}

#[tokio::test]
async fn a_redis_that_asks_for_the_relays_certificate_gets_it() {
    let certificates = Certificates::of("127.0.0.1");
    let server = certificates.server(true);
    let mut config = certificates.config(&server);
    let problem = refusal(config.clone()).await;
    assert!(problem.to_lowercase().contains("certificate"), "{problem}");
    config.redis.client_cert_file = Some(certificates.file("relay.pem"));
    config.redis.client_key_file = Some(certificates.file("relay.key"));
    node(config).await.publish("lobby", note(1)).await;
}

#[tokio::test]
async fn a_server_that_nobody_known_vouches_for_or_that_is_another_is_refused() {
    let certificates = Certificates::of("127.0.0.1");
    let server = certificates.server(false);
    let stranger = Certificates::of("127.0.0.1");
    let mut config = certificates.config(&server);
    config.redis.ca_file = Some(stranger.file("ca.pem"));
    let problem = refusal(config.clone()).await;
    assert!(problem.contains("certificate"), "{problem}");
    // The authorities of the system do not know it either.
    config.redis.ca_file = None;
    let problem = refusal(config).await;
    assert!(problem.contains("certificate"), "{problem}");
    let elsewhere = Certificates::of("redis.ward");
    let server = elsewhere.server(false);
    let problem = refusal(elsewhere.config(&server)).await;
    assert!(problem.contains("certificate"), "it is not the one of this host: {problem}");
}

#[tokio::test]
async fn what_is_said_and_heard_over_tls_cannot_be_said_without_it() {
    let certificates = Certificates::of("127.0.0.1");
    let server = certificates.server(false);
    let mut config = certificates.config(&server);
    config.redis.ca_file = None;
    // Not TLS to a port that speaks nothing else.
    config.redis.url = Some(SecretString::from(server.tls_url().replace("rediss://", "redis://")));
    config.redis.timeout_ms = 300;
    refusal(config.clone()).await;
    config.redis.ca_file = Some(certificates.file("ca.pem"));
    let wrong = Redis::new(&Arc::new(config), Clock::starting_at(START_MS), Entropy::from_os(), "relay");
    assert!(wrong.err().unwrap().contains("rediss://"), "an authority without TLS is a mistake");
}
