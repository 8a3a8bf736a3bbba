//! Where calls came from: address, user agent and MFA.
//!
//! Enters: calls of which the reader of the records keeps the origin. Leaves: [`CallOrigins`]: for each principal, operation and
//! outcome the origins that were seen first. Laws: merging is associative, commutative and idempotent; of each group at most
//! [`MAX_ORIGINS`] are kept, so memory grows with the groups and not with the calls; texts have at most
//! [`MAX_ORIGIN_TEXT_BYTES`] bytes.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event::{Actor, CallKey, Outcome},
    record::Record,
    time::Time,
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

/// The first origins of each group of calls, with the time of the first call of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OriginList", into = "OriginList")]
pub struct CallOrigins(BTreeMap<OriginGroup, FirstOrigins>);

/// Origins with the time of the first call of each.
type FirstOrigins = BTreeMap<CallOrigin, Time>;

/// The form in which origins are stored.
type OriginList = Vec<(OriginGroup, Vec<(CallOrigin, Time)>)>;

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
    /// Adds the origin of a call.
    pub fn insert(&mut self, group: OriginGroup, origin: CallOrigin, time: Time) {
        insert_first(self.0.entry(group).or_default(), origin, time);
    }

    /// Adds those of other calls.
    pub fn merge(&mut self, other: Self) {
        for (group, origins) in other.0 {
            let known = self.0.entry(group).or_default();
            for (origin, time) in origins {
                insert_first(known, origin, time);
            }
        }
    }

    /// The origins of a group, with the time of the first call of each.
    pub fn of_group(&self, group: &OriginGroup) -> impl Iterator<Item = (&CallOrigin, Time)> {
        self.0.get(group).into_iter().flatten().map(|(origin, time)| (origin, *time))
    }

    /// The groups with their origins.
    pub(crate) fn into_groups(self) -> impl Iterator<Item = (OriginGroup, BTreeMap<CallOrigin, Time>)> {
        self.0.into_iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each group has at least one origin, and no more and no longer ones than are kept.
    pub(crate) fn is_canonical(&self) -> bool {
        let is_kept = |origins: &FirstOrigins| {
            (1..=MAX_ORIGINS).contains(&origins.len()) && origins.keys().all(CallOrigin::is_bounded)
        };
        self.0.values().all(is_kept)
    }

    /// The times of the calls.
    pub(crate) fn times(&self) -> impl Iterator<Item = Time> {
        self.0.values().flat_map(|origins| origins.values().copied())
    }
}

/// Adds an origin, and drops the one that was seen last if there are too many. What is dropped can only come back with an earlier
/// time, so the order of calls changes nothing.
fn insert_first(known: &mut FirstOrigins, origin: CallOrigin, time: Time) {
    known.entry(origin).and_modify(|first| *first = time.min(*first)).or_insert(time);
    if known.len() > MAX_ORIGINS {
        let last = known.iter().map(|(origin, time)| (*time, origin.clone())).max();
        if let Some((_, origin)) = last {
            known.remove(&origin);
        }
    }
}

impl From<OriginList> for CallOrigins {
    fn from(list: OriginList) -> Self {
        Self(list.into_iter().map(|(group, origins)| (group, origins.into_iter().collect())).collect())
    }
}

impl From<CallOrigins> for OriginList {
    fn from(origins: CallOrigins) -> Self {
        origins.0.into_iter().map(|(group, origins)| (group, origins.into_iter().collect())).collect()
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
            origins.insert(group(*of), origin(*from), Time(*time));
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
            prop_assert!(all.is_canonical());
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
            let mut kept: Vec<_> = origins.of_group(&group(0)).map(|(origin, time)| (time, origin.clone())).collect();
            kept.sort();
            prop_assert_eq!(kept, expected);
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
