//! Pending reports: those that a run began or failed to publish.
//!
//! Enters: a window, before its report is attempted. Leaves: an item that stays until the report is published. Laws:
//! an attempted report is pending until it is published, even if the run is killed; a report that fails
//! [`MAX_ATTEMPTS`] times is parked: it no longer delays other reports, and its item stays.
//!
//! ```text
//! STATUS   PENDING#<since>_<until>   {"since", "until", "purpose", "attempts", "reason"}
//! ```

use serde::{Deserialize, Serialize};

use super::{PublishErrorKind, ReportPublisher, ReportPurpose, ReportWindow, serialization_error};
use crate::ports::{TableItem, WriteCondition};

/// Attempts after which a report is parked; requesting its window attempts it again.
pub const MAX_ATTEMPTS: u32 = 5;

/// A report that is still to be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingReport {
    /// Window of the report.
    #[serde(flatten)]
    pub window: ReportWindow,
    /// Why the report is to be published.
    pub purpose: ReportPurpose,
    /// Number of attempts to publish the report.
    pub attempts: u32,
    /// Why the report was not published; absent when the run could not record the reason.
    pub reason: Option<String>,
}

impl PendingReport {
    /// Whether the report is no longer retried automatically.
    pub const fn is_parked(&self) -> bool {
        self.attempts >= MAX_ATTEMPTS
    }
}

/// The pending reports, oldest window first.
///
/// # Errors
/// When the table cannot be read.
pub fn list_pending(publisher: &ReportPublisher<'_>) -> Result<Vec<PendingReport>, PublishErrorKind> {
    let items = publisher.table.query("STATUS", "PENDING#")?;
    let read = |item: TableItem| {
        let name = format!("{} {}", item.partition_key, item.sort_key);
        serde_json::from_value(item.body).map_err(|cause| PublishErrorKind::DamagedItem { name, cause })
    };
    items.into_iter().map(read).collect()
}

pub(super) fn save(publisher: &ReportPublisher<'_>, pending: &PendingReport) -> Result<(), PublishErrorKind> {
    let sort = sort_key(pending.window);
    let body = serde_json::to_value(pending).map_err(|cause| serialization_error(&sort, cause))?;
    let item =
        TableItem { partition_key: "STATUS".to_owned(), sort_key: sort, revision: 0, expires_at: None, body };
    publisher.table.put(&item, WriteCondition::Always)?;
    Ok(())
}

pub(super) fn remove(publisher: &ReportPublisher<'_>, window: ReportWindow) -> Result<(), PublishErrorKind> {
    Ok(publisher.table.delete("STATUS", &sort_key(window))?)
}

fn sort_key(window: ReportWindow) -> String {
    format!("PENDING#{window}")
}
