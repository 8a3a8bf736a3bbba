//! The period of a report.
//!
//! Enters: the payload of an invocation, and the current time. Leaves: a [`ReportWindow`] of whole hours, and the
//! [`ReportPurpose`]. Laws: a payload that names an incomplete or invalid window is rejected; a payload without a
//! window means the last 24 whole hours for which evidence has had time to arrive; window names use only characters
//! that are safe in keys.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    period::Period,
    time::{HOUR_SECONDS, Time},
};

/// Length of the window of a payload that does not name one, in seconds.
pub const CURRENT_WINDOW_SECONDS: u32 = 24 * HOUR_SECONDS;

/// Longest window, in seconds: a year.
pub const MAX_WINDOW_SECONDS: u32 = 366 * 24 * HOUR_SECONDS;

/// A period of whole hours; the end is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ReportWindow {
    /// First second of the window.
    pub since: Time,
    /// First moment after the window, a whole hour.
    pub until: Time,
}

/// Why a report is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportPurpose {
    /// To update the current status and the findings.
    Current,
    /// To check whether late evidence changes the report on an earlier window.
    LateEvidence,
    /// Requested by a caller: it changes neither status nor findings.
    Requested,
}

/// Why a payload was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportRequestError {
    /// The request is not a JSON object.
    #[error("the request is not a JSON object: send `{{}}` or `{{\"since\": TIME, \"until\": TIME}}`")]
    NotAnObject,
    /// The request has only one of `since` and `until`; this one is missing.
    #[error("`{0}` is missing: name both `since` and `until`, or neither")]
    Missing(&'static str),
    /// The request has an unknown field, or one besides `since` and `until`.
    #[error("unknown field `{0}`: send `since` and `until`, or an empty object for the last 24 hours")]
    Unknown(String),
    /// One end is not a time.
    #[error("`{0}` is not an RFC 3339 time, such as `2027-01-31T00:00:00Z`")]
    NotATime(&'static str),
    /// One end is not a whole hour.
    #[error("`{0}` is not a whole hour: reports cover whole hours")]
    NotAWholeHour(&'static str),
    /// The ends are not in order.
    #[error("`since` is not before `until`")]
    Empty,
    /// The window ends in the future.
    #[error("`until` is in the future: evidence exists only for the past")]
    Future,
    /// The window is too long.
    #[error("the window is longer than 366 days")]
    TooLong,
}

impl ReportWindow {
    /// The last 24 whole hours before a time.
    pub const fn current(now: Time) -> Self {
        let until = now.hour().start();
        Self { since: Time(until.0.saturating_sub(CURRENT_WINDOW_SECONDS)), until }
    }

    /// The hours of the window.
    pub const fn period(self) -> Period {
        Period { from: self.since.hour(), until: self.until.hour() }
    }

    /// The window of the same length that ends where this one begins.
    pub const fn previous(self) -> Self {
        let length = self.until.since(self.since);
        Self { since: Time(self.since.0.saturating_sub(length)), until: self.since }
    }

    /// The window that a payload requests. A payload without `since` and `until` is empty, `{"schedule"}` (also with
    /// `skip_first`), or an event of EventBridge (with `source`); the window then ends with the last hour that was over `settling` seconds ago.
    ///
    /// # Errors
    /// [`ReportRequestError`].
    pub fn from_request(
        payload: &Value,
        now: Time,
        settling: u32,
    ) -> Result<(Self, ReportPurpose), ReportRequestError> {
        let current = Self::current(Time(now.0.saturating_sub(settling)));
        let fields = match payload {
            Value::Null => return Ok((current, ReportPurpose::Current)),
            Value::Object(fields) => fields,
            _ => return Err(ReportRequestError::NotAnObject),
        };
        let is_window = fields.contains_key("since") || fields.contains_key("until");
        let is_known = |key: &String| match key.as_str() {
            "since" | "until" => true,
            "schedule" | "skip_first" => !is_window,
            _ => false,
        };
        let is_event = !is_window && fields.contains_key("source");
        if let Some(other) = fields.keys().find(|key| !is_event && !is_known(key)) {
            return Err(ReportRequestError::Unknown(crate::escape::escape_hidden(other).into_owned()));
        }
        if !is_window {
            return Ok((current, ReportPurpose::Current));
        }
        let end = |name| {
            let text = fields.get(name).ok_or(ReportRequestError::Missing(name))?;
            let time = text.as_str().and_then(Time::parse).ok_or(ReportRequestError::NotATime(name))?;
            if time.0.is_multiple_of(HOUR_SECONDS) {
                Ok(time)
            } else {
                Err(ReportRequestError::NotAWholeHour(name))
            }
        };
        let window = Self { since: end("since")?, until: end("until")? };
        if window.since >= window.until {
            return Err(ReportRequestError::Empty);
        }
        if window.until > now {
            return Err(ReportRequestError::Future);
        }
        if window.until.since(window.since) > MAX_WINDOW_SECONDS {
            return Err(ReportRequestError::TooLong);
        }
        Ok((window, ReportPurpose::Requested))
    }

    /// `20270130T000000Z_20270131T000000Z`: only characters that are safe in keys, paths and shells.
    pub fn stem(self) -> String {
        let compact = |time: Time| time.to_string().replace(['-', ':'], "");
        format!("{}_{}", compact(self.since), compact(self.until))
    }

    /// The day of the window's last second, `YYYY-MM-DD`.
    pub fn last_day(self) -> String {
        let last = Time(self.until.0.saturating_sub(1)).to_string();
        last.split('T').next().unwrap_or_default().to_owned()
    }
}

impl fmt::Display for ReportWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.since, self.until)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-11-21T10:05:09Z";

    fn time(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    #[test]
    fn a_request_without_a_window_means_the_last_24_whole_hours() {
        let current =
            ReportWindow { since: time("2026-11-20T10:00:00Z"), until: time("2026-11-21T10:00:00Z") };
        let scheduled = json!({"schedule": "rate(1 hour)"});
        let timer = json!({"schedule": "rate(1 hour)", "skip_first": true});
        for payload in
            [json!(null), json!({}), json!({"source": "aws.scheduler", "time": NOW}), scheduled, timer]
        {
            assert_eq!(
                ReportWindow::from_request(&payload, time(NOW), 300),
                Ok((current, ReportPurpose::Current))
            );
        }
        let earlier = ReportWindow::from_request(&json!({}), time(NOW), 310).unwrap().0;
        assert_eq!(earlier.until, time("2026-11-21T09:00:00Z"));
        assert_eq!(ReportWindow::current(time("2026-11-21T10:00:00Z")), current);
        assert_eq!(ReportWindow::current(time("2026-11-21T10:59:59Z")), current);
        assert_eq!(ReportWindow::current(time("2026-11-21T09:59:59Z")).until, time("2026-11-21T09:00:00Z"));
        assert_eq!(current.previous().until, current.since);
        assert_eq!(current.stem(), "20261120T100000Z_20261121T100000Z");
        assert_eq!(current.last_day(), "2026-11-21");
        assert_eq!(ReportWindow::current(time("2026-11-21T00:10:00Z")).last_day(), "2026-11-20");
    }

    #[test]
    fn a_requested_window_is_used_exactly_or_refused() {
        let requested = |since: Value, until: Value| {
            ReportWindow::from_request(&json!({"since": since, "until": until}), time(NOW), 310)
        };
        let (from, to) = ("2026-11-21T08:00:00Z", "2026-11-21T10:00:00Z");
        let window = ReportWindow { since: time(from), until: time(to) };
        assert_eq!(requested(from.into(), to.into()), Ok((window, ReportPurpose::Requested)));
        assert_eq!(
            requested("2026-11-21T09:00:00+01:00".into(), to.into()),
            Ok((window, ReportPurpose::Requested))
        );
        assert_eq!(requested(to.into(), from.into()), Err(ReportRequestError::Empty));
        assert_eq!(requested(from.into(), from.into()), Err(ReportRequestError::Empty));
        assert_eq!(requested(from.into(), "2026-11-21T11:00:00Z".into()), Err(ReportRequestError::Future));
        assert_eq!(requested("2024-01-01T00:00:00Z".into(), to.into()), Err(ReportRequestError::TooLong));
        assert_eq!(
            requested("2026-11-21T08:00:01Z".into(), to.into()),
            Err(ReportRequestError::NotAWholeHour("since"))
        );
        assert_eq!(requested(from.into(), "yesterday".into()), Err(ReportRequestError::NotATime("until")));
        assert_eq!(requested(1.into(), to.into()), Err(ReportRequestError::NotATime("since")));
        assert_eq!(requested(Value::Null, to.into()), Err(ReportRequestError::NotATime("since")));
        for misspelled in [json!({"sinse": from}), json!({"schedule": "rate(1 hour)", "until_": to})] {
            let refused = ReportWindow::from_request(&misspelled, time(NOW), 0);
            assert!(matches!(refused, Err(ReportRequestError::Unknown(_))), "{misspelled}");
        }
        let one = ReportWindow::from_request(&json!({"since": from}), time(NOW), 0);
        assert_eq!(one, Err(ReportRequestError::Missing("until")));
        let more = ReportWindow::from_request(
            &json!({"since": from, "until": to, "standard": "SOC2"}),
            time(NOW),
            0,
        );
        assert_eq!(more, Err(ReportRequestError::Unknown("standard".to_owned())));
        assert_eq!(
            ReportWindow::from_request(&json!([]), time(NOW), 0),
            Err(ReportRequestError::NotAnObject)
        );
    }
}
