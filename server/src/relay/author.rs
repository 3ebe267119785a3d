//! Who wrote a message, by the token and not by what the message says: nobody speaks as somebody else.
//!
//! A page shows a message as a nurse's or a patient's by these two members, so a page must not choose them freely. Backends may:
//! they speak for others. A name is only as good as the token's: one without a name shows what the page wrote, under the sender
//! that the role allows and with the user's id in `from`.

use crate::auth::Principal;
use pulsewire_protocol::{Message, Sender};

/// How the messages of a role are marked where nothing is said.
pub fn usual_sender(role: Option<&str>) -> Sender {
    match role {
        Some("patient") => Sender::Patient,
        Some("agent" | "service") => Sender::Agent,
        Some("nurse") => Sender::Nurse,
        _ => Sender::User,
    }
}

/// Puts `by` under the message, who is no backend.
pub(super) fn sign(message: &mut Message, by: &Principal, acting_roles: &[String]) {
    let role = by.role.as_deref();
    let acts = role.is_some_and(|role| acting_roles.iter().any(|acting| acting == role));
    message.sender = match (usual_sender(role), message.sender) {
        // Of the staff, or somebody whose role says nothing: what they say, but for what they are not.
        (Sender::User, said @ (Sender::Nurse | Sender::Agent)) if acts => said,
        (Sender::User, Sender::Patient) if !acts => Sender::Patient,
        (usual, _) => usual,
    };
    if by.name != by.user {
        message.sender_name.clone_from(&by.name);
    }
}

#[cfg(test)]
// Tests may unwrap: a panic is how they fail.
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn signed(role: Option<&str>, name: &str, said: Sender) -> (Sender, String) {
        let by = Principal {
            user: "u-7".to_owned(),
            name: name.to_owned(),
            tenant: "ward".to_owned(),
            role: role.map(str::to_owned),
            expires_at_ms: 0,
            counts_as_viewer: true,
            subscribe: Vec::new(),
            publish: Vec::new(),
        };
        let (id, client_id, content, sender_name) = (None, None, "Hello".to_owned(), "Ana Souza".to_owned());
        let mut message = Message { id, client_id, content, sender: said, sender_name, ts: None, is_audio: None, url: None };
        sign(&mut message, &by, &["nurse", "doctor"].map(str::to_owned));
        (message.sender, message.sender_name)
    }

    #[test]
    fn a_message_is_marked_by_the_role_of_who_wrote_it() {
        use Sender::{Agent, Nurse, Patient, User};
        let all = [Patient, Agent, Nurse, User];
        let marked = |role| all.map(|said| signed(role, "Maria", said).0);
        assert_eq!(marked(Some("patient")), [Patient; 4], "a patient is never one of the staff");
        assert_eq!(marked(Some("nurse")), [Nurse; 4]);
        assert_eq!(marked(Some("agent")), [Agent; 4]);
        assert_eq!(marked(Some("doctor")), [User, Agent, Nurse, User], "of the staff, but no patient");
        assert_eq!(marked(Some("relative")), [Patient, User, User, User]);
        assert_eq!(marked(None), [Patient, User, User, User]);
    }

    #[test]
    fn the_name_is_the_tokens_where_it_has_one() {
        assert_eq!(signed(Some("patient"), "Maria", Sender::Nurse).1, "Maria");
        assert_eq!(signed(Some("patient"), "u-7", Sender::Nurse).1, "Ana Souza", "a token without a name says nothing");
    }
}
