//! Events of people and jobs on their way into the [`Kept`] lists: notifications, executions, conversations, typing, presence,
//! patients; and what the page says of them.

use crate::client::Client;
use crate::digits::push_number;
use crate::fields::Fields;
use crate::members::each_member;
use crate::output::Slices;
use crate::records::{Kept, Lists, Record, Records};
use crate::requests::Purpose;
use crate::time::Millis;
use crate::toasts::ToastKind;
use pulsewire_protocol::{Call, ChannelName, ClientMessage, EventKind, Payload, Publication, Publish, RawJson, Severity};

/// How long one `typing_start` counts: a stop that is lost does no harm.
const TYPING_MS: u64 = 5_000;
/// Between two starts of this user in one conversation, whatever the page calls for each key.
const OWN_TYPING_MS: f64 = 2_000.0;
/// The one member name that is no mere property of a JavaScript object.
const PROTOTYPE: &str = "__proto__";
/// How far a message can come; a mark is the place in here.
const DELIVERY: [&str; 4] = ["", "sent", "delivered", "read"];

impl Client {
    /// What is kept of people and jobs, oldest first.
    pub fn kept(&self, list: Kept) -> core::slice::Iter<'_, Record> {
        self.kept.list(list).iter()
    }
    pub(crate) fn list(&mut self, list: Kept) -> &mut Records {
        self.kept.list_mut(list)
    }
    /// Puts a record into its list; one without an id (which a relay never sends) is not stored.
    #[inline(never)]
    fn put(&mut self, list: Kept, scope: &str, id: &str, name: &str, ts: f64, cbor: Vec<u8>) {
        if !id.is_empty() {
            let changed = self.list(list).put(scope, id, name, ts, cbor);
            self.mark(changed, list.slice());
        }
    }
    #[inline(never)]
    fn remove(&mut self, list: Kept, scope: Option<&str>, id: Option<&str>) {
        let changed = self.list(list).remove(scope, id);
        self.mark(changed, list.slice());
    }

    /// A publication of one of these kinds; the lightest that is `worth` a toast, if any is.
    pub(crate) fn apply_people(&mut self, kind: EventKind, channel: &str, publication: &Publication, worth: Option<Severity>) {
        use EventKind as E;
        let cbor = publication.payload.data_cbor();
        let Some(fields) = Fields::read(&cbor, &kind.shape()) else {
            self.counters.unreadable += 1;
            return;
        };
        let sent_at = publication.ts.0;
        let mut ts = fields.number("ts").unwrap_or(sent_at);
        let (user, user_name) = publication.from.as_ref().map_or(("", ""), |author| (&author.user, &author.name));
        let conversation = channel.strip_prefix("conversation:").unwrap_or_else(|| fields.text("conversationId"));
        let (list, scope, mut id, mut name) = match kind {
            E::Notification => (Kept::Notifications, "", "id", ""),
            E::ExecutionUpdate => (Kept::Executions, "", "executionId", ""),
            E::MessageNew | E::MessageUpdated => (Kept::Messages, conversation, "id", "clientId"),
            E::TypingStart => (Kept::Typing, conversation, "", ""),
            E::ConversationUpdated => (Kept::Conversations, conversation, "updates", ""),
            // The whole object is the one text of their walk.
            E::PatientStatusChange | E::PriorityUpdate | E::NewPatient => (Kept::Patients, "", "", ""),
            E::TypingStop => return self.remove(Kept::Typing, Some(conversation), Some(user)),
            E::NotificationRead | E::NotificationDismissed => {
                for (_, id) in fields.texts() {
                    self.handle_mark_notifications(Some(id), kind == E::NotificationDismissed);
                }
                return;
            }
            E::MessageStatus => {
                let status = fields.text("status");
                let reached = DELIVERY.iter().position(|word| *word == status).map_or(0, |index| index as u8);
                let changed = self.list(Kept::Messages).mark(Some(fields.text("messageId")), reached);
                return self.mark(changed, Slices::MESSAGES);
            }
            E::Presence => {
                let mut user = "";
                for (field, text) in fields.texts() {
                    match field {
                        "userId" => user = text,
                        "name" => self.put(Kept::Presence, "", user, text, 0.0, Vec::new()),
                        _ => self.remove(Kept::Presence, None, Some(text)),
                    }
                }
                return;
            }
            _ => return,
        };
        (id, name) = (fields.text(id), fields.text(name));
        match list {
            Kept::Conversations | Kept::Patients => return self.merge(list, scope, id, sent_at),
            Kept::Typing => {
                // Nobody is told of their own.
                (id, name) = (if self.status.user.as_deref() == Some(user) { "" } else { user }, user_name);
                ts = self.now.monotonic.plus(TYPING_MS).0 as f64;
            }
            Kept::Messages => {
                self.remove(Kept::Typing, Some(conversation), Some(user));
                (id, ts) = self.list(list).rename(scope, id, name, ts);
            }
            _ => self.toast_of(kind, &fields, ts, worth),
        }
        self.put(list, scope, id, name, ts, cbor.into_owned());
    }

    /// Puts the members of the caller's own object into a list, each by itself: the newest value of each counts.
    fn merge(&mut self, list: Kept, scope: &str, json: &str, ts: f64) {
        // A patient's object says itself whose it is.
        let mut patient = "";
        each_member(json, &mut |name, value| {
            if name == "patientId" {
                patient = value.get(1..value.len() - 1).unwrap_or("");
            }
        });
        let scope = if scope.is_empty() { patient } else { scope };
        each_member(json, &mut |name, value| {
            if name != PROTOTYPE {
                self.put(list, scope, name, value, ts, Vec::new());
            }
        });
    }

    fn toast_of(&mut self, kind: EventKind, fields: &Fields, ts: f64, worth: Option<Severity>) {
        let mut toast = if kind == EventKind::Notification {
            let severity = Severity::ALL.iter().find(|severity| severity.as_str() == fields.text("severity"));
            let severity = severity.copied().unwrap_or(Severity::Low);
            self.new_toast(fields.text("id"), ToastKind::Notification, severity, fields.text("title"), fields.text("body"))
        } else {
            let (severity, title) = match fields.text("status") {
                "succeeded" => (Severity::Low, "execution_succeeded"),
                "failed" => (Severity::High, "execution_failed"),
                _ => return,
            };
            let mut id = fields.text("executionId").to_owned();
            id.push(':');
            push_number(&mut id, fields.number("attempt").unwrap_or(0.0) as u64);
            let message = fields.text("message");
            let message = if message.is_empty() { fields.text("step") } else { message };
            let mut toast = self.new_toast(&id, ToastKind::Execution, severity, title, message);
            title.clone_into(&mut toast.group);
            toast
        };
        toast.ts = Millis(ts as u64);
        toast.link = Some(fields.text("link").to_owned()).filter(|link| !link.is_empty());
        if !toast.id.is_empty() && Some(toast.severity) <= worth {
            self.add_toast(toast);
        }
    }

    // What the page says.

    /// Marks a notification as read or removes it; all, where none is named.
    pub(crate) fn handle_mark_notifications(&mut self, id: Option<&str>, dismiss: bool) {
        if dismiss {
            self.remove(Kept::Notifications, None, id);
        } else {
            let changed = self.list(Kept::Notifications).mark(id, 1);
            self.mark(changed, Slices::NOTIFICATIONS);
        }
    }

    /// Somebody is online. Without a name: nobody is, and those who are follow.
    pub(crate) fn handle_present(&mut self, user: &str, name: &str) {
        if user.is_empty() {
            self.remove(Kept::Presence, None, None);
        } else {
            self.put(Kept::Presence, "", user, name, 0.0, Vec::new());
        }
    }

    /// This user writes, or stopped. Nothing waits for a connection: by then it would be wrong.
    pub(crate) fn handle_typing(&mut self, conversation: &str, active: bool) {
        let mut channel = String::from("conversation:");
        channel.push_str(conversation);
        if !self.connection.is_connected() || ChannelName::parse(&channel).is_err() {
            return;
        }
        let ts = self.now.monotonic.0 as f64;
        let told_at = self.own_typing.find("", conversation).map(|own| own.ts);
        let tell = if active { told_at.is_none_or(|at| ts - at >= OWN_TYPING_MS) } else { told_at.is_some() };
        if !tell {
            return;
        }
        // An id that may stand in a channel's name needs no escape.
        let mut data = String::from("{\"conversationId\":\"");
        data.push_str(conversation);
        data.push_str("\"}");
        let event = if active {
            self.own_typing.put("", conversation, "", ts, Vec::new());
            "typing_start"
        } else {
            self.own_typing.remove(None, Some(conversation));
            "typing_stop"
        };
        let payload = Payload::Custom { event: event.to_owned(), data: RawJson::from_text_unchecked(data) };
        self.send_command(Purpose::Own, |id| ClientMessage::Publish(Publish { id, channel, payload, key: None }));
    }

    /// Asks who is online, where the page looks at it and the relay can say it: it tells only changes by itself.
    pub(crate) fn ask_presence(&mut self) {
        if self.presence_wanted && self.connection.is_connected() {
            let params = Some(RawJson::from_text_unchecked("{\"channel\":\"tenant\"}".to_owned()));
            self.send_command(Purpose::Presence, |id| ClientMessage::Call(Call { id, method: "presence.get".to_owned(), params }));
        }
    }

    // What ends.

    /// When somebody's writing counts no longer (monotonic).
    pub(crate) fn typing_deadline(&mut self) -> Option<Millis> {
        self.list(Kept::Typing).iter().map(|typist| Millis(typist.ts as u64)).min()
    }
    pub(crate) fn handle_typing_expiry(&mut self) {
        let now = self.now.monotonic.0 as f64;
        let changed = self.list(Kept::Typing).retain(&|typist| typist.ts > now);
        self.mark(changed, Slices::TYPING);
    }
    /// The connection is gone: who still writes will say so again.
    pub(crate) fn forget_typing(&mut self) {
        self.own_typing = Records::default();
        self.remove(Kept::Typing, None, None);
    }
    /// Another user signed in on this page.
    pub(crate) fn forget_people(&mut self) {
        self.kept = Lists::default();
        self.changed |= Slices::KEPT;
    }
    /// A channel is no longer held: what only it told goes too.
    pub(crate) fn forget_channel_of_people(&mut self, name: &str) {
        if let Some(id) = name.strip_prefix("conversation:") {
            self.remove(Kept::Messages, Some(id), None);
        } else if let Some(id) = name.strip_prefix("execution:") {
            self.remove(Kept::Executions, None, Some(id));
        }
    }
}
