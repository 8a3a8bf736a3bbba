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

use super::{PublishErrorKind, ReportPublisher, ReportPurpose, ReportWindow, serialization_error};
use crate::ports::{TableItem, WriteCondition};

/// Attempts after which a report is no longer tried by itself; asking for its window tries it again.
pub const MAX_ATTEMPTS: u32 = 5;

/// A report that is owed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingReport {
    /// The window.
    #[serde(flatten)]
    pub window: ReportWindow,
    /// Why it is to be issued.
    pub purpose: ReportPurpose,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was not issued, as far as anybody could still tell.
    pub reason: Option<String>,
}

impl PendingReport {
    /// Whether it is no longer tried by itself.
    pub const fn is_parked(&self) -> bool {
        self.attempts >= MAX_ATTEMPTS
    }
}

/// What is owed, oldest window first.
///
/// # Errors
/// When the table cannot be read.
pub fn list_pending(press: &ReportPublisher<'_>) -> Result<Vec<PendingReport>, PublishErrorKind> {
    let items = press.table.query("STATUS", "PENDING#")?;
    let read = |item: TableItem| {
        let name = format!("{} {}", item.partition_key, item.sort_key);
        serde_json::from_value(item.body).map_err(|cause| PublishErrorKind::DamagedItem { name, cause })
    };
    items.into_iter().map(read).collect()
}

pub(super) fn save(press: &ReportPublisher<'_>, pending: &PendingReport) -> Result<(), PublishErrorKind> {
    let sort = sort_key(pending.window);
    let body = serde_json::to_value(pending).map_err(|cause| serialization_error(&sort, cause))?;
    let item =
        TableItem { partition_key: "STATUS".to_owned(), sort_key: sort, revision: 0, expires_at: None, body };
    press.table.put(&item, WriteCondition::Always)?;
    Ok(())
}

pub(super) fn remove(press: &ReportPublisher<'_>, window: ReportWindow) -> Result<(), PublishErrorKind> {
    Ok(press.table.delete("STATUS", &sort_key(window))?)
}

fn sort_key(window: ReportWindow) -> String {
    format!("PENDING#{window}")
}
