//! The same key with the same body publishes once; with another body it is refused; after 15 minutes it is forgotten.

use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::*;
use pulsewire_relay::Publisher;
use std::collections::BTreeMap;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_key_gives_the_first_result_for_fifteen_minutes(
        steps in prop::collection::vec((0_u8..2, 0_u8..2, 0_u8..3, 0_u64..2, 0_u64..400), 1..40),
    ) {
        under_virtual_time(async {
            let relay = relay();
            let users = [relay.authenticate(Some(&token("ana"))).unwrap(), relay.authenticate(Some(&token("bob"))).unwrap()];
            let mut known: BTreeMap<(u8, u8, u8), (u64, Position, u64)> = BTreeMap::new();
            for (user, channel, key, body, wait_s) in steps {
                advance(wait_s * 1_000).await;
                let now = relay.clock().now_ms();
                let name = format!("lobby:{channel}");
                let by = Publisher::Principal(&users[user as usize]);
                let result = relay.publish(by, &name, note(body), Some(&format!("k{key}"))).await;
                match known.get(&(user, channel, key)).filter(|(_, _, until)| now < *until) {
                    Some((first_body, position, _)) if *first_body == body => assert_eq!(&result.unwrap(), position),
                    Some(_) => assert_eq!(result.unwrap_err().code, ErrorCode::BadRequest),
                    None => {
                        let position = result.unwrap();
                        let newest = relay.history(&users[0], &name, None, Some(1)).await.unwrap();
                        assert_eq!(newest.publications[0].offset, Some(position.offset), "it was published");
                        known.insert((user, channel, key), (body, position, now + 15 * 60_000));
                    }
                }
            }
        });
    }
}

fn alert(id: Option<&str>, message: &str) -> Payload {
    Payload::Alert(Alert {
        id: id.map(str::to_owned),
        patient_id: "p1".to_owned(),
        patient_name: "Maria".to_owned(),
        device_id: None,
        alert_type: "fall".to_owned(),
        severity: Severity::High,
        message: message.to_owned(),
        ts: None,
        metadata: None,
    })
}

#[tokio::test(start_paused = true)]
async fn an_alert_with_a_key_keeps_its_id_when_it_is_sent_again() {
    let relay = relay();
    let service = relay.authenticate(Some(&sign(&with(claims("backend"), "role", "service".into())))).unwrap();
    let by = Publisher::Principal(&service);
    let first = relay.publish(by, "patient:p1", alert(None, "fell"), Some("k1")).await.unwrap();
    assert_eq!(relay.publish(by, "patient:p1", alert(None, "fell"), Some("k1")).await.unwrap(), first);
    assert_eq!(relay.publish(by, "patient:p1", alert(None, "rose"), Some("k1")).await.unwrap_err().code, ErrorCode::BadRequest);
    assert_eq!(relay.publish(by, "patient:p1", alert(Some("a1"), "fell"), None).await.unwrap().offset, 2);
    let wrong = relay.publish(by, "patient:p1", alert(Some("a1"), "rose"), None).await.unwrap_err();
    assert_eq!(wrong.code, ErrorCode::BadRequest, "the same id with another body");
    for channel in ["patient:p1", "tenant"] {
        let history = relay.history(&service, channel, None, None).await.unwrap();
        assert_eq!(history.publications.len(), 2, "{channel}");
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_one_to_128_bytes() {
    let relay = relay();
    for key in ["", &"k".repeat(129)] {
        assert_eq!(relay.publish(system(), "lobby", note(1), Some(key)).await.unwrap_err().code, ErrorCode::BadRequest);
    }
    relay.publish(system(), "lobby", note(1), Some(&"k".repeat(128))).await.unwrap();
}

fn custom(text: &str) -> Payload {
    Payload::Custom { event: "order".to_owned(), data: RawJson::parse(text).unwrap() }
}

#[tokio::test(start_paused = true)]
async fn the_same_data_in_another_writing_is_the_same_body() {
    let relay = relay();
    let first = relay.publish(system(), "lobby", custom(r#"{"a":1,"b":{"c":[1,2],"d":"é"}}"#), Some("k")).await.unwrap();
    for same in [r#"{"b":{"d":"é","c":[1,2]},"a":1}"#, "{ \"a\" : 1,\n \"b\":{\"c\":[1, 2],\"d\":\"\\u00e9\"}}"] {
        assert_eq!(relay.publish(system(), "lobby", custom(same), Some("k")).await.unwrap(), first, "{same}");
    }
    for other in [r#"{"a":1,"b":{"c":[2,1],"d":"é"}}"#, r#"{"a":"1","b":{"c":[1,2],"d":"é"}}"#, r#"{"a":1}"#, "null"] {
        let error = relay.publish(system(), "lobby", custom(other), Some("k")).await.unwrap_err();
        assert!(error.message.starts_with("key: "), "{error}");
    }
    let history = relay.history(&relay.authenticate(Some(&token("nurse"))).unwrap(), "lobby", None, None).await.unwrap();
    match &history.publications[..] {
        [only] => assert_eq!(only.payload, custom(r#"{"a":1,"b":{"c":[1,2],"d":"é"}}"#), "what is passed on is as it was written"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_alert_as_the_relay_told_it_is_the_same_alert() {
    let relay = relay();
    let service = relay.authenticate(Some(&sign(&with(claims("backend"), "role", "service".into())))).unwrap();
    let by = Publisher::Principal(&service);
    let filled = |id: &str, ts: f64, message: &str| match alert(Some(id), message) {
        Payload::Alert(alert) => Payload::Alert(Alert { ts: Some(UnixMs(ts)), ..alert }),
        other => other,
    };
    // By its id: the time that the relay filled in, or that a retry stamps anew, makes no other alert of it.
    let first = relay.publish(by, "patient:p1", alert(Some("a1"), "fell"), None).await.unwrap();
    for ts in [START_MS as f64, 5.0] {
        assert_eq!(relay.publish(by, "patient:p1", filled("a1", ts, "fell"), None).await.unwrap(), first);
    }
    let error = relay.publish(by, "patient:p1", filled("a1", 5.0, "rose"), None).await.unwrap_err();
    assert!(error.message.starts_with("data.id: "), "{error}");
    // By a key: the id that the relay gave belongs to the body, another one does not.
    let asked = |payload| pulsewire_relay::relay::Asked { channel: "patient:p1".to_owned(), payload, key: Some("k".to_owned()) };
    let given = relay.publish_one(by, asked(alert(None, "fell"))).await.unwrap();
    let id = given.alert_id.clone().unwrap();
    assert_eq!(relay.publish_one(by, asked(filled(&id, 7.0, "fell"))).await.unwrap(), given);
    let error = relay.publish_one(by, asked(filled("another", 7.0, "fell"))).await.unwrap_err();
    assert!(error.message.starts_with("key: "), "{error}");
    for channel in ["patient:p1", "tenant"] {
        assert_eq!(relay.history(&service, channel, None, None).await.unwrap().publications.len(), 2, "{channel}");
    }
}
