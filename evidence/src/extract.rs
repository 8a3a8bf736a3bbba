//! Extracts: what a report needs of one shard.
//!
//! Enters: the evidence of one shard, merged. Leaves: an [`Extract`], and its bytes. Laws: a report from the extracts
//! of all shards equals the report from the evidence itself; decoding gives the encoded extract; bytes that
//! `to_bytes` does not write are rejected.
//!
//! Format: an envelope with the ids of the samples as the raw part. Body: length of the header, the header as JSON,
//! one bit for each second of the hour, the tally.

mod seconds;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::seconds::SecondsOfHour;
use crate::{
    envelope::{self, EnvelopeError, EnvelopeFormat},
    hex::hex,
    origin::CallOrigins,
    segment::{Segment, Shard},
    tally::{Tally, TimeBucket},
};

/// Why an extract cannot be made or decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// The evidence has no event, events of several shards, or parts outside shards.
    #[error("not the evidence of one account, region and hour")]
    NotOneShard,
    /// The bytes do not begin like an extract.
    #[error("not an extract of evidence")]
    NotAnExtract,
    /// Written by another version of the program.
    #[error("extract of version {0}, which this program does not read")]
    Version(u8),
    /// The checksum does not match, or the content breaks a law.
    #[error("extract of evidence is damaged")]
    Damaged,
}

impl From<EnvelopeError> for ExtractError {
    fn from(broken: EnvelopeError) -> Self {
        match broken {
            EnvelopeError::WrongFormat => Self::NotAnExtract,
            EnvelopeError::Version(version) => Self::Version(version),
            EnvelopeError::Damaged => Self::Damaged,
        }
    }
}

const EXTRACT_FORMAT: EnvelopeFormat = EnvelopeFormat { magic: *b"ONLKEXT", version: 8 };

/// What a report needs of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extract {
    /// Account, region and hour of the evidence.
    pub shard: Shard,
    /// SHA-256 of its events and conflicts.
    pub sha256: [u8; 32],
    /// Events that were delivered with two contents under one identity.
    pub conflicts: u64,
    /// Where calls came from, as far as the reader of the records kept it.
    pub origins: CallOrigins,
    /// Seconds of the hour with an event.
    pub seconds: SecondsOfHour,
    /// The distinct events, counted by call.
    pub tally: Tally,
}

#[derive(Serialize, Deserialize)]
struct ExtractHeader {
    shard: Shard,
    sha256: String,
    conflicts: u64,
    origins: CallOrigins,
}

impl Extract {
    /// The extract of this evidence. Consumes its rows.
    ///
    /// # Errors
    /// [`ExtractError::NotOneShard`].
    pub fn of(mut segment: Segment) -> Result<Self, ExtractError> {
        let hashes = segment.shard_hashes();
        let (Ok([(shard, sha256)]), true) = (<[_; 1]>::try_from(hashes), segment.take_unsharded().is_empty())
        else {
            return Err(ExtractError::NotOneShard);
        };
        let mut seconds = SecondsOfHour::default();
        for row in segment.rows() {
            seconds.insert(row.time);
        }
        let conflicts = segment.conflicts().len() as u64;
        let origins = segment.origins().get(&shard).cloned().unwrap_or_default();
        Ok(Self { shard, sha256, conflicts, origins, seconds, tally: Tally::of(segment) })
    }

    /// The canonical bytes of the extract.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (ids, body) = self.encode();
        EXTRACT_FORMAT.seal(&ids, &body)
    }

    /// Decodes what [`Extract::to_bytes`] wrote.
    ///
    /// # Errors
    /// When `bytes` are not an encoded extract of this version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ExtractError> {
        let (ids, body) = EXTRACT_FORMAT.open(bytes)?;
        let extract = Self::decode(ids, &body).filter(Self::is_consistent).ok_or(ExtractError::Damaged)?;
        let (same_ids, same_body) = extract.encode();
        if same_ids == ids && same_body == body { Ok(extract) } else { Err(ExtractError::Damaged) }
    }

    fn encode(&self) -> (Vec<u8>, Vec<u8>) {
        let Self { shard, sha256, conflicts, origins, seconds, tally } = self;
        let header = ExtractHeader {
            shard: shard.clone(),
            sha256: hex(sha256),
            conflicts: *conflicts,
            origins: origins.clone(),
        };
        let mut body = Vec::new();
        // The header holds only strings and numbers, so writing it cannot fail.
        envelope::push_block(&mut body, &serde_json::to_vec(&header).unwrap_or_default());
        body.extend(seconds.bytes());
        let ids = tally.encode(&mut body);
        (ids, body)
    }

    fn decode(ids: &[u8], body: &[u8]) -> Option<Self> {
        let (header, body) = envelope::take_block(body)?;
        let ExtractHeader { shard, sha256, conflicts, origins } = serde_json::from_slice(header).ok()?;
        let mut hash = [0; 32];
        for (n, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(sha256.get(2 * n..2 * n + 2)?, 16).ok()?;
        }
        let (seconds, body) = body.split_first_chunk()?;
        let tally = Tally::decode(ids, body)?;
        Some(Self {
            shard,
            sha256: hash,
            conflicts,
            origins,
            seconds: SecondsOfHour::from_bytes(*seconds),
            tally,
        })
    }

    /// Whether its parts agree with each other and all events are of its shard.
    fn is_consistent(&self) -> bool {
        let hour = self.shard.hour;
        let here = |time| self.shard.hour == TimeBucket::of(time).hour() && self.seconds.contains(time);
        let seen: BTreeSet<TimeBucket> = self.seconds.times(hour).map(TimeBucket::of).collect();
        let counted: BTreeSet<TimeBucket> =
            self.tally.lines().flat_map(|line| line.buckets).map(|(bucket, _)| *bucket).collect();
        !self.tally.is_empty()
            && seen == counted
            && self.seconds.times(hour).count() as u64 <= self.tally.events()
            && self.conflicts <= self.tally.events()
            && self.origins.are_of(&self.shard.account, &self.shard.region, hour)
            && self.tally.lines().all(|line| {
                self.shard.contains(line.actor, line.first)
                    && here(line.last)
                    && line.samples.iter().all(|sample| here(sample.time))
            })
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::Index};
    use serde_json::json;

    use super::*;
    use crate::{
        record::{
            DigestWindow, Fingerprint, Inflater, ReadLimits, Record, RecordError, RecordVisitor,
            UnreadablePiece, read_log_file,
        },
        segment::SegmentBuilder,
    };

    /// Reads a log file with records only.
    #[derive(Default)]
    struct RecordsOnly(SegmentBuilder);

    impl RecordVisitor for RecordsOnly {
        fn visit_record(&mut self, record: &Record<'_>, _: &[u8]) -> Result<(), RecordError> {
            self.0.push_record(record).map(|_| ())
        }

        fn visit_insight(&mut self, insight: Fingerprint) {
            panic!("Insights event {insight}");
        }

        fn visit_digest_window(&mut self, window: DigestWindow) {
            panic!("{window:?}");
        }

        fn visit_unreadable(&mut self, piece: UnreadablePiece) {
            panic!("{piece:?}");
        }
    }

    /// Extracts of two accounts, two regions and two hours, with calls of a role session, a user and a service. Some
    /// calls were denied.
    fn extracts() -> Vec<Extract> {
        let records: Vec<_> = (0..240_usize)
            .map(|n| {
                let account = ["111122223333", "444455556666"][n % 2];
                let identity = match n % 3 {
                    0 => json!({
                        "type": "AssumedRole", "accountId": account,
                        "arn": format!("arn:aws:sts::{account}:assumed-role/Reader/s{}", n % 5),
                        "sessionContext": { "sessionIssuer": {
                            "type": "Role", "userName": "Reader", "arn": format!("arn:aws:iam::{account}:role/Reader")
                        } },
                    }),
                    1 => json!({ "type": "IAMUser", "accountId": account, "userName": "ada",
                                 "arn": format!("arn:aws:iam::{account}:user/ada") }),
                    _ => json!({ "type": "AWSService", "invokedBy": "config.amazonaws.com" }),
                };
                let code = (n % 7 == 0).then_some("AccessDenied");
                let source = ["s3.amazonaws.com", "ec2.amazonaws.com"][n / 3 % 2];
                let name = ["ListBuckets", "DescribeInstances", "RunInstances"][n % 3];
                let region = ["eu-west-1", "us-east-1"][n / 6 % 2];
                json!({
                    "eventID": format!("00000000-0000-4000-8000-{n:012}"), "eventCategory": "Management",
                    "eventTime": format!("2026-10-06T{:02}:{:02}:{:02}Z", 11 + n / 120, n / 2 % 60, n % 60),
                    "eventSource": source, "eventName": name, "awsRegion": region, "recipientAccountId": account,
                    "readOnly": n % 3 != 2, "userIdentity": identity, "errorCode": code,
                })
            })
            .collect();
        let object = json!({ "Records": records }).to_string();
        let mut records = RecordsOnly::default();
        read_log_file(object.as_bytes(), ReadLimits::default(), &mut Inflater::default(), &mut records);
        let (shards, _) = records.0.finish().split_by_shard();
        shards.into_values().map(|shard| Extract::of(shard).unwrap()).collect()
    }

    #[test]
    fn a_forged_extract_is_rejected_or_consistent() {
        let extracts = extracts();
        assert!(extracts.iter().any(|extract| extract.tally.len() > 3));
        proptest!(|(one in any::<Index>(), at in any::<Index>(), bit in 0..8_u8, end in any::<bool>())| {
            let (ids, mut body) = one.get(&extracts).encode();
            // Half of the changes are after the header, in the numbers.
            let at = if end { body.len() - 1 - at.index(body.len() / 4) } else { at.index(body.len()) };
            body[at] ^= 1 << bit;
            let bytes = EXTRACT_FORMAT.seal(&ids, &body);
            if let Ok(forged) = Extract::from_bytes(&bytes) {
                prop_assert_eq!(forged.to_bytes(), bytes);
                for line in forged.tally.lines() {
                    let counted: u64 = line.buckets.iter().map(|(_, count)| u64::from(*count)).sum();
                    prop_assert!(line.count == counted && counted > 0);
                    prop_assert!(line.first <= line.last && forged.shard.contains(line.actor, line.last));
                    prop_assert_eq!(line.samples[0].time, line.first);
                }
            }
        });
    }
}
