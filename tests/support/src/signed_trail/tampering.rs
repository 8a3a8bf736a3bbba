//! What may have been done to a trail, each with the result that verification must have.
//!
//! Every case begins with six hours of one region, of which those from 01:00 to 05:00 are verified: the digest files that end at
//! 01:15:30 to 05:15:30. The one that ends at 06:15:30 follows the window. The clock says 08:00.

use onlooker_core::{
    log_integrity::{IntegrityResult, ProblemKind},
    time::Time,
};
use serde_json::json;

use super::{ChainSpec, SignedTrail, gzip, signing::TestKey, time};

/// Something that was done to a trail.
#[derive(Clone, Copy, Debug)]
pub struct TamperingCase {
    /// What was done, as words of a file name.
    pub name: &'static str,
    pub tamper: fn(&mut SignedTrail),
    pub result: IntegrityResult,
    /// The problems that verification names, without repetition and in order.
    pub problems: &'static [ProblemKind],
}

/// The window that is verified, and the time.
pub fn window() -> (Time, Time, Time) {
    (time("2026-10-05T01:00:00Z"), time("2026-10-05T05:00:00Z"), time("2026-10-05T08:00:00Z"))
}

/// The trail, as CloudTrail would have delivered it.
pub fn untouched() -> SignedTrail {
    let mut trail = SignedTrail::default();
    trail.deliver(&ChainSpec::six_hours(), &TestKey::cloudtrail());
    trail
}

/// The log file of the middle of the window.
fn log(trail: &SignedTrail) -> String {
    trail.logs()[4].clone()
}

/// The digest file of the middle of the window, which lists it.
fn digest(trail: &SignedTrail) -> String {
    trail.digests()[2].clone()
}

fn resign_all(trail: &mut SignedTrail) {
    *trail = SignedTrail::default();
    trail.deliver(&ChainSpec::six_hours(), &TestKey::other());
}

/// Signs a digest file again with the other key.
fn resign(trail: &mut SignedTrail, digest: &str) {
    trail.sign(digest, &TestKey::other());
}

fn drop_metadata(trail: &mut SignedTrail, keys: &[String]) {
    for key in keys {
        trail.objects.get_mut(key).unwrap().metadata.clear();
    }
}

fn bytes<'t>(trail: &'t mut SignedTrail, key: &str) -> &'t mut Vec<u8> {
    &mut trail.objects.get_mut(key).unwrap().bytes
}

fn drop_listed(trail: &mut SignedTrail, digest: &str) {
    let mut listed = trail.field(digest, "logFiles");
    listed.as_array_mut().unwrap().remove(0);
    trail.set_field(digest, "logFiles", listed);
}

use IntegrityResult::{Gap, NothingFound, Tampered, Unverified, Verified};
use ProblemKind::{
    AlgorithmUnknown, DigestConflict, DigestDamaged, DigestLink, DigestMissing, DigestMoved, DigestSignature,
    DigestSignatureMetadata, KeyUnknown, LogFileDamaged, LogFileHash, LogFileMissing, LogFileMoved,
    SignatureUnknown,
};

const fn case(
    name: &'static str,
    result: IntegrityResult,
    problems: &'static [ProblemKind],
    tamper: fn(&mut SignedTrail),
) -> TamperingCase {
    TamperingCase { name, tamper, result, problems }
}

/// All cases.
pub const CASES: &[TamperingCase] = &[
    case("nothing", Verified, &[], |_| ()),
    // Log files.
    case("log-record-changed", Tampered, &[LogFileHash], |trail| {
        trail.edit(&log(trail), "ListBuckets", "GetBucketAcl");
    }),
    case("log-record-removed", Tampered, &[LogFileHash], |trail| {
        trail.put(&log(trail), b"{\"Records\":[]}");
    }),
    case("log-space-added", Tampered, &[LogFileHash], |trail| {
        let text = [trail.text(&log(trail)), b" ".to_vec()].concat();
        trail.put(&log(trail), &text);
    }),
    case("log-exchanged-with-another", Tampered, &[LogFileHash], |trail| {
        let other = trail.logs()[5].clone();
        *bytes(trail, &log(trail)) = bytes(trail, &other).clone();
    }),
    case("log-gzip-member-appended", Tampered, &[LogFileHash], |trail| {
        bytes(trail, &log(trail)).extend(gzip(b"{\"Records\":[]}"));
    }),
    case("log-bytes-appended", Tampered, &[LogFileDamaged], |trail| {
        bytes(trail, &log(trail)).extend(b"more");
    }),
    case("log-byte-flipped", Tampered, &[LogFileDamaged], |trail| {
        let bytes = bytes(trail, &log(trail));
        let last = bytes.len() - 6;
        bytes[last] ^= 1;
    }),
    case("log-truncated", Tampered, &[LogFileDamaged], |trail| {
        let bytes = bytes(trail, &log(trail));
        bytes.truncate(bytes.len() / 2);
    }),
    case("log-emptied", Tampered, &[LogFileDamaged], |trail| bytes(trail, &log(trail)).clear()),
    case("log-moved-to-another-day", Tampered, &[LogFileMoved], |trail| {
        let object = trail.objects.remove(&log(trail)).unwrap();
        trail.objects.insert(log(&untouched()).replace("/10/05/", "/10/06/"), object);
    }),
    case("log-deleted", Gap, &[LogFileMissing], |trail| trail.remove(&log(trail))),
    case("log-renamed", Gap, &[LogFileMissing], |trail| {
        let object = trail.objects.remove(&log(trail)).unwrap();
        trail.objects.insert(log(&untouched()).replace(".json", "X.json"), object);
    }),
    case("log-planted", Unverified, &[], |trail| {
        trail.put(&log(trail).replace(".json", "X.json"), b"{\"Records\":[]}");
    }),
    case("log-compressed-anew", Verified, &[], |trail| {
        let text = trail.text(&log(trail));
        trail.put(&log(trail), &text);
    }),
    // Digest files.
    case("digest-log-file-dropped", Tampered, &[DigestSignature], |trail| drop_listed(trail, &digest(trail))),
    case("digest-hash-fitted-to-a-changed-log", Tampered, &[DigestSignature], |trail| {
        use sha2::Digest as _;
        let old = onlooker_core::hex::hex(&sha2::Sha256::digest(trail.text(&log(trail))));
        trail.put(&log(trail), b"{\"Records\":[]}");
        let new = onlooker_core::hex::hex(&sha2::Sha256::digest(b"{\"Records\":[]}"));
        trail.edit(&digest(trail), &old, &new);
    }),
    case("digest-space-added", Tampered, &[DigestSignature], |trail| {
        let text = [trail.text(&digest(trail)), b" ".to_vec()].concat();
        trail.put(&digest(trail), &text);
    }),
    case("digest-window-widened", Tampered, &[DigestSignature], |trail| {
        trail.set_field(&digest(trail), "digestStartTime", json!("2026-10-05T01:15:30Z"));
    }),
    case("digest-end-changed", Tampered, &[DigestSignature], |trail| {
        trail.set_field(&digest(trail), "digestEndTime", json!("2026-10-05T03:15:31Z"));
    }),
    case("digest-fingerprint-changed", Tampered, &[DigestLink, KeyUnknown], |trail| {
        trail.set_field(
            &digest(trail),
            "digestPublicKeyFingerprint",
            json!("0123456789abcdef0123456789abcdef"),
        );
    }),
    case("digest-algorithm-changed", Tampered, &[DigestLink, AlgorithmUnknown], |trail| {
        trail.set_field(&digest(trail), "digestSignatureAlgorithm", json!("SHA1withRSA"));
    }),
    case("digest-previous-hash-changed", Tampered, &[DigestSignature], |trail| {
        trail.set_field(&digest(trail), "previousDigestHashValue", json!("00".repeat(32)));
    }),
    case("digest-previous-signature-changed", Tampered, &[DigestSignature], |trail| {
        trail.set_field(&digest(trail), "previousDigestSignature", json!("00".repeat(256)));
    }),
    case("digest-chain-begun-anew-after-a-deletion", Tampered, &[DigestSignature, DigestMissing], |trail| {
        let (before, digest) = (trail.digests()[1].clone(), digest(trail));
        trail.remove(&before);
        for field in ["S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature"] {
            trail.set_field(&digest, &format!("previousDigest{field}"), json!(null));
        }
    }),
    case("digest-signed-by-another-key", Tampered, &[DigestSignature], |trail| {
        let digest = digest(trail);
        drop_listed(trail, &digest);
        resign(trail, &digest);
    }),
    case("digest-signed-by-another-key-with-its-fingerprint", Tampered, &[DigestLink, KeyUnknown], |trail| {
        let digest = digest(trail);
        trail.set_field(&digest, "digestPublicKeyFingerprint", json!(TestKey::other().fingerprint()));
        resign(trail, &digest);
    }),
    case("all-signed-by-another-key", Unverified, &[KeyUnknown], resign_all),
    case("signature-in-metadata-changed", Tampered, &[DigestSignatureMetadata], |trail| {
        let digest = digest(trail);
        let metadata = &mut trail.objects.get_mut(&digest).unwrap().metadata;
        metadata.insert("signature".to_owned(), "00".repeat(256));
    }),
    case("signature-in-metadata-not-hex", Tampered, &[DigestSignatureMetadata], |trail| {
        let digest = digest(trail);
        let metadata = &mut trail.objects.get_mut(&digest).unwrap().metadata;
        metadata.insert("signature".to_owned(), "signed".to_owned());
    }),
    case("digest-replaced-by-that-of-another-hour", Tampered, &[DigestMoved, DigestMissing], |trail| {
        let (digests, digest) = (trail.digests(), digest(trail));
        trail.objects.insert(digest, trail.objects[&digests[3]].clone());
    }),
    case("digest-moved-to-another-day", Tampered, &[DigestMoved], |trail| {
        let object = trail.objects.remove(&digest(trail)).unwrap();
        trail.objects.insert(digest(&untouched()).replace("/10/05/", "/10/06/"), object);
    }),
    case("digest-has-a-second-copy-that-differs", Tampered, &[DigestConflict], |trail| {
        let digest = digest(trail);
        trail.objects.insert(format!("zcopy/{digest}"), trail.objects[&digest].clone());
        drop_listed(trail, &format!("zcopy/{digest}"));
    }),
    case("digest-replaced-by-an-empty-object", Tampered, &[DigestDamaged], |trail| {
        trail.put(&digest(trail), b"{}");
    }),
    case("digest-truncated", Tampered, &[DigestDamaged], |trail| {
        let bytes = bytes(trail, &digest(trail));
        bytes.truncate(bytes.len() / 2);
    }),
    case("digest-gzip-member-appended", Tampered, &[DigestDamaged], |trail| {
        let more = gzip(&trail.text(&digest(trail)));
        bytes(trail, &digest(trail)).extend(more);
    }),
    // Gaps.
    case("digest-deleted", Gap, &[DigestMissing], |trail| trail.remove(&digest(trail))),
    case("two-digests-in-a-row-deleted", Gap, &[DigestMissing], |trail| {
        let digests = trail.digests();
        trail.remove(&digests[2]);
        trail.remove(&digests[3]);
    }),
    case("newest-digests-deleted", Gap, &[DigestMissing], |trail| {
        let digests = trail.digests();
        digests[4..].iter().for_each(|key| trail.remove(key));
    }),
    case("oldest-digests-deleted", Gap, &[DigestMissing], |trail| {
        let digests = trail.digests();
        digests[..2].iter().for_each(|key| trail.remove(key));
    }),
    case("hour-deleted-with-its-log-files", Gap, &[DigestMissing], |trail| {
        let logs = trail.logs();
        trail.remove(&digest(trail));
        logs[4..6].iter().for_each(|key| trail.remove(key));
    }),
    case("all-digests-deleted", NothingFound, &[], |trail| {
        trail.digests().iter().for_each(|key| trail.remove(key));
    }),
    case("all-deleted", NothingFound, &[], |trail| trail.objects.clear()),
    // What is left of a copy.
    case("metadata-of-one-digest-lost", Verified, &[], |trail| {
        drop_metadata(trail, &[digest(trail)]);
    }),
    case("metadata-of-all-digests-lost", Verified, &[], |trail| {
        drop_metadata(trail, &trail.digests());
    }),
    case("metadata-and-the-following-digest-lost", Gap, &[DigestMissing, SignatureUnknown], |trail| {
        drop_metadata(trail, &trail.digests());
        let digests = trail.digests();
        trail.remove(&digests[3]);
    }),
    case("copied-to-another-prefix", Verified, &[], |trail| {
        let objects = std::mem::take(&mut trail.objects);
        trail.objects =
            objects.into_iter().map(|(key, object)| (format!("backup/2026/{key}"), object)).collect();
    }),
];
