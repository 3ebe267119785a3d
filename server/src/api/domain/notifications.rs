//! Routes of notifications.

use super::{Pairs, ask, send};
use crate::api::{Api, Callers, Problem, Senders};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Extensions, StatusCode};
use axum::response::Response;

/// List one's own notifications
///
/// Newest first, without those that were dismissed, and how many are unread. What happens to them is told on `user:{id}`.
#[utoipa::path(
    get, path = "/api/v1/notifications", operation_id = "listNotifications", tag = "Notifications",
    params(("unread" = Option<bool>, Query, description = "Only those that are unread."),
        ("before" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, description = "At most so many; 50 where nothing is said.", minimum = 1, maximum = 200)),
    responses((status = 200, description = "One page.", body = ref("#/components/schemas/NotificationList"), content_type = "application/json"), Callers),
)]
pub(in crate::api) async fn list(State(api): State<Api>, query: Pairs, found: Extensions) -> Result<Response, Problem> {
    ask(&api, &found, "notifications.list", query, &[]).await
}

/// Notify users
///
/// Users by their ids, everyone of a role, or everyone of the tenant: who was here with a valid token within 180 days counts, with
/// the role of the newest one. Needs the role `service` or `admin`, and a publish pattern for `user:{id}` of each.
#[utoipa::path(
    post, path = "/api/v1/notifications", operation_id = "createNotifications", tag = "Notifications",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 100 visible ASCII characters: the same key with the same body is answered with the same ids for a day, and notifies once.", min_length = 1, max_length = 100)),
    request_body(content = ref("#/components/schemas/NewNotification"), content_type = "application/json", description = "In JSON."),
    responses((status = 201, description = "They are kept, and told to who is there.", body = ref("#/components/schemas/NotificationIds"), content_type = "application/json"), Senders),
)]
pub(in crate::api) async fn create(State(api): State<Api>, request: Request<Body>) -> Result<Response, Problem> {
    send(&api, request, "notifications.create", StatusCode::CREATED, &[]).await
}

/// Mark one's own notifications read
///
/// On all devices of the user. Ids that are unknown or marked already are passed over.
#[utoipa::path(
    post, path = "/api/v1/notifications/read", operation_id = "readNotifications", tag = "Notifications",
    request_body(content = ref("#/components/schemas/NotificationMarks"), content_type = "application/json", description = "In JSON."),
    responses((status = 200, description = "What is left unread.", body = ref("#/components/schemas/NotificationUnread"), content_type = "application/json"), Senders),
)]
pub(in crate::api) async fn read(State(api): State<Api>, request: Request<Body>) -> Result<Response, Problem> {
    send(&api, request, "notifications.read", StatusCode::OK, &[]).await
}

/// Dismiss one's own notifications
///
/// They are listed no more, on no device of the user. Ids that are unknown or dismissed already are passed over.
#[utoipa::path(
    post, path = "/api/v1/notifications/dismiss", operation_id = "dismissNotifications", tag = "Notifications",
    request_body(content = ref("#/components/schemas/NotificationMarks"), content_type = "application/json", description = "In JSON."),
    responses((status = 200, description = "What is left unread.", body = ref("#/components/schemas/NotificationUnread"), content_type = "application/json"), Senders),
)]
pub(in crate::api) async fn dismiss(State(api): State<Api>, request: Request<Body>) -> Result<Response, Problem> {
    send(&api, request, "notifications.dismiss", StatusCode::OK, &[]).await
}
