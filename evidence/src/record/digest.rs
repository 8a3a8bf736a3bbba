//! Digest files: the windows for which CloudTrail delivered all log files.
//!
//! Enters: one digest file, unverified. Leaves: [`DigestWindow`], the account, region and window it covers. Law: a
//! window longer than CloudTrail ever writes is rejected, so a forged digest file cannot cover a year.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{MAX_TEXT_BYTES, RecordError, UnreadableReason, fields};
use crate::time::{HOUR_SECONDS, Time};

/// A window for which CloudTrail delivered all log files of an account and region, possibly none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DigestWindow {
    /// Account of the log files.
    pub account: Arc<str>,
    /// Region of the log files.
    pub region: Arc<str>,
    /// First second of the window (`digestStartTime`).
    pub start: Time,
    /// First second after the window (`digestEndTime`).
    pub end: Time,
    /// Times of the oldest and the newest event of each log file the digest lists.
    pub log_files: BTreeSet<(Time, Time)>,
}

/// CloudTrail writes a digest file every hour. A day leaves room for a late one.
const MAX_WINDOW_SECONDS: u32 = 24 * HOUR_SECONDS;

impl DigestWindow {
    /// Whether CloudTrail could have written the window: not empty, at most a day, plausible account and region.
    pub fn is_plausible(&self) -> bool {
        self.start < self.end
            && self.end.since(self.start) <= MAX_WINDOW_SECONDS
            && self.account.len().max(self.region.len()) <= MAX_TEXT_BYTES
    }
}

pub(super) fn is_digest(object: &BTreeMap<String, &RawValue>) -> bool {
    object.contains_key("digestStartTime") && object.contains_key("digestEndTime")
}

/// Reads the window of a digest file. The region does not have a field of its own. It is in the object key of the
/// digest file, `.../CloudTrail-Digest/REGION/...`, and in the keys of the listed log files,
/// `.../CloudTrail/REGION/...`. CloudTrail writes `logFiles` always, empty if there were none; without it a file does not say
/// that there were none. AWS CloudTrail User Guide, "CloudTrail digest file structure", read 2026-11.
pub(super) fn read_digest(object: &BTreeMap<String, &RawValue>) -> Result<DigestWindow, RecordError> {
    let text = |name: &'static str| {
        fields::text_field(object, name)?.ok_or(RecordError::in_field(UnreadableReason::MissingField, name))
    };
    let time = |name| {
        let text = text(name)?;
        Time::parse(&text).ok_or(RecordError::in_field(UnreadableReason::BadValue, name))
    };
    if object.get("logFiles").is_none_or(|list| list.get() == "null") {
        return Err(RecordError::in_field(UnreadableReason::MissingField, "logFiles"));
    }
    let region = match fields::text_field(object, "digestS3Object")? {
        Some(key) => region_after(&key, "CloudTrail-Digest"),
        None => fields::array_field(object, "logFiles")?
            .iter()
            .find_map(|log| fields::text_field(log, "s3Object").ok().flatten())
            .and_then(|key| region_after(&key, "CloudTrail")),
    };
    let (start, end) = (time("digestStartTime")?, time("digestEndTime")?);
    let window = DigestWindow {
        account: text("awsAccountId")?.into(),
        region: region.ok_or(RecordError::in_field(UnreadableReason::MissingField, "digestS3Object"))?,
        start,
        end,
        // A listed log file without times gets the bounds of the window, where an event is unlikely to be found.
        log_files: fields::array_field(object, "logFiles")?
            .iter()
            .map(|log| event_time_range(log).unwrap_or((start, end)))
            .collect(),
    };
    if window.is_plausible() {
        Ok(window)
    } else {
        Err(RecordError::in_field(UnreadableReason::BadValue, "digestEndTime"))
    }
}

/// Times of the oldest and the newest event of a listed log file; `None` if the digest file does not give them.
fn event_time_range(log: &BTreeMap<String, &RawValue>) -> Option<(Time, Time)> {
    let time = |name| fields::text_field(log, name).ok().flatten().and_then(|text| Time::parse(&text));
    Some((time("oldestEventTime")?, time("newestEventTime")?))
}

fn region_after(key: &str, folder: &str) -> Option<Arc<str>> {
    key.split('/')
        .skip_while(|part| *part != folder)
        .nth(1)
        .filter(|region| !region.is_empty())
        .map(Arc::from)
}
