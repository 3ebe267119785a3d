//! The audit log: who did what to this relay, one line each, apart from what flows through it.
//!
//! Each [`Audit`] is a line of the target [`TARGET`] with the same fields: `action`, `outcome`, and where they apply `actor`,
//! `tenant`, `object` and `detail`. It stands in the ordinary log whatever `log.level` says, and where `audit.file` is set
//! also in that file, as JSON. Nothing here may ever take a token or a secret: paths, digests and ids only.

use std::net::SocketAddr;
use std::path::Path;

/// The target of every line of the audit log.
pub const TARGET: &str = "pulsewire_relay::audit";

/// What is kept for whoever asks later. A new action is a variant here and a line in [`audit`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Audit<'a> {
    /// The relay listens.
    Started {
        /// The relay's id.
        node: &'a str,
        /// Where it listens.
        listen: SocketAddr,
        /// Whether development mode is on.
        dev: bool,
    },
    /// The configuration that it runs with.
    ConfigurationLoaded {
        /// The file, where there is one.
        file: Option<&'a Path>,
        /// A digest of all effective values but the secrets: the same settings, the same digest.
        digest: &'a str,
    },
    /// It was told to stop.
    StopRequested {
        /// By which signal or door.
        by: &'a str,
    },
    /// It has stopped.
    Stopped {
        /// The relay's id.
        node: &'a str,
        /// Whether everything under way was finished.
        finished: bool,
    },
    /// Keys that tokens are checked with were read again.
    KeysReloaded {
        /// The file.
        file: &'a Path,
        /// How many keys are good now.
        keys: usize,
    },
    /// Key files could not be read: the keys before stay in use.
    KeysRefused {
        /// The file.
        file: &'a Path,
        /// What is wrong; never the key.
        reason: &'a str,
    },
    /// `GET /dev/token` gave a token away.
    DevTokenMinted {
        /// For whom.
        user: &'a str,
        /// In which tenant.
        tenant: &'a str,
        /// With which role.
        role: Option<&'a str>,
    },
    /// Many tokens were refused within a short time.
    LoginsRefused {
        /// How many since the last such line.
        count: u64,
        /// Within how many seconds.
        within_s: u64,
        /// How many of each reason, such as `token_expired=3 token_invalid=40`.
        reasons: &'a str,
    },
    /// Somebody published to the channel `admin`.
    AdminPublished {
        /// Who; empty for the relay itself.
        user: &'a str,
        /// In which tenant.
        tenant: &'a str,
        /// The event.
        event: &'a str,
    },
    /// An endpoint for administrators was used.
    Administered {
        /// What was done, such as `connection.disconnect`.
        action: &'a str,
        /// By whom.
        user: &'a str,
        /// In which tenant.
        tenant: &'a str,
        /// To what: an id, never a content.
        object: &'a str,
        /// Whether it was allowed and done.
        done: bool,
    },
}

/// Writes the line.
pub fn audit(what: Audit<'_>) {
    macro_rules! line {
        ($action:expr, $outcome:expr $(, $($field:tt)+)?) => {
            tracing::info!(target: TARGET, action = $action, outcome = $outcome, $($($field)+,)? "audit")
        };
    }
    const DONE: &str = "done";
    const REFUSED: &str = "refused";
    match what {
        Audit::Started { node, listen, dev } => {
            line!("relay.started", DONE, object = node, detail = %format_args!("listen={listen} dev={dev}"));
        }
        Audit::ConfigurationLoaded { file, digest } => {
            let file = file.map(|file| file.display().to_string()).unwrap_or_default();
            line!("configuration.loaded", DONE, object = file, detail = %format_args!("digest={digest}"));
        }
        Audit::StopRequested { by } => line!("relay.stop_requested", DONE, actor = by),
        Audit::Stopped { node, finished } => line!("relay.stopped", DONE, object = node, detail = %format_args!("finished={finished}")),
        Audit::KeysReloaded { file, keys } => {
            line!("keys.reloaded", DONE, object = %file.display(), detail = %format_args!("keys={keys}"));
        }
        Audit::KeysRefused { file, reason } => line!("keys.reloaded", REFUSED, object = %file.display(), detail = reason),
        Audit::DevTokenMinted { user, tenant, role } => {
            line!("dev.token_minted", DONE, object = user, tenant, detail = %format_args!("role={}", role.unwrap_or("")));
        }
        Audit::LoginsRefused { count, within_s, reasons } => {
            line!("login.refused", REFUSED, detail = %format_args!("count={count} within_s={within_s} {reasons}"));
        }
        Audit::AdminPublished { user, tenant, event } => line!("admin.published", DONE, actor = user, tenant, detail = event),
        Audit::Administered { action, user, tenant, object, done } => {
            line!(action, if done { DONE } else { REFUSED }, actor = user, tenant, object);
        }
    }
}
