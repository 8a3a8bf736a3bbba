//! The configuration: the watched principals, the expected evidence and the settings of a run.
//!
//! Enters: `onlooker.toml` as text, `ONLOOKER_*` as pairs. Leaves: a validated [`Config`]. Law: an unknown key
//! is an error; no value is read and then ignored.

mod alerts;
mod arn;
mod audit;
mod calendar;
mod consistency;
mod diagnostic;
mod event_class;
mod formats;
mod monitoring;
mod overrides;
pub mod own_roles;
mod parts;
mod profile;
mod reader;
mod reference;
mod report_format;
mod schema;
mod standard;
mod template;
#[cfg(test)]
mod tests;
mod toml_file;
mod tree;
mod variables;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    alerts::{AlertSettings, DeliveryPolicy, Webhook, WebhookKind, WebhookUrl},
    audit::{AuditLevel, AuditProfile, AuditSettings},
    calendar::BusinessCalendar,
    diagnostic::{ConfigError, ConfigLocation, ConfigProblem, Diagnostic},
    formats::{KNOWN_REGIONS, account, is_known_region, log_filter, region},
    monitoring::MonitoringSettings,
    overrides::OverrideMatch,
    parts::{CloudTrailSettings, Part, ReportSettings, ValidationSettings},
    profile::ConfigProfile,
    reference::reference,
    report_format::ReportFormat,
    schema::schema,
    template::template,
    variables::{EnvVariable, RESERVED_VARIABLES, variables},
};
pub(crate) use self::{diagnostic::quoted, schema::inlined_schema, toml_file::TomlFile};
use crate::{
    event_selectors::TrailSelectors,
    pattern::{has_wildcard, matches},
    principal::Principal,
    record::{Fingerprint, ReadLimits},
    time::Time,
};

/// Version of the shape of [`Config`] as commands print it; the first number changes if a field loses its meaning.
pub const CONFIG_SCHEMA_VERSION: &str = "1.1";

/// All settings of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Standard with the controls of the report.
    pub standard: Standard,
    /// Control pack file for the standard `CUSTOM`, relative to the configuration file.
    #[schemars(with = "Option<formats::FileName>", example = "docs/packs/gcc-2-0.toml")]
    pub standard_file: Option<String>,
    /// Catalog to use instead of the built-in one, relative to the configuration file.
    #[schemars(with = "Option<formats::FileName>", example = "catalog.bin")]
    pub catalog: Option<String>,
    /// Principals that are promised to be read-only.
    pub watch: Vec<Watch>,
    /// ARN patterns of principals that are never watched, even if `watch` matches them.
    #[schemars(with = "Vec<formats::PrincipalPattern>", extend("examples" = [["arn:aws:iam::*:role/break-glass"]]))]
    pub exempt: Vec<String>,
    /// The evidence that is expected.
    pub coverage: ExpectedCoverage,
    /// Working hours. Activity of watched principals outside them is a finding. Absent: not checked.
    pub business_hours: Option<BusinessHours>,
    /// Limits above which a count is a finding.
    pub thresholds: Thresholds,
    /// Calls that are allowed although they are not read-only.
    #[serde(rename = "override")]
    pub overrides: Vec<Override>,
    /// What reports must not show.
    pub redaction: Redaction,
    /// Limits on reading input.
    pub limits: InputLimits,
    /// How evidence is pulled from CloudTrail's event history (LookupEvents).
    pub lookup: LookupSettings,
    /// Evidence that a trail delivers to S3.
    pub delivery: DeliverySettings,
    /// How long the functions keep their records.
    pub retention: RetentionSettings,
    /// How permissions are checked.
    pub permissions: PermissionCheckSettings,
    /// The audit trail.
    pub audit: AuditSettings,
    /// How Onlooker watches its own runs.
    pub monitoring: MonitoringSettings,
    /// Which alerts are sent, how often, and to which webhooks.
    pub alerts: AlertSettings,
    /// Whether calls are held against the promise.
    pub validation: ValidationSettings,
    /// Whether events of CloudTrail are collected and used.
    pub cloudtrail: CloudTrailSettings,
    /// What a report contains.
    pub report: ReportSettings,
}

impl Config {
    /// Reads a configuration from the text of a file with its name, if there is one, and from variables, which take
    /// precedence. The error contains every problem.
    pub fn read(
        file: Option<(&str, &str)>,
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let tree = match file {
            Some((name, text)) => tree::ConfigNode::from_toml(text, name)?,
            None => tree::ConfigNode::empty(),
        };
        Self::from_tree(tree, vars)
    }

    /// Reads the text of a file. Errors show the name `file`.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, ConfigError> {
        Self::read(Some((file, text)), [])
    }

    /// Applies `ONLOOKER_*` variables to this configuration and validates the result. On error the configuration does
    /// not change. Other variables are skipped, an empty one counts as not set, and a list replaces the whole list.
    pub fn apply_variables(
        &mut self,
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), ConfigError> {
        // No variable sets a webhook, and a webhook is written without its secret.
        let webhooks = self.alerts.webhooks.clone();
        let alerts = AlertSettings { webhooks: Vec::new(), ..self.alerts.clone() };
        let written = serde_json::to_value(Self { alerts, ..self.clone() }).unwrap_or_default();
        let mut changed = Self::from_tree(
            tree::ConfigNode::from_json(&written, "").unwrap_or_else(tree::ConfigNode::empty),
            vars,
        )?;
        changed.alerts.webhooks = webhooks;
        *self = changed;
        Ok(())
    }

    /// Validates a configuration that was changed after it was read, such as by command-line options.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.clone().apply_variables([])
    }

    fn from_tree(
        mut tree: tree::ConfigNode,
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut reader = reader::ConfigReader::default();
        variables::apply_variables(&mut tree, vars, &mut reader.problems);
        let values = reader.read(&tree, schema::SchemaNode::root(), "");
        consistency::check(&values, &mut reader);
        ConfigError::from_problems(reader.problems)?;
        serde_json::from_value(values).map_err(|error| ConfigError {
            problems: vec![Diagnostic::new(error.to_string(), "correct the value").at(&tree.location)],
        })
    }

    /// The settings that determine the result of a report, besides the evidence. The settings for its collection do
    /// not.
    #[must_use]
    pub fn without_operational_settings(&self) -> Self {
        Self {
            limits: InputLimits { log_file_mib: self.limits.log_file_mib, ..InputLimits::default() },
            lookup: LookupSettings::default(),
            delivery: DeliverySettings::default(),
            retention: RetentionSettings::default(),
            monitoring: MonitoringSettings {
                enabled: self.monitoring.enabled,
                ..MonitoringSettings::default()
            },
            alerts: AlertSettings::default(),
            // The number of entries is part of the result.
            audit: AuditSettings {
                max_audit_entries: self.audit.max_audit_entries,
                ..AuditSettings::default()
            },
            report: ReportSettings { formats: ReportSettings::default().formats, ..self.report.clone() },
            ..self.clone()
        }
    }

    /// This configuration as TOML. Reading it gives the same configuration, unless it has a webhook: of its URL only the
    /// host is written, and reading that is an error.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// The watch that applies to a principal: of those that match, the one with the most literal characters, and of
    /// equal ones the first; none if an exemption matches. A role without a path in the record also matches a pattern
    /// with a path, because role names are unique in an account.
    pub fn watch_for(&self, principal: &Principal) -> Option<&Watch> {
        self.watch_for_arn(&principal.arn)
    }

    /// Identifies the watched principals: equal for equal patterns and exemptions, independent of other settings.
    pub fn watch_fingerprint(&self) -> Fingerprint {
        let patterns: BTreeSet<&str> = self.watch.iter().map(|watch| &*watch.principal).collect();
        let exempt: BTreeSet<&str> = self.exempt.iter().map(|pattern| &**pattern).collect();
        let texts = patterns.into_iter().chain(["but not"]).chain(exempt);
        Fingerprint::of("watches", &texts.map(str::as_bytes).collect::<Vec<_>>())
    }

    /// The watch that applies to the principal with this ARN.
    pub fn watch_for_arn(&self, arn: &str) -> Option<&Watch> {
        let bare = IamName::of(arn).is_some_and(|name| !name.has_path);
        let about = |watch: &&Watch| {
            let pattern = &watch.principal;
            watch.names(arn) || bare && without_path(pattern).is_some_and(|bare| matches(&bare, arn))
        };
        let literal = |watch: &Watch| watch.principal.chars().filter(|c| !matches!(c, '*' | '?')).count();
        // `max_by_key` returns the last of equal items, so the watches are iterated from the end.
        self.watch
            .iter()
            .rev()
            .filter(about)
            .max_by_key(|watch| literal(watch))
            .filter(|_| !self.is_exempt(arn))
    }

    /// Whether the principal with this ARN is exempt from watching.
    pub fn is_exempt(&self, arn: &str) -> bool {
        self.exempt.iter().any(|pattern| matches(pattern, arn))
    }
}

/// The ARN of a role or user, or a pattern, in parts.
#[derive(Clone, Copy)]
struct IamName<'a> {
    /// The ARN up to the kind.
    before: &'a str,
    kind: &'static str,
    name: &'a str,
    has_path: bool,
}

impl<'a> IamName<'a> {
    fn of(arn: &'a str) -> Option<Self> {
        [":role/", ":user/"].into_iter().find_map(|kind| {
            let (before, rest) = arn.split_once(kind)?;
            let (has_path, name) = rest.rsplit_once('/').map_or((false, rest), |(_, name)| (true, name));
            Some(Self { before, kind, name, has_path })
        })
    }
}

/// Whether a pattern names a role or user of one account by its name alone, and the ARN is its own with its path.
fn names_by_name(pattern: &str, arn: &str) -> bool {
    let Some((named, other)) = IamName::of(pattern).zip(IamName::of(arn)) else { return false };
    !has_wildcard(pattern)
        && !named.has_path
        && (named.before, named.kind, named.name) == (other.before, other.kind, other.name)
}

/// The pattern of a role or user without its path; none if the name has no literal letter or digit.
fn without_path(pattern: &str) -> Option<String> {
    let IamName { before, kind, name, has_path } = IamName::of(pattern)?;
    let is_named = has_path && name.contains(|c: char| c.is_ascii_alphanumeric());
    is_named.then(|| format!("{before}{kind}{name}"))
}

impl Watch {
    /// Whether the pattern matches the ARN, or names the same role or user under another path: names are unique in an
    /// account, whatever the path. If the pattern has a path and any account, the path counts. AWS IAM User Guide, "IAM identifiers", read 2026-11.
    pub fn names(&self, arn: &str) -> bool {
        let is_same = || {
            let (pattern, other) = IamName::of(&self.principal).zip(IamName::of(arn))?;
            let is_same = matches(pattern.before, other.before)
                && (pattern.kind, pattern.name) == (other.kind, other.name);
            // A wildcard in the partition or account leaves the name exact, and a path then chooses among accounts.
            let is_exact = !has_wildcard(self.principal.splitn(6, ':').nth(5).unwrap_or_default());
            let is_chosen = pattern.has_path && other.has_path && has_wildcard(pattern.before);
            Some(is_same && !is_chosen && is_exact)
        };
        matches(&self.principal, arn) || is_same() == Some(true)
    }

    /// A watch for the principals that a pattern matches; an error if it can match none.
    pub fn new(pattern: &str) -> Result<Self, Diagnostic> {
        arn::principal(pattern)?;
        let principal = pattern.to_owned();
        Ok(Self { principal, reason: None, machine: false, business_hours: None, is_own_role: false })
    }
}

/// Standard with the controls that the report evaluates.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Standard {
    /// Onlooker's own controls.
    #[default]
    General,
    /// SOC 2 trust services criteria.
    Soc2,
    /// ISO/IEC 27001:2022 Annex A.
    Iso27001,
    /// CIS Amazon Web Services Foundations Benchmark, version 5.0.0.
    #[serde(rename = "CIS_AWS")]
    CisAws,
    /// NIST SP 800-53, revision 5: the families AC and AU.
    #[serde(rename = "NIST_800_53")]
    Nist80053,
    /// A control pack of the user.
    Custom,
}

/// Principals that are promised to be read-only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// ARN of a user, role or root, with `*` and `?` as wildcards.
    #[schemars(with = "formats::PrincipalPattern", example = "arn:aws:iam::*:role/Auditor")]
    pub principal: String,
    /// Why it is watched; shown in the report.
    #[serde(default)]
    #[schemars(with = "Option<formats::SingleLine>", example = "promised to the auditors in writing")]
    pub reason: Option<String>,
    /// Whether only programs use the principal: console use is then a finding.
    #[serde(default)]
    #[schemars(example = true)]
    pub machine: bool,
    /// Working hours of this principal, in place of the general ones.
    #[serde(default)]
    pub business_hours: Option<BusinessHours>,
    /// Whether the entry watches one of Onlooker's own roles. A configuration cannot set this.
    #[serde(skip)]
    pub is_own_role: bool,
}

/// The evidence that is expected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedCoverage {
    /// Twelve-digit account ids. Empty: the accounts in the evidence.
    #[schemars(with = "Vec<formats::AccountId>", extend("examples" = [["111122223333"]]))]
    pub accounts: Vec<String>,
    /// Region names. Empty: for each account, the regions in the evidence.
    #[schemars(with = "Vec<formats::RegionName>", extend("examples" = [["eu-central-1", "us-east-1"]]))]
    pub regions: Vec<String>,
    /// Event classes that must be covered: `management-read`, `management-write`, `data` (every resource type),
    /// `data:AWS::S3::Object`, `data-write`, `network`. Empty: management events and data events of every resource type.
    #[schemars(with = "Vec<formats::EventClassName>", extend("examples" = [["management-read", "management-write", "data:AWS::S3::Object"]]))]
    pub event_classes: Vec<String>,
    /// Event classes that the trail is known to log, with the same names. They count as logged even if the evidence
    /// contains no such event.
    #[schemars(with = "Vec<formats::EventClassName>", extend("examples" = [["management-read", "management-write"]]))]
    pub logged: Vec<String>,
    /// Names of the S3 buckets that the trail delivers its log files to. A change of their policy, lifecycle or
    /// encryption is a change of logging. A bucket with `cloudtrail` in its name counts without being listed.
    #[schemars(with = "Vec<formats::SingleLine>", extend("examples" = [["audit-logs-111122223333"]]))]
    pub log_buckets: Vec<String>,
    /// Names of the CloudWatch log groups, EventBridge rules and buses, and Firehose and Kinesis streams that deliver
    /// events to this evidence. A change of another one is then no change of logging. Empty: a change of any counts, if
    /// events came that way and their form does not name the log group.
    #[schemars(with = "Vec<formats::SingleLine>", extend("examples" = [["cloudtrail-events"]]))]
    pub delivered_through: Vec<String>,
    /// What the verification of log files by digest files means for coverage. `reported`: hours with a changed or missing file are
    /// gaps, hours that could not be verified or were not verified are counted. `required`: all of these are gaps.
    #[schemars(example = LogIntegrity::Required)]
    pub log_integrity: LogIntegrity,
    /// Selectors of trails, from `--selectors`. A configuration cannot set them.
    #[serde(skip)]
    pub trails: Vec<TrailSelectors>,
}

/// What the verification of log files means for coverage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogIntegrity {
    /// Hours that were not verified are counted and observed.
    #[default]
    Reported,
    /// Hours that were not verified are gaps.
    Required,
}

/// Weekly working hours in a time zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BusinessHours {
    /// IANA time zone, such as `Europe/Zurich`.
    #[schemars(with = "formats::TimeZoneName", example = "Europe/Zurich")]
    pub time_zone: String,
    /// Working days: `mon` to `sun`.
    #[serde(default = "BusinessHours::weekdays")]
    #[schemars(length(min = 1), extend("examples" = [["mon", "tue", "wed", "thu", "fri"]]))]
    pub days: Vec<Weekday>,
    /// First minute of the working day, `HH:MM`.
    #[schemars(with = "formats::TimeOfDay", example = "08:00")]
    pub start: String,
    /// First minute after the working day, `HH:MM`; `24:00` is midnight. A time before `start` is on the next day.
    #[schemars(with = "formats::TimeOfDay", example = "18:00")]
    pub end: String,
}

/// Day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl BusinessHours {
    fn weekdays() -> Vec<Weekday> {
        vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri]
    }
}

/// Limits above which a count is a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Highest percentage of a principal's calls that may fail.
    #[schemars(range(min = 0, max = 100))]
    pub error_rate: f64,
    /// Fewest calls of a principal for which its error rate is checked.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub error_rate_min_calls: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { error_rate: 20.0, error_rate_min_calls: 20 }
    }
}

/// A call that is allowed although it is not read-only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Name of the override.
    #[schemars(with = "formats::OverrideId", example = "session-manager")]
    pub id: String,
    /// ARN pattern of the principals that it applies to.
    #[schemars(with = "formats::PrincipalPattern", example = "arn:aws:iam::111122223333:role/Auditor")]
    pub principal: String,
    /// `service:Operation`, with wildcards in the operation.
    #[schemars(with = "formats::OperationPattern", example = "ssm:StartSession")]
    pub operation: String,
    /// ARN pattern that every resource of the call must match. Absent: any resource, or none.
    #[serde(default)]
    #[schemars(with = "Option<formats::ArnPattern>", example = "arn:aws:ssm:*:111122223333:document/Audit*")]
    pub resource: Option<String>,
    /// Who is responsible for the override.
    #[schemars(with = "formats::SingleLine", example = "security@example.com")]
    pub owner: String,
    /// Why the override allows the calls.
    #[schemars(with = "formats::SingleLine", example = "looks at hosts through a read-only document")]
    pub reason: String,
    /// When the override begins: it allows no earlier call. Absent: it holds from the beginning of the evidence.
    /// `onlooker override add` writes the time at which it adds the override.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "2026-10-31T00:00:00Z")]
    pub from: Option<Time>,
    /// When the override expires. An expired override is reported and not applied.
    #[schemars(example = "2027-01-31T00:00:00Z")]
    pub expires: Time,
}

/// How permissions are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PermissionCheckSettings {
    /// Reads that must work, as `service:Operation`. Without any, a principal that is granted only reads is VALID.
    #[schemars(with = "Vec<formats::OperationPattern>", extend("examples" = [["ec2:DescribeRegions", "s3:ListBuckets"]]))]
    pub reads: Vec<String>,
    /// Whether the results are compared with IAM's policy simulator.
    pub simulate: bool,
}

impl Default for PermissionCheckSettings {
    fn default() -> Self {
        Self { reads: Vec::new(), simulate: true }
    }
}

/// What reports must not show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Redaction {
    /// Replace session names and on-behalf-of identities with a short hash.
    pub sessions: bool,
    /// Replace account ids with a short hash.
    pub accounts: bool,
}

/// Limits on reading input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InputLimits {
    /// Largest size of a log file after inflation, in MiB. A larger file is unreadable.
    #[schemars(range(min = 1, max = 65_536))]
    pub log_file_mib: u64,
    /// Events that a sweep keeps in memory, 32 bytes each. Beyond that it writes them to a temporary file (`TMPDIR`), 28 bytes each.
    #[schemars(range(min = 1_000, max = 1_000_000_000))]
    pub memory_events: usize,
    /// Threads; 0 for one per core.
    #[schemars(range(min = 0, max = 1_024))]
    pub threads: usize,
}

impl InputLimits {
    /// The limits for reading one log file.
    pub fn read_limits(&self) -> ReadLimits {
        let bytes = self.log_file_mib.saturating_mul(1 << 20);
        ReadLimits { max_inflated_bytes: usize::try_from(bytes).unwrap_or(usize::MAX) }
    }
}

impl Default for InputLimits {
    fn default() -> Self {
        Self { log_file_mib: 1024, memory_events: 1_000_000, threads: 0 }
    }
}

/// How evidence is pulled from CloudTrail's event history (LookupEvents).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LookupSettings {
    /// Whether evidence is pulled. If not, reports show that this evidence is missing.
    pub enabled: bool,
    /// Number of seconds between two pulls.
    #[schemars(range(min = 60, max = 86_400))]
    pub interval_seconds: u32,
    /// Minutes that CloudTrail has to deliver an event before its time counts as looked up.
    #[schemars(range(min = 1, max = 1_440))]
    pub lag_minutes: u32,
    /// Hours that the first pull reads, before those that have not settled. CloudTrail keeps 90 days.
    #[schemars(range(min = 1, max = 2_160))]
    pub lookback_hours: u32,
    /// Longest time slice of one lookup, in minutes. A slice with many events is split.
    #[schemars(range(min = 1, max = 60))]
    pub slice_minutes: u32,
    /// Name of the IAM role to assume in the other accounts of `coverage.accounts`. Absent: only the own account is
    /// pulled.
    #[schemars(with = "Option<formats::RoleName>", extend("examples" = ["OnlookerReadTrail"]))]
    pub role: Option<String>,
    /// Keep only events of watched principals.
    pub watched_only: bool,
}

impl LookupSettings {
    /// Seconds after an hour until its evidence is expected from either evidence source: the lag and two pulls.
    pub const fn settling_seconds(&self) -> u32 {
        let pulls = self.interval_seconds.saturating_mul(2);
        self.lag_minutes.saturating_mul(60).saturating_add(pulls)
    }
}

impl Default for LookupSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            interval_seconds: 300,
            lag_minutes: 15,
            lookback_hours: 24,
            slice_minutes: 15,
            role: None,
            watched_only: false,
        }
    }
}

/// Evidence that a trail delivers to S3.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeliverySettings {
    /// The hour from which the log files of the trail are the evidence. Before it, LookupEvents is. Absent:
    /// LookupEvents always is.
    #[schemars(example = "2027-01-01T00:00:00Z")]
    pub authoritative_from: Option<Time>,
}

/// How long the functions keep their records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSettings {
    /// Days for which the table keeps the records of runs, past statuses and resolved findings.
    #[schemars(range(min = 1, max = 3_650))]
    pub run_days: u32,
    /// Days for which the evidence of an hour is kept, as the lifecycle of the bucket has it. Absent: evidence is not removed.
    #[schemars(range(min = 4, max = 36_500), example = 400)]
    pub evidence_days: Option<u32>,
    /// Number of backups that the function `maintain` keeps in each destination.
    #[schemars(range(min = 1, max = 3_650))]
    pub backups_kept: u32,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self { run_days: 30, evidence_days: None, backups_kept: 30 }
    }
}
