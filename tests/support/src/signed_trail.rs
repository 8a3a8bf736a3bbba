//! Trails with signed digest files, in the format of CloudTrail.
//!
//! Enters: what a trail is called and how many hours it has. Leaves: [`SignedTrail`]: log files and digest files by object
//! key, with the metadata of their objects, signed with a key of the tests. Law: the same trail has the same bytes.
//!
//! Format: AWS CloudTrail User Guide, "CloudTrail digest file structure", read 2026-11.

pub mod signing;
pub mod tampering;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    path::Path,
};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use onlooker_core::{
    hex::hex,
    ports::{LogSource, ObjectMetadata, PortError, PortErrorKind, StoredObject},
    time::{HOUR_SECONDS, Time},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use signing::TestKey;

pub const BUCKET: &str = "audit-logs";
pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "eu-west-1";
pub const TRAIL: &str = "audit";

/// An object of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailObject {
    pub bytes: Vec<u8>,
    pub metadata: BTreeMap<String, String>,
}

/// The objects of a bucket by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignedTrail {
    pub objects: BTreeMap<String, TrailObject>,
}

/// The files of one trail, account and region.
#[derive(Clone, Debug)]
pub struct ChainSpec {
    pub account: &'static str,
    pub region: &'static str,
    pub home_region: &'static str,
    /// `o-...` for the trail of an organization.
    pub organization: Option<&'static str>,
    /// Empty, or with a slash at its end.
    pub prefix: &'static str,
    pub trail: &'static str,
    /// Start of the first digest file.
    pub start: Time,
    pub hours: u32,
    pub log_files_per_hour: u32,
    /// Records of each log file.
    pub records: u32,
    pub is_backfill: bool,
}

impl ChainSpec {
    /// Six hours of one region, with two log files in each.
    pub fn six_hours() -> Self {
        Self {
            account: ACCOUNT,
            region: REGION,
            home_region: REGION,
            organization: None,
            prefix: "",
            trail: TRAIL,
            start: time("2026-10-05T00:15:30Z"),
            hours: 6,
            log_files_per_hour: 2,
            records: 3,
            is_backfill: false,
        }
    }

    fn folder(&self, kind: &str, time: Time) -> String {
        let organization = self.organization.map(|id| format!("{id}/")).unwrap_or_default();
        let day = time.to_string()[..10].replace('-', "/");
        format!("{}AWSLogs/{organization}{}/{kind}/{}/{day}", self.prefix, self.account, self.region)
    }

    /// Key of the digest file that ends at `end`.
    pub fn digest_key(&self, end: Time) -> String {
        let Self { account, region, trail, home_region, .. } = self;
        let suffix = if self.is_backfill { "_backfill" } else { "" };
        let folder = self.folder("CloudTrail-Digest", end);
        let time = compact(end);
        format!("{folder}/{account}_CloudTrail-Digest_{region}_{trail}_{home_region}_{time}{suffix}.json.gz")
    }

    fn log_key(&self, delivered: Time, number: u32) -> String {
        let Self { account, region, .. } = self;
        let folder = self.folder("CloudTrail", delivered);
        let kind = u32::from(self.is_backfill);
        let unique =
            format!("{:016X}", u64::from(delivered.0) << 24 | u64::from(number) << 4 | u64::from(kind));
        let time = compact(delivered);
        format!("{folder}/{account}_CloudTrail_{region}_{}Z_{unique}.json.gz", &time[..13])
    }
}

impl SignedTrail {
    /// Adds the files of a chain, signed with `key`.
    pub fn deliver(&mut self, spec: &ChainSpec, key: &TestKey) {
        let mut previous: Option<String> = None;
        for hour in 0..spec.hours {
            let start = Time(spec.start.0 + hour * HOUR_SECONDS);
            let end = Time(start.0 + HOUR_SECONDS);
            let mut listed = Vec::new();
            for number in 0..spec.log_files_per_hour {
                let delivered = Time(start.0 + 300 + number * 3_000 / spec.log_files_per_hour);
                let log = spec.log_key(delivered, number);
                let content = log_content(spec, delivered, number);
                listed.push(json!({
                    "s3Bucket": BUCKET, "s3Object": log,
                    "hashValue": hex(&Sha256::digest(&content)), "hashAlgorithm": "SHA-256",
                    "newestEventTime": event_time(delivered, spec.records.saturating_sub(1).min(239)),
                    "oldestEventTime": event_time(delivered, 0),
                }));
                self.put(&log, &content);
            }
            let before = previous.as_ref().map(|key| self.reference(key));
            let before = before.unwrap_or_default();
            let digest = spec.digest_key(end);
            let content = json!({
                "awsAccountId": spec.account, "digestStartTime": start, "digestEndTime": end,
                "digestS3Bucket": BUCKET, "digestS3Object": digest,
                "digestPublicKeyFingerprint": key.fingerprint(), "digestSignatureAlgorithm": "SHA256withRSA",
                "newestEventTime": end, "oldestEventTime": start,
                "previousDigestS3Bucket": before["bucket"], "previousDigestS3Object": before["key"],
                "previousDigestHashValue": before["hash"], "previousDigestHashAlgorithm": before["algorithm"],
                "previousDigestSignature": before["signature"], "logFiles": listed,
            });
            // CloudTrail escapes slashes.
            self.put(&digest, content.to_string().replace('/', "\\/").as_bytes());
            self.sign(&digest, key);
            if spec.is_backfill {
                let metadata = &mut self.objects.get_mut(&digest).unwrap().metadata;
                metadata.insert("backfill-generation-timestamp".to_owned(), end.to_string());
            }
            previous = Some(digest);
        }
    }

    fn reference(&self, key: &str) -> Value {
        let hash = hex(&Sha256::digest(self.text(key)));
        let signature = &self.objects[key].metadata["signature"];
        json!({"bucket": BUCKET, "key": key, "hash": hash, "algorithm": "SHA-256", "signature": signature})
    }

    /// Signs a digest file as it is, and says so in the metadata.
    pub fn sign(&mut self, digest: &str, key: &TestKey) {
        let text = self.text(digest);
        let fields: Value = serde_json::from_slice(&text).unwrap();
        let said = |name: &str| fields[name].as_str().unwrap_or("null").to_owned();
        let signed = format!(
            "{}\n{}/{}\n{}\n{}",
            said("digestEndTime"),
            said("digestS3Bucket"),
            said("digestS3Object"),
            hex(&Sha256::digest(&text)),
            said("previousDigestSignature")
        );
        let metadata = &mut self.objects.get_mut(digest).unwrap().metadata;
        metadata.insert("signature".to_owned(), key.sign(signed.as_bytes()));
        metadata.insert("signature-algorithm".to_owned(), "SHA256withRSA".to_owned());
    }

    /// Writes an object, compressed; its metadata stays.
    pub fn put(&mut self, key: &str, text: &[u8]) {
        self.objects.entry(key.to_owned()).or_default().bytes = gzip(text);
    }

    /// The inflated content of an object.
    pub fn text(&self, key: &str) -> Vec<u8> {
        let mut text = Vec::new();
        MultiGzDecoder::new(&*self.objects[key].bytes).read_to_end(&mut text).unwrap();
        text
    }

    /// Replaces a text in the content of an object, once.
    pub fn edit(&mut self, key: &str, old: &str, new: &str) {
        let text = String::from_utf8(self.text(key)).unwrap();
        assert!(text.contains(old), "{key}: {old}");
        self.put(key, text.replacen(old, new, 1).as_bytes());
    }

    /// Changes a field of a digest file.
    pub fn set_field(&mut self, digest: &str, field: &str, value: Value) {
        let mut fields: Value = serde_json::from_slice(&self.text(digest)).unwrap();
        fields[field] = value;
        self.put(digest, fields.to_string().as_bytes());
    }

    /// A field of a digest file.
    pub fn field(&self, digest: &str, field: &str) -> Value {
        serde_json::from_slice::<Value>(&self.text(digest)).unwrap()[field].take()
    }

    pub fn remove(&mut self, key: &str) {
        self.objects.remove(key).unwrap();
    }

    /// Keys of the digest files, by time.
    pub fn digests(&self) -> Vec<String> {
        self.keys("/CloudTrail-Digest/")
    }

    /// Keys of the log files, by time.
    pub fn logs(&self) -> Vec<String> {
        self.keys("/CloudTrail/")
    }

    fn keys(&self, folder: &str) -> Vec<String> {
        self.objects.keys().filter(|key| key.contains(folder)).cloned().collect()
    }

    /// Writes the objects to a folder, without their metadata, as `aws s3 sync` leaves them.
    pub fn write(&self, folder: &Path) {
        for (key, object) in &self.objects {
            let path = folder.join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &object.bytes).unwrap();
        }
    }

    /// The metadata of all digest files, as the command in `docs/log-integrity.md` prints it.
    pub fn head_objects(&self) -> String {
        self.digests().iter().fold(String::new(), |mut text, key| {
            let head = json!({"Key": key, "Metadata": self.objects[key].metadata});
            let _ = writeln!(text, "{head:#}");
            text
        })
    }
}

impl LogSource for SignedTrail {
    fn list(&self) -> Result<Vec<StoredObject>, PortError> {
        let object = |(name, object): (&String, &TrailObject)| StoredObject {
            name: name.clone(),
            size: object.bytes.len() as u64,
            version: String::new(),
        };
        Ok(self.objects.iter().map(object).collect())
    }

    fn fetch(&self, object: &StoredObject, _: u64, bytes: &mut Vec<u8>) -> Result<String, PortError> {
        bytes.clear();
        match self.objects.get(&object.name) {
            Some(object) => bytes.extend(&object.bytes),
            None => return Err(not_found(&object.name)),
        }
        Ok(String::new())
    }
}

impl ObjectMetadata for SignedTrail {
    fn metadata(&self, object: &StoredObject) -> Result<BTreeMap<String, String>, PortError> {
        self.objects.get(&object.name).map(|object| object.metadata.clone()).ok_or(not_found(&object.name))
    }
}

fn not_found(name: &str) -> PortError {
    PortError {
        operation: "read",
        name: name.to_owned(),
        kind: PortErrorKind::NotFound,
        cause: "absent".into(),
    }
}

/// Time of the record with this number in a log file.
fn event_time(delivered: Time, number: u32) -> Time {
    Time(delivered.0 - 240 + number % 240)
}

fn log_content(spec: &ChainSpec, delivered: Time, number: u32) -> Vec<u8> {
    let record = |n: u32| {
        json!({
            "eventVersion": "1.11", "eventTime": event_time(delivered, n), "eventSource": "s3.amazonaws.com",
            "eventName": "ListBuckets", "awsRegion": spec.region, "recipientAccountId": spec.account,
            "eventID": format!("{:08x}-0000-4000-8000-{number:04x}{n:08x}", delivered.0), "readOnly": true,
            "eventType": "AwsApiCall", "eventCategory": "Management", "managementEvent": true,
            "sourceIPAddress": "192.0.2.1", "userAgent": "aws-cli/2.31", "requestParameters": null, "responseElements": null,
            "userIdentity": {"type": "IAMUser", "userName": "reader", "accountId": spec.account,
                "arn": format!("arn:aws:iam::{}:user/reader", spec.account), "principalId": "AIDAEXAMPLE"},
        })
    };
    let records: Vec<Value> = (0..spec.records).map(record).collect();
    json!({ "Records": records }).to_string().into_bytes()
}

pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub fn time(text: &str) -> Time {
    Time::parse(text).unwrap()
}

/// `20261005T041530Z`.
fn compact(time: Time) -> String {
    time.to_string().replace(['-', ':'], "")
}
