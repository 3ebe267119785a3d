//! Who was here: users with a valid token, told to whoever keeps them.

use crate::auth::Principal;

/// Hears of every token that was found good. Must be quick: it is asked for each request.
pub trait Seen: Send + Sync {
    /// This user was here just now.
    fn handle_user(&self, who: &Principal);
}
