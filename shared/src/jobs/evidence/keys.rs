//! Keys of the index and of the store.
//!
//! Enters: accounts, regions and hours from the evidence, which is untrusted input. Leaves: keys. Laws: different
//! inputs have different keys; no key is longer than a table allows; no part of a key contains the separator.

use sha2::{Digest as _, Sha256};

use super::EvidenceSource;
use crate::{hex::hex, segment::Shard, time::Hour};

/// The partition of all accounts and regions.
pub(super) const ACCOUNT_REGIONS: &str = "ACCOUNT_REGIONS";

/// Hours of a day.
const HOURS_PER_DAY: u32 = 24;

/// Longest text that is used in a key unchanged.
const MAX_PART_LENGTH: usize = 64;

/// A text as a part of a key: unchanged if it is short and of safe characters, as accounts and regions are, else its
/// hash.
pub(super) fn key_part(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=MAX_PART_LENGTH).contains(&text.len()) && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("+{}", hex(&Sha256::digest(text)))
    }
}

/// The sort key of an account and region.
pub(super) fn account_region(account: &str, region: &str) -> String {
    format!("{}#{}", key_part(account), key_part(region))
}

/// The day of an hour, as `YYYY-MM-DD`.
pub(super) fn date(hour: Hour) -> String {
    hour.to_string().get(..10).unwrap_or_default().to_owned()
}

/// The first hour of each day that contains one of these hours.
pub(super) fn days(from: Hour, until: Hour) -> impl Iterator<Item = Hour> {
    (from.0 / HOURS_PER_DAY..until.0.div_ceil(HOURS_PER_DAY))
        .map(|day| Hour(day.saturating_mul(HOURS_PER_DAY)))
}

/// The partition of the parts of an account, region and day.
pub(super) fn shards(account: &str, region: &str, day: Hour) -> String {
    format!("SHARD#{}#{}", account_region(account, region), date(day))
}

/// The partition of the parts of a shard.
pub(super) fn shard(shard: &Shard) -> String {
    shards(&shard.account, &shard.region, shard.hour)
}

/// The partition of the unsharded evidence of a day.
pub(super) fn unsharded(day: Hour) -> String {
    format!("UNSHARDED#{}", date(day))
}

/// The partition of the missing objects of a day.
pub(super) fn missing(day: Option<Hour>) -> String {
    format!("MISSING#{}", day.map_or_else(|| "undated".to_owned(), date))
}

/// The partition of the manifests of the objects of a day that were read.
pub(super) fn read_objects(day: Option<Hour>) -> String {
    format!("READ#{}", day.map_or_else(|| "undated".to_owned(), date))
}

/// The partition and the sort key of what was verified of the log files of a day.
pub fn integrity(day: Hour, account: &str, region: &str) -> (String, String) {
    (format!("INTEGRITY#{}", date(day)), account_region(account, region))
}

/// The sort key of a part.
pub(super) fn part_sort_key(hour: Hour, evidence_source: EvidenceSource, source: &str) -> String {
    format!("{:02}#{}#{source}", hour.0 % HOURS_PER_DAY, evidence_source.as_str())
}

/// The name of a merged part. It sorts after the parts it was merged from, so a reader that goes through the index in
/// order while they are replaced, and no longer finds one of them, still reaches the merged part.
pub(super) fn merged_part_name(of: u32, hash: &str) -> String {
    format!("~{of:04}.{hash}")
}

/// The merge generation of a part, from its sort key; 0 for a part that was not merged.
pub(super) fn generation_of(sort: &str) -> u32 {
    let name = sort.splitn(3, '#').nth(2).and_then(|name| name.strip_prefix('~')?.get(..4));
    name.and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

/// Hour and evidence source from the sort key of a part of a day.
pub(super) fn parse_part(sort: &str, day: Hour) -> Option<(Hour, EvidenceSource)> {
    let mut words = sort.splitn(3, '#');
    let hour: u32 = words.next()?.parse().ok().filter(|hour| *hour < HOURS_PER_DAY)?;
    Some((Hour(day.0 / HOURS_PER_DAY * HOURS_PER_DAY + hour), EvidenceSource::parse(words.next()?)?))
}

/// The key of a pack.
pub(super) fn pack(hour: Hour, source: &str) -> String {
    format!("evidence/dt={}/{source}.pack", date(hour))
}

/// The key of a pack that compaction created.
pub(super) fn merged(hour: Hour, source: &str) -> String {
    format!("evidence/merged/dt={}/{source}.pack", date(hour))
}

/// The key of the lines for Athena about the parts of a pack of an account and day.
pub(super) fn lines(account: &str, day: Hour, source: &str) -> String {
    format!("segments/account={}/dt={}/{source}.jsonl", key_part(account), date(day))
}

/// The key of an extract.
pub(super) fn extract(hash: &str) -> String {
    format!("cache/extract/{hash}")
}
