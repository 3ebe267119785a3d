//! Conversations: messages of patients, agents and nurses, who has assumed them, and how far each message came.
//!
//! A message is sent by publishing `message_new` on `conversation:{id}` (as the SDK does, through its outbox) or by
//! `conversations.send`, which does the same: one way in, one set of rules. The first one makes the conversation. Where a `clientId`
//! stands in it, it is that message however often it comes. `message_status` moves the marks of who sends it ([`marks`]).
//!
//! Every change is told on `tenant` as `conversation_updated` too, without what was written, so that lists follow; several within
//! [`TOLD_AFTER`] are told once. What somebody has read on one device is told to their others as `conversation_read` on `user:{id}`.
//! Whoever writes into a resolved conversation and is not of the staff (by their role) opens it again: nobody would look there.
//!
//! Limits: a conversation is forgotten `retention.conversations_days` after its last message, if it was resolved; a mark of a message that was never kept here
//! (published while this relay had no store) changes nothing.

pub mod marks;
mod table;

use super::params::{Fields, LINE_BYTES, TEXT_BYTES};
use super::rights::{may_act, may_read};
use super::service::{Service, answer, refused, tell_now};
use crate::auth::{Principal, Publisher};
use crate::config::days_ms;
use crate::observe::faults::fault;
use crate::relay::{Asked, Incoming, Methods, Refusal, Relay, Tap, WeakRelay, usual_sender};
use crate::store::{Page, Store, StoreError, Tx};
use futures_util::future::BoxFuture;
use marks::Marks;
use parking_lot::Mutex;
use pulsewire_protocol::{
    ChannelName, ConversationMessage, ConversationUpdated, DeliveryStatus, ErrorBody, ErrorCode, EventKind, Message, Payload, Publication,
    RawJson, Sender,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use table::{Changes, Conversation, Filter};

/// How long news of a conversation wait for more of it.
pub const TOLD_AFTER: Duration = Duration::from_millis(200);
/// How long after a failure they are told again.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Characters of the newest message that a list shows.
const PREVIEW_CHARS: usize = 280;
const STATES: [&str; 3] = ["open", "assumed", "resolved"];
/// Members of `updates` that the store computes itself.
const COMPUTED: [&str; 6] = ["lastMessage", "lastMessageTs", "unread", "invalidates", "conversationId", "createdAt"];

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Conversations {
    store: Store,
    relay: WeakRelay,
    kept_ms: i64,
    acting_roles: Arc<[String]>,
    /// What is to be told soon. Held for one entry.
    news: Arc<Mutex<BTreeSet<News>>>,
}

/// What happened in a conversation, and whom it concerns.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct News {
    tenant: String,
    conversation: String,
    /// Whose count of unread messages changed: told to their other devices. `None`: something that everyone is told.
    reader: Option<String>,
}

fn channel_of(id: &str) -> String {
    format!("conversation:{id}")
}

/// The first characters of a text.
fn beginning(text: &str) -> String {
    match text.char_indices().nth(PREVIEW_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn invalidates(id: &str) -> Value {
    json!([["conversations"], ["conversation", id]])
}

impl Conversations {
    /// On that store, telling through that relay.
    pub fn attach(relay: &Relay, store: Store) -> Arc<Self> {
        let conversations = Arc::new(Self {
            store,
            relay: relay.downgrade(),
            kept_ms: days_ms(relay.config().retention.conversations_days),
            acting_roles: relay.config().auth.acting_roles.as_slice().into(),
            news: Arc::default(),
        });
        relay.add_tap(Arc::clone(&conversations) as Arc<dyn Tap>);
        conversations
    }

    async fn list(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let filter = Filter {
            status: fields.optional_one_of("status", &STATES),
            patient: fields.optional_id("patientId"),
            assignee: fields.optional_id("assignee"),
        };
        let unread_only = fields.flag("unread");
        let page = fields.page::<2>("conversations");
        fields.finish()?;
        let by = by.clone();
        let read = self.store.read("conversations.list", move |db| {
            let rows = |below, limit| -> Result<_, StoreError> {
                let mut rows = Vec::new();
                for (key, conversation) in table::list(db, &by.tenant, &filter, below, limit)? {
                    let visible = may_read(&by, &channel_of(&conversation.conversation_id)).is_ok()
                        && (!unread_only || table::has_unread(db, &by.tenant, key[1], &by.user)?);
                    rows.push((key, (visible, key[1], conversation)));
                }
                Ok(rows)
            };
            let page = page.filtered(rows, |(visible, _, _)| *visible)?;
            let mut items = Vec::with_capacity(page.items.len());
            for (_, seq, mut conversation) in page.items {
                table::complete(db, &by.tenant, seq, &by.user, &mut conversation)?;
                // A long message is shortened here: a list of them must fit into one answer.
                if let Some(last) = &mut conversation.last_message {
                    last.message.content = beginning(&last.message.content);
                }
                items.push(conversation);
            }
            Ok(Page { items, next: page.next })
        });
        answer(&read.await?)
    }

    async fn messages(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let id = fields.id("conversationId");
        let page = fields.page::<1>("messages");
        fields.finish()?;
        may_read(by, &channel_of(&id))?;
        let tenant = by.tenant.clone();
        let read = self.store.read("conversations.messages", move |db| {
            // One without messages has an empty page, whether or not it was heard of: the first message makes it.
            let Some((seq, _)) = table::find(db, &tenant, &id)? else { return Ok(page.page(Vec::new())) };
            let [below] = page.below();
            Ok(page.page(table::messages(db, &tenant, seq, below, page.sql_limit())?))
        });
        answer(&read.await?)
    }

    async fn send(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let conversation_id = fields.id("conversationId");
        let key = fields.key();
        let client_id = fields.optional_text("clientId", 128).or(key).unwrap_or_else(|| self.store.ids().make());
        let content = fields.text("content", TEXT_BYTES);
        let sender = fields.optional_word::<Sender>("sender", "patient, agent, nurse, user");
        let sender_name = fields.optional_text("senderName", LINE_BYTES).unwrap_or_else(|| by.name.clone());
        let patient_id = fields.optional_id("patientId");
        let is_audio = fields.flag("isAudio").then_some(true);
        let url = fields.optional_text("url", LINE_BYTES * 4);
        fields.finish()?;
        let sender = sender.unwrap_or_else(|| usual_sender(by.role.as_deref()));
        let message = Message { id: None, client_id: Some(client_id.clone()), content, sender, sender_name, ts: None, is_audio, url };
        let payload = Payload::MessageNew(ConversationMessage { conversation_id: conversation_id.clone(), patient_id, message });
        let channel = channel_of(&conversation_id);
        let relay = self.relay.upgrade().ok_or_else(|| ErrorBody::retryable(ErrorCode::Unavailable, "this relay is going down", None))?;
        relay.publish_one(Publisher::Principal(by), Asked { channel, payload, key: Some(client_id.clone()) }).await?;
        let (tenant, user) = (by.tenant.clone(), by.user.clone());
        let read = self.store.read("conversations.send", move |db| {
            let (seq, _) = table::get(db, &tenant, &conversation_id)?;
            table::by_client_id(db, &tenant, seq, &user, &client_id)
        });
        answer(&read.await?)
    }

    async fn status(&self, by: &Principal, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        let mut fields = Fields::read(params)?;
        let id = fields.id("conversationId");
        let status = fields.optional_one_of("status", &STATES);
        if status.is_none() && fields.value("status").is_none() {
            fields.blame("status", "is missing: open, assumed or resolved");
        }
        let take_over = fields.flag("takeOver");
        let note = fields.optional_text("note", TEXT_BYTES);
        fields.finish()?;
        let channel = may_read(by, &channel_of(&id))?;
        may_act(by, &self.acting_roles, "conversations.status")?;
        if !by.may_publish_to(&channel) {
            let message = format!("the token's publish patterns, or the role's, do not allow {channel}");
            return Err(ErrorBody::new(ErrorCode::Forbidden, message).into());
        }
        let status = status.unwrap_or_default();
        let (who, of) = (by.clone(), id.clone());
        let written = self.store.write("conversations.status", move |tx| {
            let found = table::get(tx, &who.tenant, &of)?;
            let before = &found.1;
            let others = before.assignee.as_deref().filter(|assignee| *assignee != who.user);
            if status == "assumed"
                && before.status == "assumed"
                && !take_over
                && let Some(other) = others
            {
                let name = before.assignee_name.as_deref().unwrap_or(other);
                return Err(refused(format!("status: {name} has assumed this conversation already: `takeOver: true` takes it over")));
            }
            let assignee = if status == "open" { None } else { Some((who.user.clone(), who.name.clone())) };
            let extra = note.map(|note| ("note".to_owned(), Value::String(note))).into_iter().collect();
            let seq = found.0;
            let mut after = table::change(tx, found, Changes { status: Some(status), assignee: Some(assignee), extra })?;
            table::complete(tx, &who.tenant, seq, &who.user, &mut after)?;
            Ok(after)
        });
        let conversation = written.await?;
        let updates = updates_of(&conversation, Some(by));
        let asked = ["conversation", "tenant"].map(|place| Asked {
            channel: if place == "tenant" { "tenant".to_owned() } else { channel_of(&id) },
            payload: Payload::ConversationUpdated(ConversationUpdated { conversation_id: id.clone(), updates: updates.clone() }),
            key: None,
        });
        tell_now(&self.relay, &by.tenant, asked.into()).await?;
        answer(&conversation)
    }

    /// Tells what happened in conversations, once for all that comes in the meantime.
    fn note_news(&self, one: News) {
        let first = {
            let mut news = self.news.lock();
            let first = news.is_empty();
            news.insert(one);
            first
        };
        if first {
            let this = self.clone();
            drop(tokio::spawn(async move {
                tokio::time::sleep(TOLD_AFTER).await;
                let news = std::mem::take(&mut *this.news.lock());
                for one in news {
                    if let Err(error) = this.tell_news(&one).await {
                        // What will never be taken is not tried for ever.
                        let again = error.body.retryable;
                        let conversation = &one.conversation;
                        fault!(warning, Store, error = %error.body.message, conversation, again, "news of a conversation could not be told");
                        if again {
                            tokio::time::sleep(TOLD_AGAIN_AFTER).await;
                            this.note_news(one);
                        }
                    }
                }
            }));
        }
    }

    async fn tell_news(&self, news: &News) -> Result<(), Refusal> {
        // Of a relay that is going down nobody is left to hear it.
        if self.relay.upgrade().is_none_or(|relay| relay.is_draining()) {
            return Ok(());
        }
        let of = news.clone();
        let read = self.store.read("conversations.list", move |db| {
            let Some((seq, conversation)) = table::find(db, &of.tenant, &of.conversation)? else { return Ok(None) };
            let unread = of.reader.map(|reader| table::unread(db, &of.tenant, seq, &reader)).transpose()?;
            Ok(Some((conversation, unread)))
        });
        let Some((conversation, unread)) = read.await? else { return Ok(()) };
        let id = conversation.conversation_id.clone();
        let told = match (&news.reader, unread) {
            (Some(reader), Some(unread)) => {
                let data = json!({ "conversationId": id, "unread": unread, "invalidates": invalidates(&id) });
                let payload =
                    Payload::Custom { event: "conversation_read".to_owned(), data: RawJson::from_text_unchecked(data.to_string()) };
                vec![(format!("user:{reader}"), payload)]
            }
            _ => {
                let updates = updates_of(&conversation, None);
                let payload = Payload::ConversationUpdated(ConversationUpdated { conversation_id: id.clone(), updates });
                // On the conversation's channel too: a patient's message may have opened it again.
                vec![(channel_of(&id), payload.clone()), ("tenant".to_owned(), payload)]
            }
        };
        let asked = told.into_iter().map(|(channel, payload)| Asked { channel, payload, key: None });
        Ok(tell_now(&self.relay, &news.tenant, asked.collect()).await?)
    }

    fn keep_message(tx: &Tx<'_>, incoming: &Incoming, body: &ConversationMessage) -> Result<(), StoreError> {
        let at_ms = tx.now_ms();
        let found = table::get_or_make(tx, &incoming.tenant, &body.conversation_id, body.patient_id.as_deref(), at_ms)?;
        let is_new =
            table::add(tx, &incoming.tenant, found.0, incoming.user.as_deref().unwrap_or_default(), &body.message, !incoming.by_backend)?;
        // A backend may speak for a patient.
        let of_staff = incoming.by_staff && body.message.sender != Sender::Patient;
        if is_new && found.1.status == "resolved" && !of_staff {
            table::change(tx, found, Changes { status: Some("open".to_owned()), assignee: Some(None), extra: Map::new() })?;
        }
        Ok(())
    }

    fn keep_updates(tx: &Tx<'_>, tenant: &str, body: &ConversationUpdated) -> Result<(), StoreError> {
        let Value::Object(mut given) = serde_json::from_str::<Value>(body.updates.as_str())? else {
            return Err(refused("data.updates: expected an object"));
        };
        COMPUTED.iter().for_each(|member| drop(given.remove(*member)));
        let mut text = |member: &str| match given.remove(member) {
            Some(Value::String(text)) => Some(Some(text)),
            Some(Value::Null) => Some(None),
            _ => None,
        };
        let status = text("status").flatten();
        if let Some(status) = status.as_deref().filter(|status| !STATES.contains(status)) {
            let shown: String = status.chars().take(40).collect();
            return Err(refused(format!("data.updates.status: {shown:?}: expected open, assumed or resolved")));
        }
        let (patient, name) = (text("patientId").flatten(), text("assigneeName").flatten());
        let assignee = text("assignee").map(|assignee| assignee.map(|user| (user.clone(), name.unwrap_or(user))));
        let found = table::get_or_make(tx, tenant, &body.conversation_id, patient.as_deref(), tx.now_ms())?;
        table::change(tx, found, Changes { status, assignee, extra: given }).map(drop)
    }
}

/// What is told of a conversation: nothing of what was written in it, since not everyone of the tenant may read that.
fn updates_of(conversation: &Conversation, by: Option<&Principal>) -> RawJson {
    let mut updates = json!({
        "status": conversation.status,
        "assignee": conversation.assignee,
        "assigneeName": conversation.assignee_name,
        "lastMessageTs": conversation.last_message_ts,
        "invalidates": invalidates(&conversation.conversation_id),
    });
    if let (Some(patient), Value::Object(members)) = (&conversation.patient_id, &mut updates) {
        members.insert("patientId".to_owned(), Value::String(patient.clone()));
    }
    if let (Some(by), Value::Object(members)) = (by, &mut updates) {
        members.insert("by".to_owned(), json!({ "user": by.user, "name": by.name }));
    }
    RawJson::from_text_unchecked(updates.to_string())
}

impl Methods for Conversations {
    fn handle_call<'a>(
        &'a self,
        by: &'a Principal,
        method: &'a str,
        params: Option<&'a RawJson>,
    ) -> Option<BoxFuture<'a, Result<RawJson, Refusal>>> {
        Some(match method {
            "conversations.list" => Box::pin(self.list(by, params)),
            "conversations.messages" => Box::pin(self.messages(by, params)),
            "conversations.send" => Box::pin(self.send(by, params)),
            "conversations.status" => Box::pin(self.status(by, params)),
            _ => return None,
        })
    }
}

impl Service for Conversations {
    fn keeps(&self) -> &'static [EventKind] {
        &[EventKind::MessageNew, EventKind::MessageUpdated, EventKind::MessageStatus, EventKind::ConversationUpdated]
    }

    fn keep(&self, tx: &Tx<'_>, incoming: &Incoming) -> Result<(), StoreError> {
        let tenant = incoming.tenant.as_str();
        match &incoming.publication.payload {
            Payload::MessageNew(body) => Self::keep_message(tx, incoming, body),
            Payload::MessageUpdated(body) => match table::find(tx, tenant, &body.conversation_id)? {
                Some((seq, _)) => table::edit(tx, tenant, seq, &body.message).map(drop),
                None => Ok(()),
            },
            Payload::MessageStatus(body) => {
                let id = incoming.channel.id().unwrap_or_default();
                let Some((seq, _)) = table::find(tx, tenant, id)? else { return Ok(()) };
                let Some(message) = table::number_of(tx, tenant, seq, &body.message_id)? else { return Ok(()) };
                table::mark(tx, tenant, seq, &body.user, Marks::reached(body.status, message))
            }
            Payload::ConversationUpdated(body) => Self::keep_updates(tx, tenant, body),
            _ => Ok(()),
        }
    }

    fn expire(&self, tx: &Tx<'_>, most: usize) -> Result<usize, StoreError> {
        table::expire(tx, self.kept_ms, most)
    }
}

impl Tap for Conversations {
    fn handle_publication(&self, tenant: &str, channel: &ChannelName, publication: &Publication) {
        let (conversation, reader) = match &publication.payload {
            Payload::MessageNew(body) => (body.conversation_id.as_str(), None),
            Payload::MessageStatus(body) if body.status == DeliveryStatus::Read => match channel.id() {
                Some(conversation) => (conversation, Some(body.user.clone())),
                None => return,
            },
            _ => return,
        };
        self.note_news(News { tenant: tenant.to_owned(), conversation: conversation.to_owned(), reader });
    }

    fn handle_viewers(&self, _: &str) {}
}
