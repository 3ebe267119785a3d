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
