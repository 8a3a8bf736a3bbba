//! What the name of a digest file or log file says.
//!
//! Enters: an object key, an S3 URI or a path. Leaves: [`TrailFileName`]: account, region and time, and for a digest file
//! its chain. Law: a name says where to look; what a file contains decides.
//!
//! ```text
//! [PREFIX/]AWSLogs/[ORGANIZATION/]ACCOUNT/CloudTrail-Digest/REGION/Y/M/D/ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOME_TIME[_backfill].json.gz
//! [PREFIX/]AWSLogs/[ORGANIZATION/]ACCOUNT/CloudTrail/REGION/Y/M/D/ACCOUNT_CloudTrail_REGION_TIME_UNIQUE.json.gz
//! ```

use std::sync::Arc;

use crate::time::Time;

/// The name of a file of a trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrailFileName {
    /// A digest file.
    Digest(DigestName),
    /// A log file.
    Log(LogFileName),
}

/// The chain to which a digest file belongs: of one trail, account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainName {
    /// Account of the log files.
    pub account: Arc<str>,
    /// Region of the log files.
    pub region: Arc<str>,
    /// Name of the trail.
    pub trail: Arc<str>,
    /// Home region of the trail.
    pub home_region: Arc<str>,
    /// Whether this is the chain of backfill digest files, which list log files that CloudTrail delivered late.
    pub is_backfill: bool,
}

/// What the name of a digest file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestName {
    /// The chain of the digest file.
    pub chain: ChainName,
    /// The end of its window.
    pub end: Time,
}

/// What the name of a log file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFileName {
    /// Account of the log file.
    pub account: Arc<str>,
    /// Region of the log file.
    pub region: Arc<str>,
    /// When CloudTrail wrote the log file, to the minute.
    pub delivered: Time,
}

const DIGEST: &str = "_CloudTrail-Digest_";
const LOG: &str = "_CloudTrail_";

impl TrailFileName {
    /// Parses the name of a digest file or log file; `None` for every other name. Files that were decompressed, without
    /// `.gz`, are of the trail too.
    pub fn parse(name: &str) -> Option<Self> {
        let stem = base_name(name).strip_suffix(".json")?;
        if let Some((account, rest)) = stem.split_once(DIGEST) {
            let (rest, is_backfill) =
                rest.strip_suffix("_backfill").map_or((rest, false), |rest| (rest, true));
            let (rest, time) = rest.rsplit_once('_')?;
            let (rest, home_region) = rest.rsplit_once('_')?;
            // The name of a trail may contain underscores, the name of a region may not.
            let (region, trail) = rest.split_once('_')?;
            let chain = ChainName {
                account: account_id(account)?,
                region: region.into(),
                trail: trail.into(),
                home_region: home_region.into(),
                is_backfill,
            };
            return Some(Self::Digest(DigestName { chain, end: time_of(time)? }));
        }
        let (account, rest) = stem.split_once(LOG)?;
        let (region, rest) = rest.split_once('_')?;
        let (time, _unique) = rest.split_once('_')?;
        let account = account_id(account)?;
        Some(Self::Log(LogFileName { account, region: region.into(), delivered: time_of(time)? }))
    }
}

/// The last part of a name, without `.gz`: what a file is known by. CloudTrail gives no such name twice.
pub(super) fn base_name(name: &str) -> &str {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    base.strip_suffix(".gz").unwrap_or(base)
}

/// Whether the file of this name may be the object of this key: of both the last part is equal, and all from `AWSLogs/` on if
/// the name has such a folder. Copies may have another bucket, prefix or root, and lack `.gz`.
pub(super) fn is_at_key(name: &str, key: &str) -> bool {
    base_name(name) == base_name(key)
        && match (from_aws_logs(name), from_aws_logs(key)) {
            (Some(name), Some(key)) => without_gz(&name) == without_gz(&key),
            _ => true,
        }
}

fn without_gz(path: &str) -> &str {
    path.strip_suffix(".gz").unwrap_or(path)
}

/// The part of a name from the folder `AWSLogs` on, the last one if there are several.
pub(super) fn from_aws_logs(name: &str) -> Option<String> {
    let name = name.replace('\\', "/");
    let at = name.rmatch_indices("AWSLogs/").map(|(at, _)| at).find(|at| {
        let before = at.checked_sub(1).and_then(|before| name.as_bytes().get(before));
        matches!(before, None | Some(b'/'))
    })?;
    name.get(at..).map(str::to_owned)
}

/// The prefix of a key before `AWSLogs/`, and the organization in it.
pub(super) fn prefix_and_organization(key: &str) -> (&str, Option<&str>) {
    let Some((prefix, rest)) = key.split_once("AWSLogs/") else { return ("", None) };
    let first = rest.split('/').next().filter(|first| first.starts_with("o-"));
    (prefix.trim_end_matches('/'), first)
}

fn account_id(text: &str) -> Option<Arc<str>> {
    (text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.into())
}

/// Reads `20261005T041530Z` or, without seconds, `20261005T0415Z`.
fn time_of(text: &str) -> Option<Time> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let part = |text: &str, from: usize, to: usize| text.get(from..to).map(str::to_owned);
    let (year, month, day) = (part(date, 0, 4)?, part(date, 4, 6)?, part(date, 6, 8)?);
    let (hour, minute) = (part(clock, 0, 2)?, part(clock, 2, 4)?);
    let second = match clock.len() {
        4 => "00".to_owned(),
        6 => part(clock, 4, 6)?,
        _ => return None,
    };
    (date.len() == 8).then(|| Time::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(name: &str) -> DigestName {
        match TrailFileName::parse(name) {
            Some(TrailFileName::Digest(digest)) => digest,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn names_of_digest_files_and_log_files_are_read() {
        let folder = "pre/AWSLogs/o-1/111122223333/CloudTrail-Digest/eu-west-1/2026/10/05/";
        let name = "111122223333_CloudTrail-Digest_eu-west-1_my_trail.x_us-east-1_20261005T041530Z";
        let read = digest(&format!("{folder}{name}.json.gz"));
        assert_eq!(read.end, Time::parse("2026-10-05T04:15:30Z").unwrap());
        assert_eq!((&*read.chain.trail, &*read.chain.home_region), ("my_trail.x", "us-east-1"));
        assert!(!read.chain.is_backfill && digest(&format!("{name}_backfill.json.gz")).chain.is_backfill);
        let log = "111122223333_CloudTrail_eu-west-1_20261005T0420Z_Ab3dEfGhIjKlMnOp.json.gz";
        let Some(TrailFileName::Log(log)) = TrailFileName::parse(log) else { panic!() };
        assert_eq!((&*log.region, log.delivered.to_string().as_str()), ("eu-west-1", "2026-10-05T04:20:00Z"));
    }

    #[test]
    fn other_names_are_of_no_trail() {
        for name in [
            "",
            "111122223333_CloudTrail-Insight_eu-west-1_20261005T0420Z_x.json.gz",
            "11112222333_CloudTrail_eu-west-1_20261005T0420Z_x.json.gz",
            "111122223333_CloudTrail_eu-west-1_20261305T0420Z_x.json.gz",
            "111122223333_CloudTrail_eu-west-1_2026é005T0420Z_x.json.gz",
            "111122223333_CloudTrail-Digest_eu-west-1_20261005T041530Z.json.gz",
            "signatures.json",
        ] {
            assert_eq!(TrailFileName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_copy_is_at_its_key_unless_its_folders_differ() {
        let key = "pre/AWSLogs/111122223333/CloudTrail/r/2026/10/05/a.json.gz";
        for name in [
            key,
            "s3://b/AWSLogs/111122223333/CloudTrail/r/2026/10/05/a.json.gz",
            "/tmp/AWSLogs/111122223333/CloudTrail/r/2026/10/05/a.json",
            "flat/a.json.gz",
            "C:\\x\\AWSLogs\\111122223333\\CloudTrail\\r\\2026\\10\\05\\a.json.gz",
        ] {
            assert!(is_at_key(name, key), "{name}");
        }
        for name in
            ["AWSLogs/111122223333/CloudTrail/r/2026/10/06/a.json.gz", "b.json.gz", "AWSLogs/a.json.gz"]
        {
            assert!(!is_at_key(name, key), "{name}");
        }
    }
}
