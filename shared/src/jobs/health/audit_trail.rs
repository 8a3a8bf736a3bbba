//! The values that come from the audit trail.
//!
//! Enters: the store of the trail. Leaves: its size, what its rate limit left out in the last day, and how the answers in memory are
//! used. Law: of a trail with very many batches the size is read up to a number of objects and says so, and what a rate limit left out of
//! a day is unknown if there is one, so that a check costs little.

use std::collections::BTreeSet;

use crate::{
    audit::{AuditKind, AuditQuery, BatchKey, PREFIX, day_prefixes},
    health::{AuditStoreSize, CacheUsage, HealthInput, RateLimitActivity},
    jobs::audit::AuditReader,
    ports::{ObjectStore, PortError},
    time::{Hour, Time},
};

/// Hours before now of which entries are looked at.
const HOURS: u32 = 24;

/// Most batches whose headers are read.
const MAX_BATCHES: usize = 500;

/// Most objects of a bucket that are listed to know the size: S3 lists a thousand in a request, so this takes some seconds.
pub(super) const MAX_LISTED: usize = 50_000;

/// What the trail says.
pub(super) struct TrailValues {
    pub(super) size: HealthInput<AuditStoreSize>,
    pub(super) rate_limits: HealthInput<RateLimitActivity>,
    pub(super) cache: HealthInput<CacheUsage>,
}

impl TrailValues {
    /// Nothing is known, for this reason.
    pub(super) fn unknown(why: &str) -> Self {
        Self {
            size: HealthInput::Unknown(why.to_owned()),
            rate_limits: HealthInput::Unknown(why.to_owned()),
            cache: HealthInput::Unknown(why.to_owned()),
        }
    }
}

/// How a trail is read.
#[derive(Clone, Copy)]
pub(super) struct TrailReading {
    /// Whether the settings of the trail have a rate limit.
    pub(super) has_limit: bool,
    /// Most objects that are listed to know the size.
    pub(super) most_listed: usize,
}

pub(super) fn read(
    store: &dyn ObjectStore,
    trail: &mut AuditReader<'_>,
    lookups: Option<(u64, u64)>,
    TrailReading { has_limit, most_listed }: TrailReading,
    now: Time,
) -> TrailValues {
    // The start of an hour, so that a reading soon after asks the same question.
    let since = Hour(now.hour().0.saturating_sub(HOURS)).start();
    let listed = recent_keys(store, since, now)
        .and_then(|recent| Ok((store.list_at_most(PREFIX, most_listed)?, recent)));
    let (objects, (count, keys)) = match listed {
        Ok(listed) => listed,
        Err(error) => {
            return TrailValues::unknown(&crate::escape::escape_hidden(&error.to_string()));
        }
    };
    let size = AuditStoreSize {
        objects: objects.len() as u64,
        bytes: objects.iter().fold(0, |sum, object| sum.saturating_add(object.size)),
        is_complete: objects.len() < most_listed,
    };
    let rate_limits = match count {
        0..=MAX_BATCHES => {
            trail.restrict(keys);
            limited(trail, since, lookups).into()
        }
        // Without a limit, none left anything out.
        _ if !has_limit => {
            HealthInput::Known(RateLimitActivity { hours: HOURS, blocked: 0, active_sources: None, lookups })
        }
        many => HealthInput::Unknown(format!(
            "the audit trail has {many} or more batches of the last day, which are not read"
        )),
    };
    let usage = trail.usage();
    let cache = CacheUsage {
        entries: usage.answers,
        capacity: usage.capacity,
        hits: usage.hits,
        queries: usage.queries,
    };
    TrailValues { size: HealthInput::Known(size), rate_limits, cache: HealthInput::Known(cache) }
}

/// The batches of the days since a time, up to one more than are read of each, and the number of objects that were listed.
fn recent_keys(store: &dyn ObjectStore, since: Time, now: Time) -> Result<(usize, Vec<String>), PortError> {
    let (mut count, mut keys) = (0, Vec::new());
    for prefix in day_prefixes(since, now) {
        let objects = store.list_at_most(&prefix, MAX_BATCHES + 1)?;
        count += objects.len();
        keys.extend(
            objects.into_iter().map(|object| object.name).filter(|key| BatchKey::parse(key).is_some()),
        );
    }
    Ok((count, keys))
}

fn limited(
    trail: &mut AuditReader<'_>,
    since: Time,
    lookups: Option<(u64, u64)>,
) -> Result<RateLimitActivity, String> {
    let query = AuditQuery { since: Some(since), kind: Some(AuditKind::RateLimit), ..AuditQuery::default() };
    let answer = trail.query(&query).map_err(|error| error.to_string())?;
    if let Some(problem) = answer.unreadable.first() {
        return Err(format!("the audit trail cannot be read: {problem}"));
    }
    // The entry begins with the number of entries that it stands for.
    let blocked = answer.entries.iter().filter_map(|stored| stored.entry.message.as_ref());
    let blocked = blocked.filter_map(|message| message.split(' ').next()?.parse::<u64>().ok());
    let blocked = blocked.fold(0, u64::saturating_add);
    let recent = trail.counts().filter(|counts| counts.last >= since);
    let sources: BTreeSet<&str> =
        recent.flat_map(|counts| counts.principals.keys()).map(|principal| &**principal).collect();
    Ok(RateLimitActivity { hours: HOURS, blocked, active_sources: Some(sources.len() as u64), lookups })
}
