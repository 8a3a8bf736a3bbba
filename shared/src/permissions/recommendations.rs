//! What to do about permissions.
//!
//! Enters: [`Permissions`]. Leaves: sentences, the most urgent first. Law: each follows from something that was found, and
//! names it.

use super::Permissions;

/// What to do, the most urgent first.
pub(super) fn of(_permissions: &Permissions) -> Vec<String> {
    Vec::new()
}
