//! Reports that are owed.
//!
//! Enters: a window, before its report is tried. Leaves: an item that stays until the report is issued. Laws: what was
//! tried is owed until it is there, even if the run is killed; what fails again and again is laid aside, so that it
//! keeps nothing else from being issued, and is not forgotten.
//!
//! ```text
//! STATUS   PENDING#<since>_<until>   {"since", "until", "purpose", "attempts", "reason"}
//! ```

use serde::{Deserialize, Serialize};

use super::{IssueFault, Press, Purpose, Window, unwritable};
use crate::ports::{Expected, Item};

/// Attempts after which a report is no longer tried by itself; asking for its window tries it again.
pub const ATTEMPTS: u32 = 5;

/// A report that is owed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The window.
    #[serde(flatten)]
    pub window: Window,
    /// Why it is to be issued.
    pub purpose: Purpose,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was not issued, as far as anybody could still tell.
    pub reason: Option<String>,
}

impl Pending {
    /// Whether it is no longer tried by itself.
    pub const fn is_laid_aside(&self) -> bool {
        self.attempts >= ATTEMPTS
    }
}

/// What is owed, oldest window first.
///
/// # Errors
/// When the table cannot be read.
pub fn pending(press: &Press<'_>) -> Result<Vec<Pending>, IssueFault> {
    let items = press.table.query("STATUS", "PENDING#")?;
    let read = |item: Item| {
        let name = format!("{} {}", item.partition, item.sort);
        serde_json::from_value(item.body).map_err(|cause| IssueFault::Unreadable { name, cause })
    };
    items.into_iter().map(read).collect()
}

pub(super) fn remember(press: &Press<'_>, pending: &Pending) -> Result<(), IssueFault> {
    let sort = sort(pending.window);
    let body = serde_json::to_value(pending).map_err(|cause| unwritable(&sort, cause))?;
    let item = Item { partition: "STATUS".to_owned(), sort, revision: 0, expires: None, body };
    press.table.put(&item, Expected::Anything)?;
    Ok(())
}

pub(super) fn forget(press: &Press<'_>, window: Window) -> Result<(), IssueFault> {
    Ok(press.table.delete("STATUS", &sort(window))?)
}

fn sort(window: Window) -> String {
    format!("PENDING#{window}")
}
