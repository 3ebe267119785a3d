//! Bodies of every kind at every endpoint.

use crate::client::*;
use proptest::prelude::*;
use serde_json::json;

/// Text that is nearly a body: what a broken or hostile backend sends.
fn nearly_json() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        Just("null".to_owned()),
        Just("1e999".to_owned()),
        Just("-0".to_owned()),
        Just("\"\\u0000\"".to_owned()),
        Just("\"bed-1\"".to_owned()),
        Just("\"online\"".to_owned()),
        Just("\"device:bed-1\"".to_owned()),
        Just("\"device_status\"".to_owned()),
        any::<f64>().prop_map(|number| number.to_string()),
        "\\PC{0,12}".prop_map(|text| json!(text).to_string()),
    ];
    let key = prop::sample::select(vec![
        "deviceId", "status", "battery", "series", "t", "v", "ecg", "channel", "event", "data", "key", "channels", "waitMs", "recover",
        "epoch", "offset",
    ]);
    let value = atom.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key.clone(), inner), 0..5)
                .prop_map(|members| format!("{{{}}}", members.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect::<Vec<_>>().join(","))),
        ]
    });
    // Now and then cut off in the middle.
    (value, prop::option::weighted(0.2, 0.0_f64..1.0)).prop_map(|(text, cut)| match cut {
        Some(share) => text.chars().take((text.chars().count() as f64 * share) as usize).collect(),
        None => text,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_body_of_any_kind_breaks_an_endpoint(
        path in prop::sample::select(vec!["devices/status", "devices/alerts", "devices/telemetry", "publish", "publish?atomic=true", "poll"]),
        cbor in any::<bool>(),
        body in prop_oneof![nearly_json().prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..200)],
    ) {
        static SERVER: std::sync::LazyLock<(Server, String)> = std::sync::LazyLock::new(|| (Server::dev(), service()));
        let (server, token) = &*SERVER;
        let kind = if cbor { "application/cbor" } else { "application/json" };
        let answer = server.request("POST", &format!("/api/v1/{path}"), Some(token), Some((kind, &body)), &[]);
        prop_assert!(answer.status < 500, "{:?}", answer);
        if answer.status >= 400 {
            prop_assert_eq!(answer.header("content-type"), "application/problem+json");
            let problem = answer.json();
            prop_assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{}", problem);
        } else {
            prop_assert!([200, 202].contains(&answer.status));
        }
    }
}
