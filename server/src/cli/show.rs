//! `pulsewire-relay config`: what is in effect, and where each value comes from. Its output is TOML that the relay reads.

use super::{Failure, ServeArgs, sources};
use crate::config::{Place, effective};
use std::io::Write as _;

pub(super) fn show(args: &ServeArgs) -> Result<(), Failure> {
    let (_, settings) = effective(&sources(args.sources.config.clone(), args.flags())?)?;
    let mut text = String::from("# The configuration in effect. Secrets are not shown.\n");
    for setting in settings {
        let from = match &setting.place {
            Place::Unset => "default".to_owned(),
            place => place.to_string(),
        };
        match setting.value {
            // Not a line that is read: neither what is not set nor what is not shown.
            None => text.push_str(&format!("# {} is not set\n", setting.key)),
            Some(hidden) if hidden == "\"***\"" => text.push_str(&format!("# {} = {hidden}  # {from}\n", setting.key)),
            Some(value) => text.push_str(&format!("{} = {value}  # {from}\n", setting.key)),
        }
    }
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::new(1, format!("standard output is closed: {error}")))
}
