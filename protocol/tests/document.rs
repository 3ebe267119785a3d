//! PROTOCOL.md and the code say the same: every number, key, name and code of the one stands in the other.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use pulsewire_protocol::*;
use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../PROTOCOL.md");

fn section(heading: &str) -> &'static str {
    let start = DOCUMENT.find(heading).unwrap_or_else(|| panic!("PROTOCOL.md has no {heading:?}"));
    let level = heading.bytes().take_while(|byte| *byte == b'#').count();
    let rest = &DOCUMENT[start + heading.len()..];
    let end = (1..=level).filter_map(|hashes| rest.find(&format!("\n{} ", "#".repeat(hashes)))).min().unwrap_or(rest.len());
    &rest[..end]
}

/// The cells of the table rows in a section.
fn rows(section: &str) -> Vec<Vec<&str>> {
    section.lines().filter(|line| line.starts_with('|')).map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// What `1 \`id\` int, 2 \`channel\` text?` lists.
fn listed(cell: &str) -> BTreeSet<(u64, String)> {
    let words: Vec<&str> = cell.split_whitespace().collect();
    let pairs = words.windows(2).filter_map(|pair| {
        let number = pair[0].parse().ok()?;
        let name = pair[1].trim_end_matches([',', ':']).strip_prefix('`')?.strip_suffix('`')?;
        Some((number, name.to_owned()))
    });
    pairs.collect()
}

fn keys(fields: &[cbor::Field]) -> BTreeSet<(u64, String)> {
    fields.iter().map(|field| (u64::from(field.key), field.name.to_owned())).collect()
}

fn named(fields: &[(u64, &str)]) -> BTreeSet<(u64, String)> {
    fields.iter().map(|(key, name)| (*key, (*name).to_owned())).collect()
}

fn row_of(section: &str, name: &str) -> BTreeSet<(u64, String)> {
    let quoted = format!("`{name}`");
    let row = rows(section).into_iter().find(|row| row[0] == quoted && row.len() == 2).unwrap_or_else(|| panic!("no row for {quoted}"));
    listed(row[1])
}

#[test]
fn every_key_of_every_map_stands_in_its_row() {
    let cbor = section("## 12. CBOR, field by field");
    let structs: Vec<(&str, BTreeSet<(u64, String)>)> = vec![
        ("connect", keys(Connect::FIELDS)),
        ("subscribe", keys(Subscribe::FIELDS)),
        ("unsubscribe", keys(Unsubscribe::FIELDS)),
        ("publish", named(&[(1, "id"), (2, "channel"), (3, "event"), (4, "data"), (5, "key")])),
        ("call", keys(Call::FIELDS)),
        ("refresh", keys(Refresh::FIELDS)),
        ("pong", keys(Pong::FIELDS)),
        ("ping", keys(Ping::FIELDS)),
        ("welcome", keys(Welcome::FIELDS)),
        ("subscribed", keys(Subscribed::FIELDS)),
        ("unsubscribed", keys(Unsubscribed::FIELDS)),
        ("event", named(&[(1, "channel")])),
        ("viewers", keys(Viewers::FIELDS)),
        ("heartbeat", keys(Heartbeat::FIELDS)),
        ("reauth", keys(Reauth::FIELDS)),
        ("reply", named(&[(1, "id"), (2, "offset"), (3, "serverTime"), (4, "expiresAt"), (5, "result")])),
        ("error", named(&[(5, "id"), (6, "channel")])),
        ("ClientInfo", keys(ClientInfo::FIELDS)),
        ("SubscribeEntry", keys(SubscribeEntry::FIELDS)),
        ("Position", keys(Position::FIELDS)),
        ("Limits", keys(Limits::FIELDS)),
        ("ViewerCount", keys(ViewerCount::FIELDS)),
        ("Author", keys(Author::FIELDS)),
        ("Publication", named(&[(2, "event"), (3, "ts"), (4, "data"), (5, "offset"), (6, "firstOffset"), (7, "from")])),
        ("Refused", keys(Refused::FIELDS)),
        ("ErrorBody", keys(ErrorBody::FIELDS)),
        ("DeviceStatus", keys(DeviceStatus::FIELDS)),
        ("Telemetry", keys(Telemetry::FIELDS)),
        ("Series", keys(Series::FIELDS)),
        ("Alert", keys(Alert::FIELDS)),
        ("Ids", keys(Ids::FIELDS)),
        ("UsageSession", keys(UsageSession::FIELDS)),
        ("DashboardStats", keys(DashboardStats::FIELDS)),
        ("PatientChange", keys(PatientChange::FIELDS)),
        ("Message", keys(Message::FIELDS)),
        ("ConversationMessage", keys(ConversationMessage::FIELDS)),
        ("MessageStatus", keys(MessageStatus::FIELDS)),
        ("ConversationUpdated", keys(ConversationUpdated::FIELDS)),
        ("Typing", keys(Typing::FIELDS)),
        ("PresentUser", keys(PresentUser::FIELDS)),
        ("Presence", keys(Presence::FIELDS)),
        ("Notification", keys(Notification::FIELDS)),
        ("ExecutionError", keys(ExecutionError::FIELDS)),
        ("ExecutionUpdate", keys(ExecutionUpdate::FIELDS)),
        ("ExecutionRetry", keys(ExecutionRetry::FIELDS)),
    ];
    for (name, fields) in structs {
        assert_eq!(row_of(cbor, name), fields, "{name}");
    }
    let bodies = section("### HTTP bodies");
    let body = |name: &str| listed(rows(bodies).into_iter().find(|row| row[1].contains(&format!("`{name}`:"))).unwrap()[1]);
    assert_eq!(body("PollRequest"), keys(PollRequest::FIELDS));
    assert_eq!(body("PollResponse"), keys(PollResponse::FIELDS));
    assert_eq!(body("PublishItem"), named(&[(2, "channel"), (3, "event"), (4, "data"), (5, "key")]));
    assert_eq!(body("PublishOutcome"), keys(PublishOutcome::FIELDS));
}

#[test]
fn every_message_type_has_its_number_and_its_fields() {
    let client = ["connect", "subscribe", "unsubscribe", "publish", "call", "refresh", "pong", "ping"];
    let server = ["welcome", "subscribed", "unsubscribed", "event", "viewers", "heartbeat", "reauth", "reply", "error"];
    let table = rows(section("### Messages"));
    for (names, column) in [(&client[..], 0), (&server[..], 3)] {
        for (index, name) in names.iter().enumerate() {
            let number = (index + 1).to_string();
            assert!(
                table.iter().any(|row| row.len() == 5 && row[column] == format!("`{name}`") && row[column + 1] == number),
                "{name} {number}"
            );
        }
    }
    // The numbers are those that the encoders write: {0: number, …}, the number right behind the head and key 0.
    let ping = cbor::encode_client(&ClientMessage::Ping(Ping { id: 1 }));
    assert_eq!(ping[2] as usize, client.iter().position(|name| *name == "ping").unwrap() + 1);
    let (commands, answers) = (section("## 4. Client → relay"), section("## 5. Relay → client"));
    for (name, text) in client.iter().map(|name| (name, commands)).chain(server.iter().map(|name| (name, answers))) {
        let quoted = format!("`{name}`");
        let row = rows(text).into_iter().find(|row| row[0] == quoted).unwrap_or_else(|| panic!("{name} has no row"));
        let fields = row_of(section("## 12. CBOR, field by field"), name);
        for (_, field) in fields.iter().filter(|(_, field)| !(*name == "reply" && field != "id")) {
            assert!(row[1].contains(field.as_str()), "{name} does not list {field}");
        }
    }
}

#[test]
fn every_event_has_its_number_its_row_and_its_rules() {
    let numbers: BTreeSet<(u64, String)> = rows(section("### Events and their data"))
        .into_iter()
        .filter(|row| row.len() == 3)
        .filter_map(|row| Some((row[0].parse().ok()?, row[1].trim_matches('`').to_owned())))
        .collect();
    assert_eq!(numbers, EventKind::ALL.iter().map(|kind| (kind.code(), kind.as_str().to_owned())).collect());
    let table = rows(section("## 10. Built-in events"));
    for kind in EventKind::ALL {
        let row = table.iter().find(|row| row[0].contains(&format!("`{}`", kind.as_str()))).unwrap_or_else(|| panic!("{}", kind.as_str()));
        assert_eq!(row[0].contains("(retained)"), kind.is_retained(), "{}", kind.as_str());
        assert_eq!(row[0].contains("(no history)"), !kind.has_history(), "{}", kind.as_str());
    }
    let rights = section("## 3. Channels and tenants");
    let allowed = &rights[rights.find("may send").unwrap()..];
    let allowed = &allowed[..allowed.find("events of the").unwrap()];
    for kind in EventKind::ALL {
        assert_eq!(allowed.contains(&format!("`{}`", kind.as_str())), kind.client_may_publish(), "{}", kind.as_str());
    }
}

#[test]
fn every_enumeration_has_its_words_and_numbers() {
    fn check<T: Copy>(name: &str, all: &[T], code: impl Fn(T) -> u64, word: impl Fn(T) -> &'static str) {
        let expected: BTreeSet<(u64, String)> = all.iter().map(|value| (code(*value), word(*value).to_owned())).collect();
        assert_eq!(row_of(section("### Enumerations"), name), expected, "{name}");
    }
    check("DeviceState", DeviceState::ALL, DeviceState::code, DeviceState::as_str);
    check("Severity", Severity::ALL, Severity::code, Severity::as_str);
    check("SessionPhase", SessionPhase::ALL, SessionPhase::code, SessionPhase::as_str);
    check("Sender", Sender::ALL, Sender::code, Sender::as_str);
    check("DeliveryStatus", DeliveryStatus::ALL, DeliveryStatus::code, DeliveryStatus::as_str);
    check("ExecutionState", ExecutionState::ALL, ExecutionState::code, ExecutionState::as_str);
    check("ErrorCode", ErrorCode::ALL, ErrorCode::code, ErrorCode::as_str);
    for code in ErrorCode::ALL {
        assert!(rows(section("## 5. Relay → client")).iter().any(|row| row[0] == format!("`{code}`")), "{code}");
    }
    for problem in TokenProblem::ALL {
        assert!(rows(section("## 2. Authentication")).iter().any(|row| row[0] == format!("`{problem}`")), "{problem}");
    }
}

#[test]
fn every_close_code_says_what_a_client_does() {
    let table = rows(section("## 6. Close codes"));
    let action = |code: CloseCode| match code.action() {
        CloseAction::Reconnect => "reconnect with",
        CloseAction::ReconnectDropping => "reconnect; drop the message",
        CloseAction::ReconnectAfter => "reconnect after the delay",
        CloseAction::RenewToken => "ask for a token, reconnect at once",
        CloseAction::RenewTokenOnce => "ask for a new token once",
        CloseAction::StopProtocol => "stop, report a bug",
        CloseAction::StopForbidden => "stop",
    };
    let codes = [
        CloseCode::NORMAL,
        CloseCode::GOING_AWAY,
        CloseCode::LOST,
        CloseCode::TOO_LARGE,
        CloseCode::PROTOCOL,
        CloseCode::UNAUTHORIZED,
        CloseCode::FORBIDDEN,
        CloseCode::TIMEOUT,
        CloseCode::TOKEN_EXPIRED,
        CloseCode::SLOW_CONSUMER,
        CloseCode::RATE_LIMITED,
        CloseCode::UNAVAILABLE,
    ];
    for code in codes {
        let row = table.iter().find(|row| row[0].split(", ").any(|cell| cell == code.to_string())).unwrap_or_else(|| panic!("{code}"));
        assert!(row[2].starts_with(action(code)), "{code}: {}", row[2]);
    }
    assert!(DOCUMENT.contains(&error::reason_with_retry_after("draining", 1500)));
}

#[test]
fn figures_and_names_are_the_codes_own() {
    for name in [SUBPROTOCOL_JSON, SUBPROTOCOL_CBOR, "2^53"] {
        assert!(DOCUMENT.contains(&format!("`{name}`")) || DOCUMENT.contains(name), "{name}");
    }
    assert_eq!(cbor::MAX_SAFE_INTEGER, 1 << 53);
    let framing = section("## 1. Transport and framing");
    assert!(framing.contains(&format!("Opaque JSON nests at most {} deep, CBOR at most {}", scalar::MAX_JSON_DEPTH, cbor::MAX_CBOR_DEPTH)));
    assert!(framing.contains(&format!("{} KiB", DEFAULT_MAX_MESSAGE_BYTES / 1024)));
    assert!(section("## 5. Relay → client").contains(&format!("at most {MAX_VIEWER_NAMES}")));
    let rules = section("## 10. Built-in events");
    for figure in [
        format!("1 to {} characters", validate::MAX_EVENT_NAME),
        format!("{} metrics", validate::MAX_METRICS),
        format!("over {} bytes", validate::MAX_LINE_BYTES),
        format!("over {} KiB", validate::MAX_TEXT_BYTES / 1024),
        "100,000".to_owned(),
    ] {
        assert!(rules.contains(&figure), "{figure}");
    }
    assert_eq!(validate::MAX_POINTS, 100_000);
}

#[test]
fn the_example_session_is_the_same_in_both_encodings() {
    let block = |name: &str| {
        let start = DOCUMENT.find(&format!("```{name} session\n")).unwrap() + name.len() + "``` session\n".len();
        DOCUMENT[start..start + DOCUMENT[start..].find("```").unwrap()].lines()
    };
    let mut lines = 0;
    for (json, cbor) in block("json").zip(block("cbor")) {
        let (who, text) = json.split_at(2);
        let bytes: Vec<u8> = (2..cbor.len()).step_by(2).map(|at| u8::from_str_radix(&cbor[at..at + 2], 16).unwrap()).collect();
        assert_eq!(who, &cbor[..2]);
        if who == "> " {
            let message = json::decode_client(text).next().unwrap().unwrap();
            assert_eq!(cbor::encode_client(&message), bytes, "{text}");
        } else {
            let message = json::decode_server(text).next().unwrap().unwrap();
            assert_eq!(cbor::encode_server(&message), bytes, "{text}");
        }
        lines += 1;
    }
    assert_eq!((lines, block("cbor").count()), (11, 11));
}
