//! The narrow interfaces through which jobs reach storage, AWS and the clock.
//!
//! Enters: nothing. Leaves: traits of at most three methods each, which the `local` and `aws` adapters implement.
//! Law: a [`PortError`] names the operation, the thing it was applied to and the cause.

use std::{collections::BTreeMap, error::Error, fmt, io::Read, ops::Range, time::Duration};

use serde_json::Value;

use crate::{
    backup::{BackupEntry, BackupKind, EntryComparison, RestoreRecord, SkippedEntries},
    grants::{Policy, PolicySnapshot},
    log_integrity::{LogFileContent, PublicKeys},
    operation::RiskLevel,
    record::UnreadablePosition,
    report::Report,
    segment::Segment,
    time::Time,
};

/// One stored object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredObject {
    /// Name of the object, unique in its source: an object key or a path.
    pub name: String,
    /// Size in bytes; zero when it is not known before the object is read.
    pub size: u64,
    /// Changes when the content changes: an ETag, or size and time of the last change. Empty when neither is known;
    /// the object is then read every time.
    pub version: String,
}

/// The kind of a failure, as far as the caller acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortErrorKind {
    /// A permission is missing. A retry does not help.
    AccessDenied,
    /// Too many requests. A later retry helps.
    Throttled,
    /// The thing does not exist.
    NotFound,
    /// A pagination token is no longer valid. Start again at the first page.
    InvalidToken,
    /// There was no usable answer: timeout, network failure or service failure.
    Unavailable,
    /// Any other failure.
    Other,
}

/// A failed operation of a port.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} `{name}`: {cause}")]
pub struct PortError {
    /// What was attempted, as a verb; for AWS with the IAM action it requires: `read (s3:GetObject)`.
    pub operation: &'static str,
    /// What the operation was applied to.
    pub name: String,
    /// The kind of failure.
    pub kind: PortErrorKind,
    /// Error of the failed operation.
    #[source]
    pub cause: Box<dyn Error + Send + Sync>,
}

/// A source of log files.
pub trait LogSource: Sync {
    /// All log files, each once, sorted by name.
    ///
    /// # Errors
    /// When the source cannot be listed.
    fn list(&self) -> Result<Vec<StoredObject>, PortError>;

    /// Replaces `bytes` with the content of `object`, or with its first `most` bytes if it is longer. Returns the version
    /// that was read, in the form of [`StoredObject::version`]; empty if the source does not tell it.
    ///
    /// # Errors
    /// When the object cannot be read.
    fn fetch(&self, object: &StoredObject, most: u64, bytes: &mut Vec<u8>) -> Result<String, PortError>;

    /// Whether the caller named this very object, rather than a folder, a prefix or a pattern. Such an object is
    /// expected to be a log file.
    fn is_named(&self, _object: &StoredObject) -> bool {
        false
    }
}

/// A temporary file for events that do not fit in memory. It is gone when it is dropped.
pub trait SpillFile: Send {
    /// Writes bytes at the end.
    ///
    /// # Errors
    /// When they cannot be written.
    fn append(&mut self, bytes: &[u8]) -> Result<(), PortError>;

    /// Reads bytes that were written, from an offset.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Result<(), PortError>;
}

/// A source of log files with objects that may have metadata.
pub trait ObjectMetadata: LogSource {
    /// The metadata that the writer of the object gave to it, by name without `x-amz-meta-`.
    ///
    /// # Errors
    /// When the metadata cannot be read.
    fn metadata(&self, object: &StoredObject) -> Result<BTreeMap<String, String>, PortError>;
}

/// The bucket to which a trail delivers log files and digest files.
pub trait TrailBucket: Sync {
    /// The objects with keys that begin with one of these prefixes.
    fn below(&self, prefixes: &[String]) -> Box<dyn ObjectMetadata + '_>;

    /// The public keys of CloudTrail that are valid in a region between two times.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn public_keys(&self, region: &str, since: Time, until: Time) -> Result<PublicKeys, PortError>;
}

/// A log file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessedObject {
    /// Name, size and version.
    pub object: StoredObject,
    /// SHA-256 of the stored bytes, in hex.
    pub sha256: String,
    /// The inflated content, if it was hashed.
    pub content: Option<LogFileContent>,
    /// Number of records in the log file, whether they could be read or not.
    pub records: u64,
    /// Positions of the pieces that could not be read.
    pub unreadable: Vec<UnreadablePosition>,
}

/// The store that keeps evidence between sweeps.
pub trait SweepEvidence {
    /// The error of an implementation.
    type Error: Error + Send + Sync + 'static;

    /// Log files with stored evidence, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn processed_objects(&self) -> Result<BTreeMap<String, ProcessedObject>, Self::Error>;

    /// Stores the evidence of a log file and replaces what was stored for it before.
    ///
    /// # Errors
    /// When the evidence cannot be stored.
    fn save(&mut self, read: &ProcessedObject, segment: &Segment) -> Result<(), Self::Error>;

    /// Passes on the stored evidence of each of these log files.
    ///
    /// # Errors
    /// When any of it is missing or cannot be read.
    fn load(&self, objects: &[ProcessedObject], each: &mut dyn FnMut(Segment)) -> Result<(), Self::Error>;

    /// The report of an earlier sweep that depended on the same, by its hash, if the store keeps reports and still has the
    /// evidence.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn report_of(&self, inputs_sha256: &str) -> Result<Option<Report>, Self::Error> {
        let _ = inputs_sha256;
        Ok(None)
    }
}

/// An item of a table. The items of one partition are stored together, in the order of their sort keys.
#[derive(Clone, Debug, PartialEq)]
pub struct TableItem {
    /// Partition key of the item.
    pub partition_key: String,
    /// Sort key, unique in its partition.
    pub sort_key: String,
    /// How often the item had been written when it was read; 0 for an item that does not exist yet.
    pub revision: u64,
    /// Time from which the item may be deleted.
    pub expires_at: Option<Time>,
    /// Content of the item: a JSON object.
    pub body: Value,
}

/// The condition under which an item is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteCondition {
    /// No condition: an existing item is replaced.
    Always,
    /// The stored item still has the revision of this item. Revision 0: no item is stored.
    Unchanged,
}

/// A table of small items that several functions share.
pub trait Table: Sync {
    /// The items of a partition with sort keys that begin with `prefix`, in order. The read is strongly consistent.
    ///
    /// # Errors
    /// When they cannot be read.
    fn query(&self, partition: &str, prefix: &str) -> Result<Vec<TableItem>, PortError>;

    /// Writes an item and raises its revision by one. `false`: the condition does not hold, and nothing was written.
    ///
    /// # Errors
    /// When the item cannot be written, or it is not known whether it was written.
    fn put(&self, item: &TableItem, expected: WriteCondition) -> Result<bool, PortError>;

    /// Deletes an item, if it exists.
    ///
    /// # Errors
    /// When the item cannot be deleted.
    fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError>;
}

/// Everything in a table.
pub trait TableContents: Sync {
    /// Passes all items to `visit`, some at a time. Items that are written meanwhile may be among them or not.
    ///
    /// # Errors
    /// When they cannot be read. An error of `visit` is returned as it is.
    fn visit(&self, visit: &mut dyn FnMut(Vec<TableItem>) -> Result<(), PortError>) -> Result<(), PortError>;
}

/// A store of objects that are written once and never changed.
pub trait ObjectStore: Sync {
    /// Writes an object. `false`: an object with this key exists, and it was not changed.
    ///
    /// # Errors
    /// When the object cannot be written, or it is not known whether it was written.
    fn create(&self, key: &str, bytes: &[u8], media_type: &str) -> Result<bool, PortError>;

    /// The bytes of an object, or the bytes of the range `part`.
    ///
    /// # Errors
    /// [`PortErrorKind::NotFound`] when the object does not exist, another kind when it cannot be read.
    fn read(&self, key: &str, part: Option<Range<u64>>) -> Result<Vec<u8>, PortError>;

    /// The objects with keys that begin with `prefix`, sorted by key.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, PortError>;

    /// The first objects with keys that begin with `prefix`, sorted by key: all of them, or `most`.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn list_at_most(&self, prefix: &str, most: usize) -> Result<Vec<StoredObject>, PortError> {
        let mut objects = self.list(prefix)?;
        objects.truncate(most);
        Ok(objects)
    }
}

/// What tells a table from a copy of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableOrigin {
    /// Unique id of the table, which a copy does not share.
    pub id: String,
    /// The time as of which the table was restored, if it is a copy and its service says so.
    pub restored_to: Option<Time>,
}

/// Removes objects from a store, for the few kinds that do not stay.
pub trait ObjectRemover: Sync {
    /// Removes an object, if it exists.
    ///
    /// # Errors
    /// When the object cannot be removed.
    fn remove(&self, key: &str) -> Result<(), PortError>;

    /// The days for which the store itself keeps each new object, as Object Lock of an S3 bucket does; `None` if it keeps none.
    /// An object that is removed earlier is only hidden.
    ///
    /// # Errors
    /// When the store does not say.
    fn locked_days(&self) -> Result<Option<u32>, PortError> {
        Ok(None)
    }
}

/// The newest report and the index of reports, under keys that do not change. Nothing else in a store is ever replaced.
pub trait LatestReports: Sync {
    /// Writes an object, and replaces the one under its key.
    ///
    /// # Errors
    /// When the object cannot be written, or it is not known whether it was written.
    fn replace(&self, key: &str, bytes: &[u8], media_type: &str) -> Result<(), PortError>;
}

/// Takes an entry of a backup with its content, which has the size that the entry says.
pub type EntryVisitor<'v> = dyn FnMut(&BackupEntry, &mut dyn Read) -> Result<(), PortError> + 'v;

/// What a backup is made of: a state at one moment.
pub trait BackupSource {
    /// Passes the entries of a kind to `visit`, in the order of their names, and returns what the state names and does not
    /// have. The entries of all kinds together are the state at one moment, also while other processes write. Of a kind that
    /// the source does not have there are none. A source that has no files, such as a table, makes entries of a few MiB.
    ///
    /// # Errors
    /// When they cannot be read. An error of `visit` is returned as it is.
    fn entries(&self, kind: BackupKind, visit: &mut EntryVisitor<'_>) -> Result<SkippedEntries, PortError>;
}

/// Where a backup is restored to.
pub trait RestoreTarget {
    /// How an entry compares with what is there, and what differs, as the rest of a sentence. Nothing is changed.
    ///
    /// # Errors
    /// When what is there cannot be read. When the entry is not one that this target takes: the cause is a
    /// [`BackupProblem`](crate::backup::BackupProblem).
    fn compare(
        &self,
        entry: &BackupEntry,
        content: &mut dyn Read,
    ) -> Result<(EntryComparison, String), PortError>;

    /// Makes an entry what is there, completely or not at all. An equal one is left alone, so writing twice is writing once.
    /// What is newer or damaged is replaced only if `may_replace`; what conflicts is never replaced.
    ///
    /// # Errors
    /// When it cannot be written, or would replace what it may not replace.
    fn write(&self, entry: &BackupEntry, content: &mut dyn Read, may_replace: bool) -> Result<(), PortError>;
}

/// Remembers a restore that began, so that an unfinished one is not taken for a finished one.
pub trait RestoreJournal {
    /// The restore that began and did not end.
    ///
    /// # Errors
    /// When the record cannot be read.
    fn unfinished(&self) -> Result<Option<RestoreRecord>, PortError>;

    /// Stores that a restore begins, in place of an earlier one.
    ///
    /// # Errors
    /// When it cannot be stored.
    fn begin(&self, record: &RestoreRecord) -> Result<(), PortError>;

    /// Stores that the restore ended.
    ///
    /// # Errors
    /// When it cannot be stored.
    fn finish(&self) -> Result<(), PortError>;
}

/// A request for one page of `LookupEvents`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupRequest<'a> {
    /// Twelve-digit account id.
    pub account: &'a str,
    /// Region name.
    pub region: &'a str,
    /// First second of the requested span.
    pub since: Time,
    /// First second after the range. Events of that second may be returned too.
    pub until: Time,
    /// `NextToken` of the page before.
    pub token: Option<&'a str>,
}

/// One page of `LookupEvents`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookupPage {
    /// Records as JSON text (`CloudTrailEvent`), newest first.
    pub records: Vec<String>,
    /// `NextToken` for the next page; absent on the last page.
    pub next_token: Option<String>,
}

/// CloudTrail event history.
pub trait CloudTrailApi: Sync {
    /// One page of the management events of an account and region.
    ///
    /// # Errors
    /// [`PortErrorKind::Throttled`], [`PortErrorKind::InvalidToken`] and the other kinds. Implementations do not
    /// retry; the caller does.
    fn lookup_events(&self, lookup: LookupRequest<'_>) -> Result<LookupPage, PortError>;
}

/// One page of `GetAccountAuthorizationDetails`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorizationDetailsPage {
    /// Users, roles, groups and managed policies, as `aws iam get-account-authorization-details` prints them.
    pub text: String,
    /// `Marker` for the next page; absent on the last page.
    pub next_marker: Option<String>,
}

/// The policies of the principals of accounts, and what the IAM policy simulator decides about them.
pub trait IamApi: Sync {
    /// One page of all users, roles, groups and managed policies of an account.
    ///
    /// # Errors
    /// [`PortErrorKind::Throttled`] and the other kinds. Implementations do not retry; the caller does.
    fn account_authorization_details(
        &self,
        account: &str,
        page: Option<&str>,
    ) -> Result<AuthorizationDetailsPage, PortError>;

    /// One user or role with its groups and policies, in the same form; `None` if the principal does not exist.
    ///
    /// # Errors
    /// As above.
    fn principal_details(&self, arn: &str) -> Result<Option<String>, PortError>;

    /// What the IAM policy simulator decides about each of these actions for a principal with these policies, on any
    /// resource and without context keys.
    ///
    /// # Errors
    /// As above.
    fn simulate(
        &self,
        snapshot: &PolicySnapshot,
        actions: &[&str],
    ) -> Result<Vec<SimulationResult>, PortError>;
}

/// The decision of the simulator about one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulationResult {
    /// The action, as it was requested.
    pub action: String,
    /// The decision: `allowed`, `explicitDeny` or `implicitDeny`.
    pub decision: String,
}

/// Type of an organization policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrganizationPolicyType {
    /// Service control policies (SCPs), which limit the permissions of principals.
    ServiceControl,
    /// Resource control policies (RCPs).
    ResourceControl,
}

/// AWS Organizations.
pub trait OrganizationsApi: Sync {
    /// The policies in force for an account: one list for the root, one for each organizational unit below it, and
    /// one for the account. Empty: no policy of this type can be in force.
    ///
    /// # Errors
    /// [`PortErrorKind::AccessDenied`] when AWS denies the caller to read them, and the other kinds.
    fn control_policies(
        &self,
        account: &str,
        control: OrganizationPolicyType,
    ) -> Result<Vec<Vec<Policy>>, PortError>;
}

/// Makes read-only calls to probe whether AWS allows them.
pub trait Prober: Sync {
    /// Makes a read-only call without parameters, with the caller's own credentials, and discards the response.
    /// `None`: the prober does not support this operation.
    ///
    /// # Errors
    /// Why the call failed.
    fn probe(&self, service: &str, operation: &str) -> Option<Result<(), PortError>>;
}

/// A message to people and programs.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// Equal for equal notifications.
    pub id: String,
    /// Type of the notification, such as `Read-Only Violation Detected`.
    pub detail_type: &'static str,
    /// Severity of what the notification is about.
    pub severity: RiskLevel,
    /// One line for people.
    pub subject: String,
    /// A few lines for people.
    pub text: String,
    /// The same content for programs.
    pub detail: Value,
    /// Equal for notifications that say the same about the same thing, of which a window of deduplication sends one.
    pub deduplication_key: String,
    /// Seconds for which such notifications are sent once, if the configuration has no longer window.
    pub deduplication_seconds: u32,
}

/// A channel that delivers notifications.
pub trait NotificationSink: Sync {
    /// Name of the sink, under which deliveries are recorded: `sns`.
    fn name(&self) -> &str;

    /// Whether the sink wants notifications of this severity.
    fn accepts(&self, _severity: RiskLevel) -> bool {
        true
    }

    /// Delivers a notification.
    ///
    /// # Errors
    /// When the delivery was not confirmed.
    fn send(&self, notification: &Notification) -> Result<(), PortError>;
}

/// AWS Security Hub in one account and region, which imports findings.
pub trait FindingImporter: Sync {
    /// Imports findings in the AWS Security Finding Format, at most 100.
    ///
    /// # Errors
    /// When the call failed, or its response cannot be read. A refused finding is not an error of the call.
    fn import(&self, findings: &[Value]) -> Result<ImportResponse, PortError>;
}

/// What Security Hub answers to findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportResponse {
    /// Number of findings that were imported.
    pub imported: u64,
    /// The findings that were refused.
    pub refused: Vec<RefusedFinding>,
}

/// A finding that Security Hub refused, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedFinding {
    /// `Id` of the finding.
    pub id: String,
    /// Error code.
    pub code: String,
    /// Message of the error.
    pub message: String,
}

/// The clock of jobs that wait.
pub trait Clock: Sync {
    /// The current time.
    fn now(&self) -> Time;

    /// How long the job may still run.
    fn remaining(&self) -> Duration;

    /// Waits for this duration.
    fn sleep(&self, length: Duration);
}

impl fmt::Display for LookupRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.account, self.region, self.since, self.until)
    }
}
