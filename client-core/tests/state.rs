//! What the page sees of the events: slices, toasts, rings, and that only what changed is announced.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::*;

/// Connected, with `tenant`, `patient:p1`, `device:d1`, `dashboard` and `execution:e1` live.
fn ward() -> Page {
    let mut page = Page::new(exact());
    for channel in ["tenant", "patient:p1", "device:d1", "dashboard", "execution:e1"] {
        page.subscribe(channel);
    }
    page.command(Command::Connect);
    page.accept();
    page.take_events();
    page.changed = Slices::NONE;
    page
}
fn status(state: DeviceState) -> Payload {
    Payload::DeviceStatus(DeviceStatus { device_id: "d1".to_owned(), status: state, battery: Some(0.5), last_seen: None })
}
fn points(times: &[f64]) -> Payload {
    let column = Column(times.to_vec());
    let series = protocol::Series { t: column.clone(), v: column, unit: Some("bpm".to_owned()) };
    Payload::Telemetry(protocol::Telemetry { device_id: "d1".to_owned(), series: SeriesMap(vec![("hr".to_owned(), series)]) })
}
fn execution(status: ExecutionState) -> Payload {
    Payload::ExecutionUpdate(ExecutionUpdate {
        execution_id: "e1".to_owned(),
        status,
        step: Some("sorting".to_owned()),
        progress: 1.0,
        error: None,
        attempt: 1,
    })
}

#[test]
fn each_event_reaches_its_slice_and_announces_that_slice_alone() {
    let mut page = ward();
    let stats = DashboardStats { devices: 1, online: 1, active_alerts: 0, active_sessions: 0, average_compliance: 0.5, viewers: 1 };
    let cases = [
        ("device:d1", status(DeviceState::Online), Slices::DEVICES),
        ("device:d1", points(&[1.0, 2.0]), Slices::TELEMETRY | Slices::METRICS),
        ("device:d1", points(&[3.0]), Slices::TELEMETRY),
        ("dashboard", Payload::DashboardStats(stats), Slices::DASHBOARD),
        ("tenant", alert("x", Severity::Low, START.unix), Slices::ALERTS | Slices::TOASTS),
    ];
    let mut offsets = std::collections::BTreeMap::new();
    for (channel, payload, slices) in cases {
        let offset = offsets.entry(channel).or_insert(0);
        *offset += 1;
        page.changed = Slices::NONE;
        page.event(channel, publication(*offset, payload, START.unix));
        assert_eq!(page.changed, slices, "{channel}");
    }
    page.changed = Slices::NONE;
    page.relay(ServerMessage::Viewers(protocol::Viewers { channel: "patient:p1".to_owned(), count: 2, names: vec!["Ana".to_owned()] }));
    assert_eq!(page.changed, Slices::VIEWERS);
    assert_eq!(page.client.devices().statuses().at("d1").unwrap().status, DeviceState::Online);
    assert_eq!(page.client.telemetry().series("d1", "hr").unwrap().stats().unwrap().count, 3);
    assert_eq!(page.client.dashboard().stats().unwrap().viewers, 1);
    assert_eq!(page.client.viewers().counts().at("patient:p1").unwrap().count, 2);
    assert_eq!(page.client.freshness(START.unix, "d1", "hr").0, Freshness::Stale);
}

#[test]
fn viewers_of_a_channel_that_nobody_holds_are_not_kept() {
    let mut page = ward();
    page.relay(ServerMessage::Viewers(protocol::Viewers { channel: "patient:other".to_owned(), count: 2, names: vec![] }));
    assert!(page.client.viewers().counts().is_empty());
}

#[test]
fn an_alert_by_patient_and_tenant_counts_once_toasts_once_and_is_read_everywhere() {
    let mut page = ward();
    let payload = alert("x", Severity::Critical, page.now.unix);
    page.event("patient:p1", publication(1, payload.clone(), page.now.unix));
    page.event("tenant", publication(1, payload, page.now.unix));
    assert_eq!((page.client.alerts().items().len(), page.client.alerts().unread()), (1, 1));
    assert_eq!(page.toasts(), ["x"]);
    let shown = page.events.iter().filter(|event| matches!(event, ClientEvent::ToastShown(_))).count();
    assert_eq!(shown, 1);
    page.event("tenant", publication(2, Payload::AlertRead(Ids { ids: vec!["x".to_owned()] }), page.now.unix));
    assert_eq!(page.client.alerts().unread(), 0);
    page.command(Command::MarkAlertsRead(AlertIds::All));
    page.command(Command::ClickToast { id: "x".to_owned() });
    assert!(page.toasts().is_empty());
    assert!(matches!(page.events.last(), Some(ClientEvent::ToastClicked(toast)) if toast.patient_id.as_deref() == Some("p1")));
}

#[test]
fn an_alert_without_an_id_is_shown_all_the_same_and_two_of_them_are_two() {
    let mut page = ward();
    let Payload::Alert(alert) = alert("", Severity::Critical, page.now.unix) else { panic!("an alert") };
    let nameless = Payload::Alert(Alert { id: None, ..alert });
    page.event("patient:p1", publication(1, nameless.clone(), page.now.unix));
    page.event("patient:p1", publication(2, nameless, page.now.unix));
    assert_eq!((page.client.alerts().items().len(), page.client.alerts().unread()), (2, 2));
    let toasts = page.client.toasts();
    assert_eq!((toasts.visible().count(), toasts.count()), (1, 2), "they say the same: one card, which counts two");
}

#[test]
fn a_missed_alert_toasts_if_it_is_grave_or_new_and_one_from_before_the_page_does_not() {
    let mut page = ward();
    page.advance(10_000);
    page.closed(1006, "");
    page.advance(1_000);
    page.opened();
    let (now, long_ago) = (page.now.unix, Millis(page.now.unix.0 - 61_000));
    let entries = page.connect_message().subscribe.clone();
    let entries = entries.into_iter().map(|entry| {
        let mut answer = Subscribed { recovered: true, ..fresh(None, &entry.channel, "a", 0) };
        if entry.channel == "tenant" {
            answer.offset = 3;
            let stale = publication(1, alert("stale", Severity::Medium, long_ago), long_ago);
            let grave = publication(2, alert("grave", Severity::High, long_ago), long_ago);
            answer.publications = vec![stale, grave, publication(3, alert("new", Severity::Medium, now), now)];
        }
        SubscribedEntry::Subscribed(answer)
    });
    page.welcome(entries.collect());
    assert_eq!(page.client.alerts().items().len(), 3);
    assert_eq!(page.toasts(), ["grave", "new"]);

    // The relay was started again: its new epoch holds an alert that this page has not heard of.
    page.advance(6_000);
    page.closed(1006, "");
    page.advance(1_000);
    page.opened();
    let entries = page.connect_message().subscribe.clone();
    let entries = entries.into_iter().map(|entry| {
        let mut answer = fresh(None, &entry.channel, "b", 0);
        if entry.channel == "tenant" {
            answer.offset = 1;
            answer.publications = vec![publication(1, alert("after", Severity::Critical, long_ago), long_ago)];
        }
        SubscribedEntry::Subscribed(answer)
    });
    page.welcome(entries.collect());
    assert!(page.toasts().contains(&"after".to_owned()));

    let mut page = Page::new(exact());
    page.subscribe("tenant");
    page.command(Command::Connect);
    page.opened();
    let history = vec![publication(1, alert("before", Severity::High, page.now.unix), page.now.unix)];
    page.welcome(vec![SubscribedEntry::Subscribed(Subscribed { publications: history, ..fresh(None, "tenant", "a", 1) })]);
    assert_eq!(page.client.alerts().items().len(), 1);
    assert!(page.toasts().is_empty());
}

#[test]
fn a_missed_notification_toasts_if_it_is_grave_however_old_it_is_and_one_from_before_the_page_does_not() {
    let told = |now: Millis, offset, id: &str, severity| {
        let (title, body) = (id.to_owned(), String::new());
        let notification = Notification { id: Some(id.to_owned()), title, body, severity, link: None, ts: None };
        publication(offset, Payload::Notification(notification), Millis(now.0 - 61_000))
    };
    let mut page = ward();
    page.closed(1006, "");
    page.advance(1_000);
    page.opened();
    let now = page.now.unix;
    let entries = page.connect_message().subscribe.clone();
    let entries = entries.into_iter().map(|entry| {
        let mut answer = Subscribed { recovered: true, ..fresh(None, &entry.channel, "a", 0) };
        if entry.channel == "tenant" {
            answer.offset = 3;
            let all = [(1, "critical", Severity::Critical), (2, "high", Severity::High), (3, "stale", Severity::Medium)];
            answer.publications = all.map(|(offset, id, severity)| told(now, offset, id, severity)).to_vec();
        }
        SubscribedEntry::Subscribed(answer)
    });
    page.welcome(entries.collect());
    assert_eq!(page.toasts(), ["critical", "high"]);

    let mut page = Page::new(exact());
    page.subscribe("tenant");
    page.command(Command::Connect);
    page.opened();
    let publications = vec![told(page.now.unix, 1, "before", Severity::Critical)];
    page.welcome(vec![SubscribedEntry::Subscribed(Subscribed { publications, ..fresh(None, "tenant", "a", 1) })]);
    assert!(page.toasts().is_empty());
}

#[test]
fn notifications_and_the_ends_of_executions_toast_and_their_other_steps_do_not() {
    let mut page = ward();
    for (offset, state) in [(1, ExecutionState::Running), (2, ExecutionState::Failed), (3, ExecutionState::Failed)] {
        page.event("execution:e1", publication(offset, execution(state), page.now.unix));
    }
    assert_eq!(page.toasts(), ["execution_failed"]);
    let notification = Notification {
        id: Some("n1".to_owned()),
        title: "Shift change".to_owned(),
        body: "at 7".to_owned(),
        severity: Severity::Critical,
        link: Some("/shifts".to_owned()),
        ts: None,
    };
    page.event("tenant", publication(1, Payload::Notification(notification), page.now.unix));
    assert_eq!(page.toasts(), ["Shift change", "execution_failed"]);
    page.advance(10_000);
    assert!(page.toasts().is_empty());
}

#[test]
fn what_only_a_channel_told_goes_with_it() {
    let mut page = ward();
    page.event("device:d1", publication(1, status(DeviceState::Online), page.now.unix));
    page.event("device:d1", publication(2, points(&[1.0]), page.now.unix));
    page.relay(ServerMessage::Viewers(protocol::Viewers { channel: "device:d1".to_owned(), count: 2, names: vec![] }));
    page.release("device:d1");
    page.advance(5_000);
    assert!(page.client.devices().statuses().is_empty());
    assert!(page.client.telemetry().series("d1", "hr").is_none());
    assert!(page.client.viewers().counts().is_empty());
}

#[test]
fn a_held_ring_is_there_at_once_and_says_how_fresh_it_is() {
    let mut page = ward();
    let (device, metric) = ("d1".to_owned(), "hr".to_owned());
    page.command(Command::HoldTelemetry { device: device.clone(), metric: metric.clone(), capacity: Some(500) });
    assert_eq!(page.client.telemetry().series("d1", "hr").unwrap().capacity(), 500);
    assert_eq!(page.client.freshness(page.now.unix, "d1", "hr"), (Freshness::Empty, None));
    let version = page.client.telemetry().series("d1", "hr").unwrap().version();
    let newest = page.now.unix.0 as f64 - 500.0;
    page.event("device:d1", publication(1, points(&[newest - 1_000.0, newest]), page.now.unix));
    assert_ne!(page.client.telemetry().series("d1", "hr").unwrap().version(), version);
    assert_eq!(page.client.freshness(page.now.unix, "d1", "hr"), (Freshness::Live, Some(500.0)));
    page.closed(1006, "");
    assert_eq!(page.client.freshness(page.now.unix, "d1", "hr").0, Freshness::Stale);
    page.command(Command::ReleaseTelemetry { device, metric });
}
