//! Files beside a trail: what is evidently not CloudTrail data.
//!
//! Enters: the name and the text of a file. Leaves: [`OtherFile`], what the file seems to be, or nothing. Laws: a file
//! with a name that claims to be a log file of CloudTrail, or a text that starts like one, is never another file, so a damaged
//! log file stays damaged evidence; a file of which anything can be read is never another file; nor is one that has names
//! of CloudTrail fields in it, or is named as JSON and is not, unless it has the structure of something else; no input
//! panics.

use std::{cell::RefCell, collections::BTreeSet, fmt};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{UnreadableReason, packed_text::any_packed};

/// What a file seems to be that is not CloudTrail data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OtherFile {
    /// A snapshot of AWS Config.
    ConfigSnapshot,
    /// A configuration history of AWS Config.
    ConfigHistory,
    /// Another file of AWS Config, by its name.
    Config,
    /// A VPC flow log.
    VpcFlowLog,
    /// An access or connection log of an Elastic Load Balancing load balancer.
    LoadBalancerLog,
    /// A server access log of S3.
    S3AccessLog,
    /// An access log of CloudFront.
    CloudFrontLog,
    /// A log of AWS WAF.
    WafLog,
    /// A query log of Route 53 Resolver.
    ResolverQueryLog,
    /// Findings of GuardDuty or Security Hub.
    Findings,
    /// In the folder of another AWS service in a log bucket.
    OtherService,
    /// A document: Markdown, text, HTML, XML, PDF or a table.
    Document,
    /// An image.
    Image,
    /// A table of Parquet, ORC or Avro.
    Table,
    /// An archive, or a compression other than gzip.
    Archive,
    /// A name that begins with a dot.
    Hidden,
    /// An object of S3 that stands for a folder.
    Folder,
    /// No bytes, or only white space.
    Empty,
    /// JSON without a record.
    Json,
    /// Text that is not JSON.
    Text,
    /// Anything else.
    Binary,
}

impl OtherFile {
    /// The kind in words, with its article.
    pub const fn description(self) -> &'static str {
        match self {
            Self::ConfigSnapshot => "an AWS Config snapshot",
            Self::ConfigHistory => "an AWS Config history",
            Self::Config => "an AWS Config file",
            Self::VpcFlowLog => "a VPC flow log",
            Self::LoadBalancerLog => "a load balancer log",
            Self::S3AccessLog => "an S3 server access log",
            Self::CloudFrontLog => "a CloudFront access log",
            Self::WafLog => "an AWS WAF log",
            Self::ResolverQueryLog => "a Route 53 Resolver query log",
            Self::Findings => "a file of GuardDuty or Security Hub findings",
            Self::OtherService => "a file of another AWS service",
            Self::Document => "a document",
            Self::Image => "an image",
            Self::Table => "a Parquet, ORC or Avro file",
            Self::Archive => "an archive or a compression other than gzip",
            Self::Hidden => "a hidden file",
            Self::Folder => "a folder marker",
            Self::Empty => "an empty file",
            Self::Json => "JSON without CloudTrail records",
            Self::Text => "text without CloudTrail records",
            Self::Binary => "a file of an unknown format",
        }
    }
}

impl OtherFile {
    /// The kind in words, of a file that has CloudTrail fields.
    pub(super) const fn form(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Text => "text",
            Self::Binary => "an unknown format",
            other => other.description(),
        }
    }

    /// The kind in words, without article.
    pub fn noun(self) -> &'static str {
        let words = self.description();
        words.strip_prefix("an ").or_else(|| words.strip_prefix("a ")).unwrap_or(words)
    }
}

impl fmt::Display for OtherFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.description())
    }
}

/// A file that was skipped because it evidently is not CloudTrail data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct SkippedFile {
    /// Name of the file or S3 object.
    pub file: String,
    /// What the file seems to be, in words.
    pub seems: String,
}

/// What a probe found in a file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Probe {
    /// A record, digest window or event that is set aside.
    pub(super) read: bool,
    /// A piece that could not be read for another reason than that it is not CloudTrail data.
    pub(super) damaged: bool,
}

/// Whether the name of a file claims that CloudTrail delivered it: `ACCOUNT_CloudTrail_REGION_TIME_ID.json.gz`, or a
/// folder `CloudTrail`. Below `AWSLogs/` the folder of the service decides. A name that CloudTrail never gives, such as
/// `README.md`, claims nothing in any folder.
pub fn claims_cloudtrail(name: &str) -> bool {
    let base = base_name(name);
    if has_delivered_form(base) {
        return true;
    }
    // An archive in a folder of CloudTrail may well have log files in it.
    if kind_of_name(base).is_some_and(|kind| kind != OtherFile::Archive) {
        return false;
    }
    match service_folder(name) {
        Some(service) => is_cloudtrail_folder(service),
        None => folders(name).any(is_cloudtrail_folder),
    }
}

/// `CloudTrail`, and beside it `CloudTrail-Digest`, `CloudTrail-Insight` and the like.
fn is_cloudtrail_folder(folder: &str) -> bool {
    folder == "CloudTrail" || folder.starts_with("CloudTrail-")
}

/// What a file is by its name alone, without a look at its content: hidden, or a folder of S3.
pub fn kind_without_content(name: &str) -> Option<OtherFile> {
    let base = base_name(name);
    if base.is_empty() || base.ends_with("_$folder$") {
        return Some(OtherFile::Folder);
    }
    base.starts_with('.').then_some(OtherFile::Hidden)
}

/// What a file in the folder of another service below `AWSLogs/` is. `None` for all other files.
pub fn kind_of_service_folder(name: &str) -> Option<OtherFile> {
    if claims_cloudtrail(name) {
        return None;
    }
    Some(match service_folder(name)? {
        "Config" => OtherFile::Config,
        "vpcflowlogs" => OtherFile::VpcFlowLog,
        "elasticloadbalancing" => OtherFile::LoadBalancerLog,
        "WAFLogs" => OtherFile::WafLog,
        "vpcdnsquerylogs" => OtherFile::ResolverQueryLog,
        "GuardDuty" | "SecurityHub" => OtherFile::Findings,
        service if is_cloudtrail_folder(service) => return None,
        _ => OtherFile::OtherService,
    })
}

/// Whether text starts with a list of records or with a record, as far as it goes. Of any other text a first look has
/// to tell whether there is a record in it.
pub(super) fn starts_like_cloudtrail(text: &[u8]) -> bool {
    let head = trim_start(text.get(..4_096).unwrap_or(text));
    let Some(object) = head.strip_prefix(b"[").unwrap_or(head).trim_ascii_start().strip_prefix(b"{") else {
        return false;
    };
    let key = object.trim_ascii_start();
    let starts = |known: &[u8]| key.starts_with(known) || known.starts_with(key);
    starts(b"\"Records\"") || starts(b"\"eventVersion\"")
}

/// The content of a file with a name that does not claim to be CloudTrail's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileContent {
    /// CloudTrail data, which may be damaged.
    CloudTrail,
    /// Evidently something else.
    Other(OtherFile),
    /// It has CloudTrail fields, in a form that is not read.
    OtherForm(OtherFile),
}

/// The content of a file of which nothing could be read.
pub(super) fn content_of_unread(
    name: &str,
    text: &[u8],
    fault: Option<UnreadableReason>,
    probe: Probe,
) -> FileContent {
    let text = trim_start(text);
    let base = base_name(name);
    let is_intact = matches!(fault, None | Some(UnreadableReason::Empty));
    if text.is_empty() && is_intact {
        return FileContent::Other(OtherFile::Empty);
    }
    let is_json = matches!(text.first(), Some(b'{' | b'[' | b'"'));
    let keys = if is_json { first_keys(text) } else { BTreeSet::new() };
    // What has a structure of its own may mention fields of CloudTrail, as rules for events in AWS Config do.
    let by_structure = kind_of_first_line(text).or_else(|| kind_of_keys(&keys, text));
    if let Some(kind) = by_structure {
        return if holds_record(text) { FileContent::OtherForm(kind) } else { FileContent::Other(kind) };
    }
    if is_json {
        let has = |word: &str| memchr::memmem::find(text, word.as_bytes()).is_some();
        let is_cloudtrail = CLOUDTRAIL_KEYS.iter().any(|key| keys.contains(*key))
            || has("eventVersion") && (has("userIdentity") || has("eventSource"));
        if is_cloudtrail {
            return FileContent::CloudTrail;
        }
    }
    if let Some(kind) = kind_of_service_folder(name) {
        return if holds_record(text) { FileContent::OtherForm(kind) } else { FileContent::Other(kind) };
    }
    // The name promises JSON, and the content is something else: a log file may have been damaged or not been fetched.
    if promises_json(base) && (!is_json || probe.damaged) {
        return FileContent::CloudTrail;
    }
    let is_text = std::str::from_utf8(text).is_ok() && !text.contains(&0);
    let kind = match kind_of_signature(text).or_else(|| kind_of_name(base)) {
        Some(kind) => kind,
        None if !is_intact => return FileContent::CloudTrail,
        None if !probe.damaged => OtherFile::Json,
        None if is_text => OtherFile::Text,
        // The name promises gzip, and the content is neither that nor text.
        None if has_extension(base, "gz") => return FileContent::CloudTrail,
        None => OtherFile::Binary,
    };
    match kind {
        OtherFile::Image => FileContent::Other(kind),
        _ if holds_fields(text) || holds_log_file_name(text, kind) || any_packed(text, holds_fields) => {
            FileContent::OtherForm(kind)
        }
        _ => FileContent::Other(kind),
    }
}

/// Whether a record is written out in JSON: `eventVersion` with a number in a text, and `userIdentity` with an object.
fn holds_record(text: &[u8]) -> bool {
    let has = |key: &[u8], begins: fn(&[u8]) -> bool| {
        memchr::memmem::find_iter(text, key).any(|at| {
            let value = text.get(at + key.len()..).unwrap_or_default().trim_ascii_start();
            value.strip_prefix(b":").is_some_and(|value| begins(value.trim_ascii_start()))
        })
    };
    has(b"\"eventVersion\"", |value| matches!(value, [b'"', b'0'..=b'9', ..]))
        && has(b"\"userIdentity\"", |value| value.starts_with(b"{"))
}

/// Names of fields that every record has. In other data one of them may stand, but hardly two.
const NAMES: [&str; 5] = ["eventName", "eventSource", "userIdentity", "eventVersion", "recipientAccountId"];

/// Whether text has the names of two fields of records in any case, as the column names of a table, as text in JSON or in
/// YAML, or in UTF-16; or the names that the CloudTrail console gives to the columns of its tables, or the key under
/// which CloudTrail Lake returns rows, which have any names.
fn holds_fields(text: &[u8]) -> bool {
    let narrow: Vec<u8>;
    let text = if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        narrow = text.iter().copied().filter(|byte| *byte != 0).collect();
        &narrow
    } else {
        text
    };
    NAMES.iter().filter(|name| holds_word(text, name)).take(2).count() == 2
        || holds_word(text, "QueryResultRows")
        || holds_word(text, "event name") && holds_word(text, "event source") && holds_word(text, "event id")
}

/// Whether text has a word, in any case.
fn holds_word(text: &[u8], word: &str) -> bool {
    let word = word.as_bytes();
    let Some(first) = word.first() else { return true };
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text)
        .any(|at| text.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word)))
}

/// Whether an archive lists a log file that CloudTrail delivered.
fn holds_log_file_name(text: &[u8], kind: OtherFile) -> bool {
    let has = |name: &[u8]| memchr::memmem::find(text, name).is_some();
    matches!(kind, OtherFile::Archive | OtherFile::Binary) && (has(b"_CloudTrail_") || has(b"/CloudTrail/"))
}

/// Keys that only CloudTrail data has at the top level.
const CLOUDTRAIL_KEYS: [&str; 8] = [
    "Records",
    "CloudTrailEvent",
    "digestStartTime",
    "eventID",
    "eventName",
    "eventSource",
    "eventVersion",
    "userIdentity",
];

/// By the keys of the first object. AWS Config: `fileVersion` with `configSnapshotId` or `configurationItems`. The
/// selectors of a trail name fields of records and are none.
fn kind_of_keys(keys: &BTreeSet<String>, text: &[u8]) -> Option<OtherFile> {
    let has = |key: &str| keys.contains(key);
    if CLOUDTRAIL_KEYS.iter().any(|key| has(key)) {
        return None;
    }
    if has("configSnapshotId") {
        return Some(OtherFile::ConfigSnapshot);
    }
    if has("configurationItems") || has("configurationItem") || has("configurationItemCaptureTime") {
        return Some(OtherFile::ConfigHistory);
    }
    let is_finding = has("ProductArn") && has("SchemaVersion") || has("schemaVersion") && has("service");
    let holds = |key: &&str| memchr::memmem::find(text, key.as_bytes()).is_some();
    let is_list = || (has("Findings") || has("findings")) && FINDING_KEYS.iter().any(holds);
    if is_finding || is_list() {
        return Some(OtherFile::Findings);
    }
    if has("AdvancedEventSelectors") || has("EventSelectors") {
        return Some(OtherFile::Json);
    }
    if has("webaclId") {
        return Some(OtherFile::WafLog);
    }
    (has("query_name") && has("query_type")).then_some(OtherFile::ResolverQueryLog)
}

/// Keys of findings of GuardDuty, Security Hub, Amazon Inspector, IAM Access Analyzer and Amazon Macie.
const FINDING_KEYS: [&str; 6] = [
    "\"SchemaVersion\"",
    "\"schemaVersion\"",
    "\"ProductArn\"",
    "\"findingArn\"",
    "\"analyzedAt\"",
    "\"resourceOwnerAccount\"",
];

/// By the first bytes: the signature of a format.
fn kind_of_signature(text: &[u8]) -> Option<OtherFile> {
    let starts = |signatures: &[&[u8]]| signatures.iter().any(|signature| text.starts_with(signature));
    if starts(&[b"%PDF", b"<"]) {
        return Some(OtherFile::Document);
    }
    let is_image = starts(&[b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\0\0\x01\0"]);
    // Text may begin with these two, and the sizes behind them have a zero in them.
    let may_be_image = starts(&[b"RIFF", b"BM"]);
    if is_image || may_be_image && text.iter().take(16).any(|byte| *byte == 0) {
        return Some(OtherFile::Image);
    }
    if starts(&[b"PAR1", b"ORC", b"Obj\x01"]) {
        return Some(OtherFile::Table);
    }
    if starts(&[b"PK\x03\x04", b"PK\x05\x06", b"BZh", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"7z\xbc\xaf"]) {
        return Some(OtherFile::Archive);
    }
    None
}

/// By the first line of a log.
fn kind_of_first_line(text: &[u8]) -> Option<OtherFile> {
    let line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    kind_of_log(std::str::from_utf8(line.get(..2_048).unwrap_or(line)).ok()?)
}

/// By the first line of a log. Formats: user guides of Amazon VPC, Elastic Load Balancing, Amazon S3 and Amazon
/// CloudFront, read 2026-11.
fn kind_of_log(line: &str) -> Option<OtherFile> {
    if line.starts_with("#Version:") {
        return Some(OtherFile::CloudFrontLog);
    }
    let words: Vec<&str> = line.split_whitespace().take(64).collect();
    let is_field = |word: &&str| FLOW_LOG_FIELDS.contains(word);
    let is_field_name = |word: &&str| {
        word.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'0'..=b'9'))
    };
    if words.len() > 1
        && words.iter().all(is_field_name)
        && words.iter().filter(|word| is_field(word)).count() > 1
    {
        return Some(OtherFile::VpcFlowLog);
    }
    match *words.as_slice() {
        [version, account, interface, ..]
            if version.parse::<u8>().is_ok()
                && is_account(account)
                && (interface.starts_with("eni-") || interface == "-") =>
        {
            Some(OtherFile::VpcFlowLog)
        }
        [owner, _, time, ..] if is_bucket_owner(owner) && time.starts_with('[') => {
            Some(OtherFile::S3AccessLog)
        }
        ["http" | "https" | "h2" | "grpcs" | "ws" | "wss" | "tls", second, third, ..]
            if is_log_time(second) || is_log_time(third) =>
        {
            Some(OtherFile::LoadBalancerLog)
        }
        [time, _, client, ..] if is_log_time(time) && is_address(client) => Some(OtherFile::LoadBalancerLog),
        _ => None,
    }
}

/// Fields of VPC flow logs that no sentence has two of.
const FLOW_LOG_FIELDS: [&str; 16] = [
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "log-status",
    "vpc-id",
    "subnet-id",
    "instance-id",
    "tcp-flags",
    "pkt-srcaddr",
];

/// `2018-07-02T22:23:00.186641Z`, or for TLS listeners without fraction and zone.
fn is_log_time(word: &str) -> bool {
    let is = |at: usize, expected: u8| word.as_bytes().get(at) == Some(&expected);
    is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':') && word.starts_with('2')
}

/// `192.168.131.39:2817`, also with an IPv6 address.
fn is_address(word: &str) -> bool {
    let is_digits = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = |host: &str| {
        !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'[' | b']'))
    };
    word.rsplit_once(':').is_some_and(|(host, port)| is_host(host) && is_digits(port))
}

fn is_bucket_owner(word: &str) -> bool {
    word == "-" || word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_account(word: &str) -> bool {
    word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// By a file name that CloudTrail never gives.
fn kind_of_name(base: &str) -> Option<OtherFile> {
    let lower = base.to_ascii_lowercase();
    let plain = lower.strip_suffix(".gz").unwrap_or(&lower);
    let by_extension = match plain.rsplit_once('.').map(|(_, extension)| extension) {
        Some(
            "md" | "markdown" | "txt" | "rst" | "html" | "htm" | "xml" | "pdf" | "csv" | "tsv" | "xlsx"
            | "docx",
        ) => Some(OtherFile::Document),
        Some("png" | "jpg" | "jpeg" | "gif" | "svg" | "webp" | "ico" | "bmp") => Some(OtherFile::Image),
        Some("parquet" | "orc" | "avro") => Some(OtherFile::Table),
        Some("zip" | "tar" | "tgz" | "7z" | "bz2" | "xz" | "zst" | "rar" | "lz4" | "br" | "snappy") => {
            Some(OtherFile::Archive)
        }
        _ => None,
    };
    if by_extension.is_some() {
        return by_extension;
    }
    match plain {
        "readme" | "license" | "notice" | "changelog" => Some(OtherFile::Document),
        "_success" | "_committed" | "_started" => Some(OtherFile::Text),
        "configwritabilitycheckfile" => Some(OtherFile::Config),
        _ => None,
    }
}

/// Whether a file name promises JSON: `x.json`, `x.jsonl.gz`, `x.json.zst`, `x.json.bak`. `x.json.html` is a document.
fn promises_json(base: &str) -> bool {
    let is_json = ["json", "jsonl", "ndjson"].iter().any(|extension| has_extension(base, extension));
    is_json && kind_of_name(base).is_none_or(|kind| kind == OtherFile::Archive)
}

/// Whether one of the extensions of a file name is `extension`.
fn has_extension(base: &str, extension: &str) -> bool {
    base.split('.').skip(1).any(|part| part.eq_ignore_ascii_case(extension))
}

/// `111122223333_CloudTrail_us-east-1_20231110T0505Z_AbC1.json.gz`, also `_CloudTrail-Digest_` and `_CloudTrail-Insight_`.
fn has_delivered_form(base: &str) -> bool {
    base.split_once('_').is_some_and(|(account, rest)| {
        is_account(account) && (rest.starts_with("CloudTrail_") || rest.starts_with("CloudTrail-"))
    })
}

fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

fn folders(name: &str) -> impl Iterator<Item = &str> {
    let base = base_name(name).len();
    name.get(..name.len().saturating_sub(base)).unwrap_or_default().split(['/', '\\'])
}

/// The folder of the service below `AWSLogs/ACCOUNT/`, `AWSLogs/ORGANIZATION/ACCOUNT/` or, of older AWS Config
/// deliveries, `AWSLogs/ORGANIZATION/`.
fn service_folder(name: &str) -> Option<&str> {
    let mut parts = folders(name).skip_while(|part| *part != "AWSLogs").skip(1).peekable();
    parts.next_if(|part| part.starts_with("o-"));
    // A prefix or a copy may have the folder a second time.
    while parts.peek() == Some(&"AWSLogs") {
        parts.next();
        parts.next_if(|part| part.starts_with("o-"));
    }
    parts.next_if(|part| is_account(part)).and(parts.next()).filter(|service| !service.is_empty())
}

fn trim_start(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start()
}

/// The keys of the first object in the text, or in the array that the text begins with, as far as it is JSON.
fn first_keys(text: &[u8]) -> BTreeSet<String> {
    struct Keys<'k>(&'k RefCell<BTreeSet<String>>);

    impl<'de> serde::de::DeserializeSeed<'de> for Keys<'_> {
        type Value = ();

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            deserializer.deserialize_any(self)
        }
    }

    impl<'de> Visitor<'de> for Keys<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object or an array")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
            while let Some(key) = map.next_key::<String>()? {
                self.0.borrow_mut().insert(key);
                map.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }

        fn visit_seq<S: SeqAccess<'de>>(self, mut sequence: S) -> Result<(), S::Error> {
            sequence.next_element_seed(Self(self.0))?;
            while sequence.next_element::<IgnoredAny>()?.is_some() {}
            Ok(())
        }
    }

    let keys = RefCell::new(BTreeSet::new());
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    // An error ends the keys; those before it count.
    drop(serde::de::DeserializeSeed::deserialize(Keys(&keys), &mut deserializer));
    keys.into_inner()
}

#[cfg(test)]
mod tests;
