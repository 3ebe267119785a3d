//! Configuration (features.md R19): every mistake is named with its place, its key and what is accepted, all at once.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use pulsewire_relay::config::{Config, ExposeSecret, Flag, Place, Sources, documented_keys, load};
use std::path::PathBuf;

const SECRET: (&str, &str) = ("PULSEWIRE_JWT_SECRET", "a-secret-of-more-than-thirty-two-bytes-in-all");

/// A file that goes when the test ends.
struct File(PathBuf);

impl File {
    fn with(text: &str) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let path = std::env::temp_dir().join(format!("pulsewire-{}-{}.toml", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn environment(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn from_file(text: &str) -> Result<Config, String> {
    let file = File::with(text);
    load(&Sources { file: Some(file.0.clone()), environment: environment(&[SECRET]), flags: Vec::new() })
        .map_err(|mistakes| mistakes.to_string().replace(&file.0.display().to_string(), "FILE"))
}

#[test]
fn each_mistake_is_named_with_its_line_its_key_and_what_is_accepted() {
    let cases = [
        ("lissten = \"127.0.0.1:1\"", "FILE:1: lissten: there is no such key (did you mean listen?)"),
        ("\n[heartbeat]\ninterval = 5", "FILE:3: heartbeat.interval: there is no such key (did you mean heartbeat.interval_ms?)"),
        ("interval_ms = 5000", "FILE:1: interval_ms: there is no such key (did you mean heartbeat.interval_ms?)"),
        ("[limts]\nburst = 5", "FILE:1: limts: there is no such key"),
        (
            "[heartbeat]\ninterval_ms = \"soon\"",
            "FILE:2: heartbeat.interval_ms: \"soon\" has the wrong type (accepted: a whole number from 100 to 86400000)",
        ),
        ("[heartbeat]\ninterval_ms = 5.5", "FILE:2: heartbeat.interval_ms: 5.5 has the wrong type (accepted: a whole number"),
        ("[heartbeat]\ninterval_ms = -1", "FILE:2: heartbeat.interval_ms: -1 is out of range (accepted: a whole number from 100"),
        ("[limits]\nconnections = 0", "FILE:2: limits.connections: 0 is out of range (accepted: a whole number from 1 to 10000000)"),
        ("listen = \"8080\"", "FILE:1: listen: \"8080\" is no address with a port (accepted: ADDRESS:PORT, such as 127.0.0.1:8080"),
        ("listen = 8080", "FILE:1: listen: 8080 has the wrong type (accepted: ADDRESS:PORT"),
        ("dev = \"yes\"", "FILE:1: dev: \"yes\" has the wrong type (accepted: true or false)"),
        ("limits = 5", "FILE:1: limits: this is a section, not a value (write [limits] on a line of its own"),
        ("[roles.nurse]\nsubscribe = [\"Patient:*\"]", "FILE:2: roles.nurse.subscribe: \"Patient:*\" is no pattern: the kind must match"),
        (
            "[roles.nurse]\nsubscribe = \"patient:*\"",
            "FILE:2: roles.nurse.subscribe: \"patient:*\" has the wrong type (accepted: a list of channel patterns",
        ),
        ("[roles.nurse]\nsubscripe = [\"*\"]", "FILE:2: roles.nurse.subscripe: there is no such key (did you mean roles.nurse.subscribe?)"),
        (
            "[history.kinds.device]\nage = 5",
            "FILE:2: history.kinds.device.age: there is no such key (did you mean history.kinds.device.age_ms?)",
        ),
        ("[throttle]\ndevice = 15", "FILE:2: throttle.device: 15 is none of the rates there are (accepted: 1, 2, 5, 10, 20, 30 or 60"),
        ("[throttle]\ndevice = 0", "FILE:2: throttle.device: 0 is out of range (accepted: a whole number from 1 to 60)"),
        (
            "[write_delay_ms]\ndevice = 1001",
            "FILE:2: write_delay_ms.device: 1001 is out of range (accepted: a whole number from 0 to 1000)",
        ),
        ("[write_delay_ms]\nDevice = 10", "FILE:2: write_delay_ms.Device: \"Device\" is no kind of channel (such as device, patient or"),
        ("[throttle]\nDevice = 10", "FILE:2: throttle.Device: \"Device\" is no kind of channel (such as device, patient or dashboard"),
        ("[log]\nformat = \"xml\"", "FILE:2: log.format: \"xml\" is no log format (accepted: \"pretty\" or \"json\")"),
        ("[log]\nlevel = \"lots=of\"", "FILE:2: log.level: \"lots=of\" is neither a level nor a filter"),
        ("origins = [\"ward.example\"]", "FILE:1: origins: \"ward.example\" is no origin: it begins with neither https:// nor http://"),
        ("origins = [\"https://ward.example/\"]", "FILE:1: origins: \"https://ward.example/\" is no origin: scheme and host only"),
        ("origins = [1]", "FILE:1: origins: a list of something else than texts has the wrong type"),
        ("origins = [\"https://\"]", "FILE:1: origins: \"https://\" is no origin: scheme and host only"),
        ("origins = [\"https://nurse@ward.example\"]", "is no origin: scheme and host only"),
        ("origins = [\"https://*.ward.example\"]", "is no origin: scheme and host only"),
        ("origins = [\"null\"]", "is no origin: it begins with neither https:// nor http://"),
        ("origins = [\"https://stätion.example\"]", "is not what browsers send: they write such a name in ASCII, as xn--"),
        (
            "[auth]\npublic_keys = \"keys/a.pem\"",
            "FILE:2: auth.public_keys: \"keys/a.pem\" has the wrong type (accepted: a list of PEM files",
        ),
        ("[auth]\npublic_keys = [\"\"]", "FILE:2: auth.public_keys: the text is empty"),
        ("[auth]\njwks = [\"keys.json\"]", "FILE:2: auth.jwks: [\"keys.json\"] has the wrong type (accepted: the path of a JWKS file)"),
        ("[auth]\nissuer = 5", "FILE:2: auth.issuer: 5 has the wrong type (accepted: the text that `iss` must be, or a list"),
        ("[auth]\naudience = [\"a\", \" \"]", "FILE:2: auth.audience: the text is empty"),
        ("[auth]\naudience = []", "FILE:2: auth.audience: the list is empty, which would switch the check off"),
        ("[auth]\nissuer = []", "(accepted: the text that `iss` must be, or a list of those that it may be)"),
        (
            "[limits]\ntrusted_proxy_hops = 1\ntrusted_proxies = []",
            "FILE:3: limits.trusted_proxies: the list is empty, and limits.trusted_proxy_hops would have every peer believed",
        ),
        ("[auth]\nleeway = 5", "FILE:2: auth.leeway: there is no such key (did you mean auth.leeway_s?)"),
        ("node = \"a b\"", "FILE:1: node: \"a b\" is no node id"),
        ("listen = ", "FILE:1: this is no TOML"),
        ("[feed]\nspeed = 0", "FILE:2: feed.speed: 0 is out of range (accepted: a number from 0.01 to 1000)"),
        ("[feed]\nspeed = nan", "FILE:2: feed.speed: NaN is out of range"),
        ("[feed]\ntenant = \"a b\"", "FILE:2: feed.tenant: \"a b\" is no tenant id"),
        (
            "[heartbeat]\ninterval_ms = 40000\ndead_after_ms = 30000",
            "FILE:3: heartbeat.dead_after_ms: 30000 is not longer than heartbeat.interval_ms (40000)",
        ),
        (
            "[heartbeat]\nclient_timeout_ms = 30000",
            "FILE:2: heartbeat.client_timeout_ms: 30000 is not longer than heartbeat.interval_ms (30000)",
        ),
        ("[limits]\nqueue_bytes = 5000", "FILE:2: limits.queue_bytes: 5000 is less than limits.max_message_bytes (65536)"),
        ("dev = true\nlisten = \"0.0.0.0:80\"", "FILE:2: listen: development mode does not listen on 0.0.0.0"),
        ("[metrics]\nlisten = \"127.0.0.1:8080\"", "FILE:2: metrics.listen: is the same address as listen"),
    ];
    for (text, expected) in cases {
        let said = from_file(text).expect_err(text);
        assert!(said.contains(expected), "for\n{text}\nexpected\n{expected}\nbut it says\n{said}");
    }
}

#[test]
fn all_mistakes_of_all_sources_are_told_at_once() {
    let file = File::with("lissten = \"x\"\n[limits]\nconnections = \"many\"\nburst = 0\n");
    let mistakes = load(&Sources {
        file: Some(file.0.clone()),
        environment: environment(&[("PULSEWIRE_LIMITS__BURST", "lots"), ("PULSEWIRE_NONSENSE", "1")]),
        flags: vec![Flag { flag: "--listen", key: "listen", value: "here".to_owned() }],
    })
    .unwrap_err();
    let places: Vec<String> = mistakes.0.iter().map(|m| m.place.to_string().replace(&file.0.display().to_string(), "FILE")).collect();
    assert_eq!(
        places,
        [
            "FILE:1",
            "FILE:3",
            "FILE:4",
            "environment variable PULSEWIRE_LIMITS__BURST",
            "environment variable PULSEWIRE_NONSENSE",
            "flag --listen"
        ],
        "{mistakes}"
    );
}

#[test]
fn environment_wins_over_the_file_and_flags_over_both() {
    let file = File::with("listen = \"127.0.0.1:1\"\n[limits]\nburst = 11\nconnections = 11\n[log]\nlevel = \"warn\"");
    let config = load(&Sources {
        file: Some(file.0.clone()),
        environment: environment(&[
            SECRET,
            ("PULSEWIRE_LISTEN", "127.0.0.1:2"),
            ("PULSEWIRE_LIMITS__BURST", "22"),
            ("PULSEWIRE_LOG", "debug"),
        ]),
        flags: vec![Flag { flag: "--listen", key: "listen", value: "localhost:3".to_owned() }],
    })
    .unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:3");
    assert_eq!((config.limits.burst, config.limits.connections), (22, 11));
    assert_eq!(config.log.level, "debug");
}

#[test]
fn every_key_can_be_given_in_the_environment() {
    let config = load(&Sources {
        environment: environment(&[
            SECRET,
            ("PULSEWIRE_DATA_DIR", "/srv/pulsewire"),
            ("PULSEWIRE_LOG", "json"),
            ("PULSEWIRE_DEV", "true"),
            ("PULSEWIRE_ORIGINS", "https://a.example, https://b.example"),
            ("PULSEWIRE_ROLES__NURSE__SUBSCRIBE", "patient:*,tenant"),
            ("PULSEWIRE_HISTORY__KINDS__DEVICE__PUBLICATIONS", "7"),
            ("PULSEWIRE_METRICS__LISTEN", "127.0.0.1:9090"),
            // Empty counts as unset, as in shells and container files.
            ("PULSEWIRE_NODE", ""),
        ]),
        ..Sources::default()
    })
    .unwrap();
    assert_eq!(config.data_dir, Some(PathBuf::from("/srv/pulsewire")));
    assert_eq!(config.log.format, pulsewire_relay::config::LogFormat::Json);
    assert!(config.dev);
    assert_eq!(config.origins, ["https://a.example", "https://b.example"]);
    assert_eq!(config.roles["nurse"].subscribe.iter().map(ToString::to_string).collect::<Vec<_>>(), ["patient:*", "tenant"]);
    assert_eq!(config.history_of("device").publications, 7);
    assert_eq!(config.history_of("device").age_ms, 600_000, "what a kind does not say is as for all");
    assert_eq!(config.history_of("patient").publications, 1_000);
    assert_eq!(config.metrics.listen.unwrap().port(), 9090);
    assert_eq!(config.node, None);
}

#[test]
fn a_kind_takes_over_what_it_does_not_say_wherever_it_stands() {
    let config = from_file("[history.kinds.device]\nage_ms = 5\n[history]\npublications = 77").unwrap();
    let device = config.history_of("device");
    assert_eq!((device.publications, device.age_ms), (77, 5));
}

#[test]
fn without_a_secret_the_relay_says_how_to_get_one() {
    let said = load(&Sources::default()).unwrap_err();
    assert_eq!(said.0.len(), 1);
    assert_eq!((&said.0[0].place, said.0[0].key.as_str()), (&Place::Unset, "auth.jwt_secret"));
    for word in ["PULSEWIRE_JWT_SECRET", "32 bytes", "--dev"] {
        assert!(said.to_string().contains(word), "{said}");
    }
}

#[test]
fn public_keys_stand_in_for_a_secret_and_issuers_and_audiences_are_a_text_or_a_list() {
    let from = |text: &str| {
        let file = File::with(text);
        load(&Sources { file: Some(file.0.clone()), ..Sources::default() })
    };
    for text in ["[auth]\npublic_keys = [\"keys/a.pem\", \"keys/b.pem\"]", "[auth]\njwks = \"keys/keys.json\""] {
        let config = from(text).unwrap();
        assert!(config.auth.has_key_files() && config.signing_secret().is_none());
    }
    let config = from("[auth]\njwks = \"k.json\"\nissuer = \"a, b\"\naudience = [\"c\", \"d\"]").unwrap();
    assert_eq!(config.auth.issuers, ["a, b"], "a text of a file is one, whatever stands in it");
    assert_eq!(config.auth.audiences, ["c", "d"]);
    let environment = environment(&[SECRET, ("PULSEWIRE_AUTH__ISSUER", "a, b"), ("PULSEWIRE_AUTH__PUBLIC_KEYS", "x.pem,y.pem")]);
    let config = load(&Sources { environment, ..Sources::default() }).unwrap();
    assert_eq!((config.auth.issuers.len(), config.auth.public_keys.len()), (2, 2));
}

#[test]
fn a_variable_that_somebody_forgot_to_fill_switches_no_check_off() {
    let given = |variables: &[(&str, &str)]| {
        let environment = environment(&[&[SECRET], variables].concat());
        load(&Sources { environment, ..Sources::default() }).map_err(|mistakes| mistakes.to_string())
    };
    for (name, key) in [("PULSEWIRE_AUTH__AUDIENCE", "auth.audience"), ("PULSEWIRE_AUTH__ISSUER", "auth.issuer")] {
        for empty in ["", " ", ","] {
            let said = given(&[(name, empty)]).unwrap_err();
            assert!(said.contains(&format!("{name}: {key}: the list is empty")), "{empty:?}: {said}");
        }
    }
    let hops = ("PULSEWIRE_LIMITS__TRUSTED_PROXY_HOPS", "1");
    for empty in ["", ","] {
        let said = given(&[hops, ("PULSEWIRE_LIMITS__TRUSTED_PROXIES", empty)]).unwrap_err();
        assert!(said.contains("limits.trusted_proxies: the list is empty"), "{empty:?}: {said}");
    }
    given(&[hops]).unwrap();
    given(&[("PULSEWIRE_LIMITS__TRUSTED_PROXIES", "")]).unwrap();
}

#[test]
fn a_weak_secret_is_refused_and_never_shown() {
    for weak in ["hunter2-hunter2", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", pulsewire_relay::config::DEV_SECRET] {
        let said =
            load(&Sources { environment: environment(&[("PULSEWIRE_JWT_SECRET", weak)]), ..Sources::default() }).unwrap_err().to_string();
        assert!(said.contains("environment variable PULSEWIRE_JWT_SECRET: auth.jwt_secret: "), "{said}");
        assert!(!said.contains(weak), "the secret stands in the message: {said}");
    }
    let said = from_file("[auth]\njwt_secret = 12345678901234567").unwrap_err();
    assert!(said.contains("FILE:2: auth.jwt_secret") && !said.contains("12345678901234567"), "{said}");
}

#[test]
fn a_secret_is_printed_by_no_debug_output() {
    let config = load(&Sources { environment: environment(&[SECRET]), ..Sources::default() }).unwrap();
    assert_eq!(config.signing_secret().unwrap().expose_secret(), SECRET.1);
    assert!(!format!("{config:?}").contains(SECRET.1));
}

#[test]
fn development_mode_needs_no_secret_and_stays_on_loopback() {
    let dev = |listen: &str, allow_lan: bool| {
        let flag = |flag, key, value: &str| Flag { flag, key, value: value.to_owned() };
        let mut flags = vec![flag("--dev", "dev", "true"), flag("--listen", "listen", listen)];
        if allow_lan {
            flags.push(flag("--allow-lan", "allow_lan", "true"));
        }
        load(&Sources { flags, ..Sources::default() })
    };
    assert!(dev("127.0.0.1:0", false).is_ok());
    assert!(dev("[::1]:0", false).is_ok());
    assert!(dev("0.0.0.0:0", true).is_ok());
    let said = dev("0.0.0.0:0", false).unwrap_err().to_string();
    assert!(
        said.starts_with("flag --listen: listen: development mode does not listen on 0.0.0.0") && said.contains("--allow-lan"),
        "{said}"
    );
}

#[test]
fn origins_are_exact_and_the_relays_own_pages_always_may() {
    // As an operator writes them; browsers send small letters and no default port.
    let config =
        from_file("origins = [\"https://Ward.example:443\", \"http://station.example:8080\", \"http://[2001:DB8::1]:80\"]").unwrap();
    let host = Some("relay.example");
    for allowed in
        ["https://ward.example", "https://WARD.example", "http://station.example:8080", "http://[2001:db8::1]", "https://relay.example"]
    {
        assert!(config.allows_origin(allowed, host), "{allowed}");
    }
    for other in [
        "",
        "null",
        "*",
        "ward.example",
        "//ward.example",
        "https://",
        "https://evil",
        "http://ward.example",
        "wss://ward.example",
        "https://ward.example.",
        "https://ward.example/",
        "https://ward.example/ ",
        "https://ward.example:443",
        "https://ward.example:444",
        "https://ward.example:",
        "https://ward.example.evil",
        "https://evil.ward.example",
        "https://evilward.example",
        "https://ward.example@evil",
        "https://ward.example#@evil",
        "https://ward.example\\@evil",
        "https://ward\u{2024}example",
        "https://xn--ward.example",
        "https://ward.example, https://evil",
        "https://ward.example https://evil",
        "http://station.example",
        "http://station.example:80",
        "http://[2001:db8::1]:8080",
        "http://[2001:db8::2]",
        "http://2001:db8::1",
        "http://localhost:5173",
        "https://relay.example.",
        "https://relay.example:8443",
        "https://evil@relay.example",
    ] {
        assert!(!config.allows_origin(other, host), "{other}");
    }
    // A request without a Host has no pages of its own.
    assert!(!config.allows_origin("https://relay.example", None) && !config.allows_origin("null", None));
    assert!(!Config::default().allows_origin("https://ward.example", Some("")));
    let open = from_file("origins = [\"*\"]").unwrap();
    assert!(open.allows_origin("https://anything.example", host) && open.allows_origin("null", host));
    let dev = Config::development();
    for local in ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:80", "https://localhost"] {
        assert!(dev.allows_origin(local, Some("127.0.0.1:8080")), "{local}");
    }
    for other in [
        "https://evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example:80",
        "http://localhost@evil.example",
        "http://evil.example:127.0.0.1",
        "http://[::1].evil.example",
        "null",
    ] {
        assert!(!dev.allows_origin(other, Some("127.0.0.1:8080")), "{other}");
    }
}

const EXAMPLE: &str = include_str!("../pulsewire.example.toml");

#[test]
fn the_example_parses_and_equals_the_defaults() {
    let config = from_file(EXAMPLE).unwrap();
    let mut defaults = Config::default();
    defaults.auth.jwt_secret.clone_from(&config.auth.jwt_secret);
    assert_eq!(format!("{config:?}"), format!("{defaults:?}"));
}

/// The example with its `#key = value` and `#[section]` lines made real; prose has a space behind its `#`.
fn uncommented() -> String {
    EXAMPLE
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' ')).unwrap_or(line).to_owned() + "\n")
        .collect()
}

#[test]
fn every_key_stands_in_the_example_and_its_commented_lines_are_accepted_too() {
    let config = from_file(&uncommented()).unwrap();
    assert_eq!(config.node.as_deref(), Some("relay-1"), "commented lines were read");
    let table: toml::Value = uncommented().parse::<toml::Table>().unwrap().into();
    for key in documented_keys() {
        let found = key.path.split('.').try_fold(&table, |at, part| match part {
            "*" => at.as_table()?.values().next(),
            _ => at.get(part),
        });
        assert!(found.is_some(), "{} is missing in pulsewire.example.toml (accepts {})", key.path, key.accepts);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let said =
        load(&Sources { file: Some("/nowhere/relay.toml".into()), environment: environment(&[SECRET]), flags: Vec::new() }).unwrap_err();
    assert!(said.to_string().starts_with("/nowhere/relay.toml:1: cannot be read"), "{said}");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reading_panic(text in "\\PC{0,200}") {
        let _ = from_file(&text);
    }

    #[test]
    fn no_value_of_any_key_makes_the_reading_panic(key in 0_usize..64, value in "\\PC{0,40}") {
        let keys = documented_keys();
        let path = keys[key % keys.len()].path.replace('*', "name");
        let name = format!("PULSEWIRE_{}", path.replace('.', "__").to_uppercase());
        let _ = load(&Sources { environment: vec![(name, value)], ..Sources::default() });
    }
}
