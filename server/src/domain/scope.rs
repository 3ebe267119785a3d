//! Whose patients a caller may read, as a condition of SQL.

use crate::auth::Principal;
use pulsewire_protocol::{ChannelName, Pattern};
use rusqlite::ToSql;

/// Parameters of a query, by name.
pub(super) type With<'a> = Vec<(&'static str, &'a dyn ToSql)>;

/// A tenant, a user, and the patients that they may read.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) tenant: String,
    pub(super) user: String,
    /// These patients alone, as a JSON list; `None`: all.
    patients: Option<String>,
}

impl Scope {
    /// What the token allows: every patient where it may read `tenant`, since what happens to patients is told there.
    pub(super) fn of(by: &Principal) -> Self {
        let everyone = by.may_subscribe(&ChannelName::tenant())
            || by.subscribe.iter().any(|pattern| matches!(pattern, Pattern::AnyId(kind) if kind == "patient"));
        let patients = (!everyone).then(|| {
            let named = by.subscribe.iter().filter_map(|pattern| match pattern {
                Pattern::Exactly(channel) if channel.kind() == "patient" => channel.id(),
                _ => None,
            });
            serde_json::Value::from_iter(named).to_string()
        });
        Self { tenant: by.tenant.clone(), user: by.user.clone(), patients }
    }

    /// The whole tenant, as one user.
    pub(super) fn all_as(tenant: &str, user: &str) -> Self {
        Self { tenant: tenant.to_owned(), user: user.to_owned(), patients: None }
    }

    /// To be put behind a `WHERE`, for a table with a column `patient`. Needs what [`Scope::bind`] gives.
    pub(super) const fn condition(&self) -> &'static str {
        if self.patients.is_some() { " AND patient IN (SELECT value FROM json_each(:patients))" } else { "" }
    }

    /// `:tenant`, and what the condition needs.
    pub(super) fn bind<'a>(&'a self, with: &mut With<'a>) {
        with.push((":tenant", &self.tenant));
        if let Some(patients) = &self.patients {
            with.push((":patients", patients));
        }
    }
}
