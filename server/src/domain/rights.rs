//! Who may call what: the rules of PROTOCOL.md, section 11, in one place.
//!
//! - A method that reads or marks what is on a channel needs the right to subscribe to that channel ([`may_read`]).
//! - A method marked *(service)* needs the role `service` or `admin`, and a publish pattern for the channel on which it is told
//!   ([`may_tell`]): the same as publishing that event, so no door is wider than another.

use crate::auth::Principal;
use pulsewire_protocol::{ChannelName, ErrorBody, ErrorCode};

/// The channel of that name, if this user may read it.
pub fn may_read(by: &Principal, channel: &str) -> Result<ChannelName, ErrorBody> {
    let channel = parse(channel)?;
    if by.may_subscribe(&channel) {
        return Ok(channel);
    }
    Err(ErrorBody::new(ErrorCode::Forbidden, format!("the token's subscribe patterns, or the role's, do not allow {channel}")))
}

/// Whether this is a backend, whatever channel it is about.
pub fn is_service(by: &Principal, method: &str) -> Result<(), ErrorBody> {
    if by.is_backend() {
        return Ok(());
    }
    Err(ErrorBody::new(ErrorCode::Forbidden, format!("{method} may be called by the roles service and admin only")))
}

/// The channel of that name, if this is a backend that may publish there.
pub fn may_tell(by: &Principal, method: &str, channel: &str) -> Result<ChannelName, ErrorBody> {
    is_service(by, method)?;
    let channel = parse(channel)?;
    if by.may_publish_to(&channel) {
        return Ok(channel);
    }
    Err(ErrorBody::new(ErrorCode::Forbidden, format!("the token's publish patterns, or the role's, do not allow {channel}")))
}

/// Whether this user may decide for the ward: acknowledge, resolve, assume. That is for the roles of `auth.acting_roles`: an alert that a
/// relative or the patient has put away is seen by nobody else. Who may publish nothing (a screen on the wall) looks on, whatever the role.
pub fn may_act(by: &Principal, acting_roles: &[String], method: &str) -> Result<(), ErrorBody> {
    let forbidden = |why: String| Err(ErrorBody::new(ErrorCode::Forbidden, format!("{method}: {why}")));
    match by.role.as_deref() {
        Some(role) if !acting_roles.iter().any(|acting| acting == role) => {
            let shown: String = role.chars().take(60).collect();
            forbidden(format!(
                "the role {shown:?} does not act for the ward; those that do: {} (auth.acting_roles)",
                acting_roles.join(", ")
            ))
        }
        None => forbidden(format!("the token has no role; those that act for the ward: {} (auth.acting_roles)", acting_roles.join(", "))),
        Some(_) if by.publish.is_empty() => forbidden("a token that may publish nothing looks on".to_owned()),
        Some(_) => Ok(()),
    }
}

fn parse(channel: &str) -> Result<ChannelName, ErrorBody> {
    ChannelName::parse(channel).map_err(|error| {
        let shown: String = channel.chars().take(80).collect();
        ErrorBody::new(ErrorCode::InvalidChannel, format!("{shown:?} is no channel: {error}"))
    })
}
