//! The address of Redis, and how it is connected to: plainly, or by TLS with the certificates of the configuration.
//!
//! TLS is rustls with the cryptography that the tokens are checked with (aws-lc-rs); there is no way to leave the check of the
//! server's certificate out. Without `redis.ca_file` the authorities of the system count.
//!
//! Limit: the files are read when the relay starts; new certificates need a restart.

use crate::config::{ExposeSecret as _, RedisConfig};
use redis::{Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion, TlsCertificates};
use std::path::Path;

/// Whether that is an address of a Redis; says why not, and nothing of the address, which may hold a password.
pub(crate) fn check_url(url: &str) -> Result<ConnectionInfo, String> {
    let info = url.into_connection_info().map_err(|_| "it is no address of a Redis".to_owned())?;
    match info.addr() {
        ConnectionAddr::TcpTls { insecure: true, .. } => {
            Err("`#insecure` is not supported: name the authority of the certificate in redis.ca_file".to_owned())
        }
        _ => Ok(info),
    }
}

/// A client for commands, or one that listens, which speaks RESP3.
///
/// # Errors
/// What is wrong with `redis.url` or one of the files, with the key in front.
pub(super) fn client(config: &RedisConfig, listens: bool) -> Result<Client, String> {
    let url = config.url.as_ref().ok_or("redis.url is not set")?;
    let mut info = check_url(url.expose_secret()).map_err(|problem| format!("redis.url: {problem}"))?;
    if listens {
        let resp3 = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        info = info.set_redis_settings(resp3);
    }
    let wrong = |error: redis::RedisError| format!("redis.url: {}", super::link::reason(&error));
    let is_tls = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
    match certificates(config)? {
        Some(_) if !is_tls => {
            Err("redis.ca_file and redis.client_cert_file count for a rediss:// address only: write redis.url so, or leave them out"
                .to_owned())
        }
        Some(certificates) => Client::build_with_tls(info, certificates).map_err(|error| {
            let problem = super::link::reason(&error);
            format!("redis.ca_file, redis.client_cert_file or redis.client_key_file cannot be used: {problem}")
        }),
        None => Client::open(info).map_err(wrong),
    }
}

/// The certificates that are named; `None` where none is.
fn certificates(config: &RedisConfig) -> Result<Option<TlsCertificates>, String> {
    let root_cert =
        config.ca_file.as_deref().map(|file| read("redis.ca_file", file, |tag| tag == "CERTIFICATE", "certificate")).transpose()?;
    let client_tls = match (&config.client_cert_file, &config.client_key_file) {
        (None, None) => None,
        (Some(cert), Some(key)) => Some(ClientTlsConfig {
            client_cert: read("redis.client_cert_file", cert, |tag| tag == "CERTIFICATE", "certificate")?,
            client_key: read("redis.client_key_file", key, |tag| tag.ends_with("PRIVATE KEY"), "private key")?,
        }),
        (Some(_), None) => return Err("redis.client_key_file is not set: the relay's certificate needs its key".to_owned()),
        (None, Some(_)) => return Err("redis.client_cert_file is not set: the key needs the relay's certificate".to_owned()),
    };
    Ok((root_cert.is_some() || client_tls.is_some()).then_some(TlsCertificates { client_tls, root_cert }))
}

/// A PEM file that holds at least one part of that kind.
fn read(key: &str, file: &Path, is_wanted: impl Fn(&str) -> bool, wanted: &str) -> Result<Vec<u8>, String> {
    let shown = file.display();
    let bytes = std::fs::read(file).map_err(|error| format!("{key}: {shown} cannot be read: {error}"))?;
    let parts = pem::parse_many(&bytes).map_err(|error| format!("{key}: {shown} is no PEM file: {error}"))?;
    if !parts.iter().any(|part| is_wanted(part.tag())) {
        let tags: Vec<&str> = parts.iter().map(pem::Pem::tag).collect();
        let found = if tags.is_empty() { "nothing".to_owned() } else { tags.join(", ") };
        return Err(format!("{key}: {shown} holds no {wanted} in PEM (found: {found})"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn keys() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys")
    }

    fn problem(change: impl FnOnce(&mut RedisConfig)) -> String {
        let mut config = RedisConfig { url: Some("rediss://user:hunter2hunter2@127.0.0.1:1/".to_owned().into()), ..RedisConfig::default() };
        change(&mut config);
        let problem = client(&config, true).err().unwrap();
        assert!(!problem.contains("hunter2"), "{problem}");
        problem
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_key_and_its_file() {
        assert!(problem(|c| c.ca_file = Some("/nowhere/ca.pem".into())).starts_with("redis.ca_file: /nowhere/ca.pem cannot be read"));
        let key = problem(|c| c.ca_file = Some(keys().join("rsa.pub.pem")));
        assert!(key.starts_with("redis.ca_file: ") && key.ends_with("holds no certificate in PEM (found: PUBLIC KEY)"), "{key}");
        assert!(problem(|c| c.client_cert_file = Some("/nowhere/relay.pem".into())).starts_with("redis.client_key_file is not set"));
        assert!(problem(|c| c.client_key_file = Some("/nowhere/relay.key".into())).starts_with("redis.client_cert_file is not set"));
        assert!(problem(|c| c.url = Some("rediss://10.0.0.5:6379/#insecure".to_owned().into())).contains("#insecure"));
        assert!(client(&RedisConfig { url: Some("rediss://10.0.0.5:6379/".to_owned().into()), ..RedisConfig::default() }, false).is_ok());
    }
}
