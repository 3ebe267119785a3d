//! Redis, where relays meet: there, new enough, and set up so that it neither forgets in silence nor promises what it does not keep.

use super::{Check, bad, good, warning};
use crate::broker::redis::{Found, probe};
use crate::config::Config;
use std::time::Duration;

const NAME: &str = "redis";

/// Nothing where none is configured.
pub(super) fn redis(config: &Config) -> Vec<Check> {
    if config.redis.url.is_none() {
        return Vec::new();
    }
    let within = Duration::from_millis(config.redis.connect_timeout_ms.max(config.redis.timeout_ms));
    match probe(&config.redis, within) {
        Ok(found) => judge(config, &found),
        Err(problem) => vec![bad(
            NAME,
            format!("it cannot be used: {problem}"),
            if problem.to_lowercase().contains("certificate") {
                "redis.ca_file must hold the authority that signed its certificate, which must name the host of redis.url; a Redis that asks for \
                 the relay's certificate needs redis.client_cert_file and redis.client_key_file"
            } else {
                "start it, look at redis.url (host, port, user, password; rediss:// for TLS) and at what lies between; publishing is refused \
                 while it is away"
            },
        )],
    }
}

fn judge(config: &Config, found: &Found) -> Vec<Check> {
    vec![good(NAME, format!("version {} answers", found.version)), when_full(found), persistence(config, found)]
}

fn when_full(found: &Found) -> Check {
    const NAME: &str = "redis memory";
    let bound = match found.max_bytes {
        Some(0) | None => "without a bound of its own".to_owned(),
        Some(bytes) => format!("at most {} MiB", bytes / (1024 * 1024)),
    };
    match found.when_full.as_deref() {
        Some("noeviction") => good(NAME, format!("{bound}; a full one refuses (noeviction)")),
        Some(policy) => bad(
            NAME,
            format!("{bound}; a full one throws keys out ({policy}): histories would go in silence"),
            "set `maxmemory-policy noeviction`, and a `maxmemory` that leaves the machine some room",
        ),
        None => warning(NAME, "it does not tell what it does when it is full", "see that its policy is `noeviction`"),
    }
}

fn persistence(config: &Config, found: &Found) -> Check {
    const NAME: &str = "redis persistence";
    let always = found.appends == Some(true) && found.fsync.as_deref() == Some("always");
    let shown = match (found.appends, found.fsync.as_deref(), found.snapshots.as_deref()) {
        (Some(true), Some(fsync), _) => format!("it appends every write to a file (appendfsync {fsync})"),
        (Some(true), None, _) => "it appends every write to a file".to_owned(),
        (Some(false), _, Some("")) => "it keeps nothing".to_owned(),
        (Some(false), _, Some(when)) => format!("it writes snapshots ({when})"),
        _ => "it does not tell what it keeps".to_owned(),
    };
    match (config.redis.durable, always) {
        (true, true) => good(NAME, format!("{shown}, as redis.durable says")),
        (true, false) if found.appends == Some(true) && found.fsync.is_none() => warning(
            NAME,
            format!("{shown}; when it reaches the disk cannot be told from here"),
            "see that `appendfsync` is `always`, or set redis.durable = false",
        ),
        (true, false) => bad(
            NAME,
            format!("{shown}, and redis.durable says that nothing is ever lost"),
            "set `appendonly yes` and `appendfsync always`, or redis.durable = false: a history with a hole would count as whole",
        ),
        (false, _) => good(NAME, format!("{shown}; each restart begins every history anew, and pages load again what they show")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Verdict;

    fn found() -> Found {
        Found {
            version: "7.0.15".to_owned(),
            when_full: Some("noeviction".to_owned()),
            max_bytes: Some(1 << 30),
            appends: Some(false),
            fsync: Some("everysec".to_owned()),
            snapshots: Some(String::new()),
        }
    }

    fn verdicts(durable: bool, found: &Found) -> Vec<Verdict> {
        let mut config = Config::development();
        config.redis.durable = durable;
        judge(&config, found).iter().map(|check| check.verdict).collect()
    }

    #[test]
    fn a_redis_that_forgets_in_silence_or_promises_too_much_fails() {
        assert_eq!(verdicts(false, &found()), [Verdict::Good; 3]);
        let evicting = Found { when_full: Some("allkeys-lru".to_owned()), ..found() };
        assert_eq!(verdicts(false, &evicting)[1], Verdict::Bad);
        assert_eq!(verdicts(true, &found())[2], Verdict::Bad, "nothing is kept");
        let everysec = Found { appends: Some(true), ..found() };
        assert_eq!(verdicts(true, &everysec)[2], Verdict::Bad, "a second may be lost");
        let always = Found { fsync: Some("always".to_owned()), ..everysec.clone() };
        assert_eq!(verdicts(true, &always)[2], Verdict::Good);
        assert_eq!(verdicts(true, &Found { fsync: None, ..everysec })[2], Verdict::Warning);
    }

    #[test]
    fn one_that_is_not_there_fails_with_its_mend_and_without_its_password() {
        let mut config = Config::development();
        config.redis.connect_timeout_ms = 200;
        config.redis.timeout_ms = 200;
        config.redis.url = Some("redis://user:hunter2hunter2@127.0.0.1:1/".to_owned().into());
        let checks = redis(&config);
        assert_eq!(checks.len(), 1);
        assert_eq!(checks[0].verdict, Verdict::Bad);
        assert!(!checks[0].mend.is_empty());
        assert!(!checks[0].to_string().contains("hunter2"), "{}", checks[0]);
    }
}
