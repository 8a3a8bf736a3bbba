//! Where calls came from: address, user agent and MFA.
//!
//! Enters: calls of which the reader of the records keeps the origin. Leaves: [`CallOrigins`]: for each principal, operation and
//! outcome the origins that were seen first. Laws: merging is associative, commutative and idempotent; of each group at most
//! [`MAX_ORIGINS`] are kept, so memory grows with the groups and not with the calls; texts have at most
//! [`MAX_ORIGIN_TEXT_BYTES`] bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event::{Actor, CallKey, Outcome},
    record::Record,
    time::{Hour, Time},
};

/// Origins that are kept of a group of calls.
pub const MAX_ORIGINS: usize = 5;
/// Bytes that are kept of an address and of a user agent.
pub const MAX_ORIGIN_TEXT_BYTES: usize = 256;

/// Where a call came from, as its record says. The caller chooses the user agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct CallOrigin {
    /// `sourceIPAddress`: an IP address, or the AWS service that made the call. At most 256 bytes.
    pub source_ip: Option<Arc<str>>,
    /// `userAgent` of the CloudTrail record. At most 256 bytes.
    pub user_agent: Option<Arc<str>>,
    /// `sessionContext.attributes.mfaAuthenticated`: whether the session was authenticated with MFA. Credentials without a session
    /// do not have it.
    pub mfa_authenticated: Option<bool>,
}

/// What the calls of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OriginGroup {
    /// Account that received the events.
    pub account: Arc<str>,
    /// Region of the calls.
    pub region: Arc<str>,
    /// ARN of the principal that made the calls.
    pub principal: Arc<str>,
    /// `eventSource` of the CloudTrail record.
    pub source: Arc<str>,
    /// `eventName` of the CloudTrail record.
    pub name: Arc<str>,
    /// Outcome of the calls.
    pub outcome: Outcome,
    /// `errorCode`, when there was one.
    pub error_code: Option<Arc<str>>,
    /// Whether the calls were made with the credentials of a console session.
    pub is_console_session: bool,
    /// The resources that the records name.
    pub resources: Arc<[Arc<str>]>,
}

/// The origins of a group that were seen first, at most [`MAX_ORIGINS`], with the time of the first call of each, in order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FirstOrigins(Vec<(Time, CallOrigin)>);

/// The first origins of each group of calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OriginList", into = "OriginList")]
pub struct CallOrigins(BTreeMap<OriginGroup, FirstOrigins>);

/// The form in which origins are stored: groups in order.
type OriginList = Vec<(OriginGroup, FirstOrigins)>;

/// Origins that were not stored in their form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("origins are not in order, too many or too long")]
pub struct OriginsError;

impl FirstOrigins {
    /// Adds an origin, or sets the time at which it was seen first. Drops the one that was seen last if there are too many: it can only
    /// come back with an earlier time, so the order of calls changes nothing.
    pub(crate) fn insert(&mut self, time: Time, origin: CallOrigin) {
        match self.0.iter_mut().find(|(_, other)| *other == origin) {
            Some((first, _)) => *first = time.min(*first),
            None => self.0.push((time, origin)),
        }
        self.0.sort_unstable();
        self.0.truncate(MAX_ORIGINS);
    }

    /// Adds those of other calls.
    pub(crate) fn merge(&mut self, other: Self) {
        for (time, origin) in other.0 {
            self.insert(time, origin);
        }
    }

    /// Whether an origin that is seen at this time is dropped, whatever it is.
    pub(crate) fn drops(&self, time: Time) -> bool {
        self.0.len() == MAX_ORIGINS && self.0.last().is_some_and(|(last, _)| *last < time)
    }

    /// The origins with the time of the first call of each.
    pub fn iter(&self) -> impl Iterator<Item = (Time, &CallOrigin)> {
        self.0.iter().map(|(time, origin)| (*time, origin))
    }

    fn is_canonical(&self) -> bool {
        let distinct: BTreeSet<&CallOrigin> = self.0.iter().map(|(_, origin)| origin).collect();
        (1..=MAX_ORIGINS).contains(&self.0.len())
            && self.0.is_sorted()
            && distinct.len() == self.0.len()
            && distinct.into_iter().all(CallOrigin::is_bounded)
    }
}

impl CallOrigin {
    /// The origin that the record names; `None` if it names nothing.
    pub fn of(record: &Record<'_>) -> Option<Self> {
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(|text| Arc::from(cut(text)));
        let origin = Self {
            source_ip: text(record.source_ip.as_deref()),
            user_agent: text(record.user_agent.as_deref()),
            mfa_authenticated: record.user_identity.mfa_authenticated,
        };
        Some(origin).filter(|origin| *origin != Self::default())
    }

    fn is_bounded(&self) -> bool {
        [&self.source_ip, &self.user_agent]
            .into_iter()
            .flatten()
            .all(|text| text.len() <= MAX_ORIGIN_TEXT_BYTES)
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_ORIGIN_TEXT_BYTES)).unwrap_or_default()
}

impl OriginGroup {
    /// The group of a call.
    pub fn of(actor: &Actor, call_key: &CallKey) -> Self {
        Self {
            account: Arc::clone(&actor.account),
            region: Arc::clone(&actor.region),
            principal: Arc::clone(&actor.principal.arn),
            source: Arc::clone(&call_key.source),
            name: Arc::clone(&call_key.name),
            outcome: call_key.outcome,
            error_code: call_key.error_code.clone(),
            is_console_session: call_key.is_console_session,
            resources: Arc::clone(&call_key.resources),
        }
    }
}

impl CallOrigins {
    /// Adds the origins of a group.
    pub(crate) fn add(&mut self, group: OriginGroup, origins: FirstOrigins) {
        self.0.entry(group).or_default().merge(origins);
    }

    /// Adds those of other calls.
    pub fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(group, origins)| self.add(group, origins));
    }

    /// The origins of a group, with the time of the first call of each.
    pub fn of_group(&self, group: &OriginGroup) -> impl Iterator<Item = (Time, &CallOrigin)> {
        self.0.get(group).into_iter().flat_map(FirstOrigins::iter)
    }

    /// The groups with their origins.
    pub(crate) fn into_groups(self) -> impl Iterator<Item = (OriginGroup, FirstOrigins)> {
        self.0.into_iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all calls are in this account, region and hour.
    pub(crate) fn are_of(&self, account: &str, region: &str, hour: Hour) -> bool {
        let is_here = |(group, origins): (&OriginGroup, &FirstOrigins)| {
            *group.account == *account
                && *group.region == *region
                && origins.iter().all(|(time, _)| time.hour() == hour)
        };
        self.0.iter().all(is_here)
    }
}

impl TryFrom<OriginList> for CallOrigins {
    type Error = OriginsError;

    fn try_from(list: OriginList) -> Result<Self, OriginsError> {
        let is_canonical =
            list.is_sorted_by(|a, b| a.0 < b.0) && list.iter().all(|(_, origins)| origins.is_canonical());
        if is_canonical { Ok(Self(list.into_iter().collect())) } else { Err(OriginsError) }
    }
}

impl From<CallOrigins> for OriginList {
    fn from(origins: CallOrigins) -> Self {
        origins.0.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn group(number: u8) -> OriginGroup {
        OriginGroup {
            account: "111122223333".into(),
            region: "us-east-1".into(),
            error_code: None,
            is_console_session: false,
            resources: Arc::new([]),
            principal: format!("arn:{number}").into(),
            source: "s3.amazonaws.com".into(),
            name: "PutObject".into(),
            outcome: Outcome::Succeeded,
        }
    }

    fn origin(number: u8) -> CallOrigin {
        CallOrigin { source_ip: Some(format!("192.0.2.{number}").into()), ..CallOrigin::default() }
    }

    fn origins_of(calls: &[(u8, u8, u32)]) -> CallOrigins {
        let mut origins = CallOrigins::default();
        for (of, from, time) in calls {
            let mut first = FirstOrigins::default();
            first.insert(Time(*time), origin(*from));
            origins.add(group(*of), first);
        }
        origins
    }

    proptest! {
        #[test]
        fn order_division_and_repetition_of_calls_change_nothing(
            calls in prop::collection::vec((0..2_u8, 0..9_u8, 0..6_u32), 0..40),
            mut order in Just((0..40_usize).collect::<Vec<_>>()).prop_shuffle(),
            split in 0..40_usize,
        ) {
            let all = origins_of(&calls);
            order.retain(|at| *at < calls.len());
            let shuffled: Vec<_> = order.iter().map(|at| calls[*at]).collect();
            prop_assert_eq!(&all, &origins_of(&shuffled));
            let (head, tail) = calls.split_at(split.min(calls.len()));
            let mut merged = origins_of(tail);
            merged.merge(origins_of(head));
            merged.merge(origins_of(tail));
            prop_assert_eq!(&all, &merged);
            let text = serde_json::to_string(&all).unwrap();
            prop_assert_eq!(serde_json::from_str::<CallOrigins>(&text).unwrap(), all);
        }

        #[test]
        fn those_seen_first_are_kept(calls in prop::collection::vec((0..9_u8, 0..20_u32), 1..40)) {
            let calls: Vec<_> = calls.into_iter().map(|(from, time)| (0, from, time)).collect();
            let mut first: BTreeMap<CallOrigin, Time> = BTreeMap::new();
            for (_, from, time) in &calls {
                let known = first.entry(origin(*from)).or_insert(Time(*time));
                *known = Time(*time).min(*known);
            }
            let mut expected: Vec<_> = first.into_iter().map(|(origin, time)| (time, origin)).collect();
            expected.sort();
            expected.truncate(MAX_ORIGINS);
            let origins = origins_of(&calls);
            let kept: Vec<_> = origins.of_group(&group(0)).map(|(time, origin)| (time, origin.clone())).collect();
            prop_assert_eq!(kept, expected);
        }
    }

    #[test]
    fn origins_in_another_form_are_rejected() {
        let calls: Vec<_> = (0..3).map(|n| (n % 2, n, u32::from(n))).collect();
        let right = serde_json::to_value(origins_of(&calls)).unwrap();
        let read = |value: &serde_json::Value| serde_json::from_value::<CallOrigins>(value.clone());
        assert_eq!(read(&right).unwrap(), origins_of(&calls));
        let changes: [fn(&mut serde_json::Value); 5] = [
            |list| list.as_array_mut().unwrap().reverse(),
            |list| list[1] = list[0].clone(),
            |list| list[0][1] = serde_json::json!([]),
            |list| list[0][1].as_array_mut().unwrap().reverse(),
            |list| list[1][1][0][1]["user_agent"] = "a".repeat(MAX_ORIGIN_TEXT_BYTES + 1).into(),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut wrong = right.clone();
            change(&mut wrong);
            assert!(read(&wrong).is_err(), "{number}: {wrong}");
        }
    }

    #[test]
    fn a_long_text_is_cut_and_an_empty_origin_is_none() {
        let record = Record { user_agent: Some("é".repeat(500).into()), ..Record::default() };
        let origin = CallOrigin::of(&record).unwrap();
        assert_eq!(origin.user_agent.as_deref(), Some(&*"é".repeat(MAX_ORIGIN_TEXT_BYTES / 2)));
        assert_eq!(CallOrigin::of(&Record { source_ip: Some("".into()), ..Record::default() }), None);
    }
}
