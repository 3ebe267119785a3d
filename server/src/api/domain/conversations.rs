//! Routes of conversations.

use super::{Pairs, ask, send};
use crate::api::{Api, Callers, Missing, Problem, Senders};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{Extensions, StatusCode};
use axum::response::Response;

fn of(id: String) -> [(&'static str, String); 1] {
    [("conversationId", id)]
}

/// List conversations
///
/// Newest activity first; those whose channel the caller may subscribe to, each with what the caller has not read.
#[utoipa::path(
    get, path = "/api/v1/conversations", operation_id = "listConversations", tag = "Conversations",
    params(("status" = Option<String>, Query, description = "Only those that are `open`, `assumed` or `resolved`."),
        ("patientId" = Option<String>, Query, description = "Only those about this patient."),
        ("assignee" = Option<String>, Query, description = "Only those that this user has assumed or resolved."),
        ("unread" = Option<bool>, Query, description = "Only those with messages that the caller has not read."),
        ("before" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, description = "At most so many; 50 where nothing is said.", minimum = 1, maximum = 200)),
    responses((status = 200, description = "One page.", body = ref("#/components/schemas/ConversationList"), content_type = "application/json"), Callers),
)]
pub(in crate::api) async fn list(State(api): State<Api>, query: Pairs, found: Extensions) -> Result<Response, Problem> {
    ask(&api, &found, "conversations.list", query, &[]).await
}

/// Read the messages of a conversation
///
/// Newest first, each with how far it came. One that nobody has written in yet has none.
#[utoipa::path(
    get, path = "/api/v1/conversations/{conversationId}/messages", operation_id = "listMessages", tag = "Conversations",
    params(("conversationId" = String, Path, description = "The conversation."),
        ("before" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, description = "At most so many; 50 where nothing is said.", minimum = 1, maximum = 200)),
    responses((status = 200, description = "One page.", body = ref("#/components/schemas/MessageList"), content_type = "application/json"), Callers),
)]
pub(in crate::api) async fn messages(
    State(api): State<Api>,
    Path(id): Path<String>,
    query: Pairs,
    found: Extensions,
) -> Result<Response, Problem> {
    ask(&api, &found, "conversations.messages", query, &of(id)).await
}

/// Send a message
///
/// Told as `message_new` on `conversation:{id}`; the first message makes the conversation. With a `clientId` (or the header
/// `Idempotency-Key`) it is one message however often it is sent.
#[utoipa::path(
    post, path = "/api/v1/conversations/{conversationId}/messages", operation_id = "sendMessage", tag = "Conversations",
    params(("conversationId" = String, Path, description = "The conversation."),
        ("Idempotency-Key" = Option<String>, Header, description = "Stands for `clientId` where that is not given.", min_length = 1, max_length = 100)),
    request_body(content = ref("#/components/schemas/NewMessage"), content_type = "application/json", description = "In JSON."),
    responses((status = 201, description = "It is kept.", body = ref("#/components/schemas/SentMessage"), content_type = "application/json"), Senders),
)]
pub(in crate::api) async fn post_message(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    send(&api, request, "conversations.send", StatusCode::CREATED, &of(id)).await
}

/// Assume, resolve or open a conversation
///
/// Whoever assumes or resolves it stands as its assignee; opening it takes that away. One that somebody else has assumed is taken only
/// with `takeOver`. Told as `conversation_updated` on `conversation:{id}` and `tenant`.
#[utoipa::path(
    post, path = "/api/v1/conversations/{conversationId}/status", operation_id = "setConversationStatus", tag = "Conversations",
    params(("conversationId" = String, Path, description = "The conversation.")),
    request_body(content = ref("#/components/schemas/NewConversationStatus"), content_type = "application/json", description = "In JSON."),
    responses((status = 200, description = "As it is now.", body = ref("#/components/schemas/Conversation"), content_type = "application/json"), Senders, Missing),
)]
pub(in crate::api) async fn status(State(api): State<Api>, Path(id): Path<String>, request: Request<Body>) -> Result<Response, Problem> {
    send(&api, request, "conversations.status", StatusCode::OK, &of(id)).await
}
