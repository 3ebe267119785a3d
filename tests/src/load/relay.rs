//! How relays are started for load, and who may what on them.

use super::process::Process;
use anyhow::Result;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use std::path::Path;

/// Signs the tokens of one run; it never leaves this machine.
pub const SECRET: &str = "load-generator-secret-load-generator-secret";
/// The tenant of every client.
const TENANT: &str = "load";

/// Settings of a relay for so many connections of one address.
pub type Environment = Vec<(&'static str, String)>;

/// Starts one whose limits do not stand in the way of so many clients, and waits until it listens.
///
/// # Errors
/// As [`Process::start`].
pub fn start(binary: &Path, connections: usize) -> Result<Process> {
    start_at(binary, connections, "127.0.0.1:0")
}

/// The same at that address.
///
/// # Errors
/// As [`Process::start`].
pub fn start_at(binary: &Path, connections: usize, listen: &str) -> Result<Process> {
    Process::start(binary, &serve(listen), &for_clients(connections), None)
}

/// The command line.
pub fn serve(listen: &str) -> [String; 3] {
    ["serve", "--listen", listen].map(str::to_owned)
}

/// Room for so many, who may say as much as they like. Nothing else is out of the way: how fast they come is bounded.
pub fn for_clients(connections: usize) -> Environment {
    let room = (connections + 100).to_string();
    vec![
        ("PULSEWIRE_JWT_SECRET", SECRET.to_owned()),
        ("PULSEWIRE_LOG", "warn".to_owned()),
        ("PULSEWIRE_LIMITS__CONNECTIONS", room.clone()),
        ("PULSEWIRE_LIMITS__PER_ADDRESS", room),
        ("PULSEWIRE_LIMITS__MESSAGES_PER_SECOND", "1000000".to_owned()),
        ("PULSEWIRE_LIMITS__BURST", "1000000".to_owned()),
    ]
}

/// The same, and they may come as fast as they can, to a relay that no load frightens.
pub fn unbounded(connections: usize) -> Environment {
    let mut environment = for_clients(connections);
    environment.extend([
        ("PULSEWIRE_LIMITS__HANDSHAKES_PER_SECOND", "1000000".to_owned()),
        ("PULSEWIRE_LIMITS__HANDSHAKE_BURST", "1000000".to_owned()),
        // A core that is fully used is what is measured.
        ("PULSEWIRE_MONITOR__CPU_PERCENT", "0".to_owned()),
        ("PULSEWIRE_MONITOR__CONNECTIONS_PERCENT", "0".to_owned()),
    ]);
    environment
}

/// A token that allows everything inside the tenant.
pub fn token(user: &str, role: Option<&str>) -> Result<String> {
    #[derive(serde::Serialize)]
    struct Claims<'a> {
        sub: &'a str,
        name: &'a str,
        tenant: &'a str,
        exp: u64,
        role: Option<&'a str>,
        subscribe: [&'a str; 1],
        publish: [&'a str; 1],
    }
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let claims = Claims { sub: user, name: user, tenant: TENANT, exp: now_s + 6 * 3_600, role, subscribe: ["*"], publish: ["*"] };
    Ok(jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(SECRET.as_bytes()))?)
}
