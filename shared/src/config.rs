//! What was promised, of whom, and what is expected of the evidence.
//!
//! Enters: `onlooker.toml` as text, `ONLOOKER_*` as pairs. Leaves: a validated [`Config`]. Law: a key that is not
//! known is refused; nothing is read and then ignored.

mod arn;
mod calendar;
mod consistency;
mod diagnostic;
mod event_class;
mod formats;
mod overrides;
pub mod own_roles;
mod reader;
mod schema;
mod standard;
mod template;
#[cfg(test)]
mod tests;
mod tree;
mod variables;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    calendar::BusinessCalendar,
    diagnostic::{ConfigError, ConfigLocation, ConfigProblem, Diagnostic},
    event_class::EventClassPattern,
    formats::{account, log_filter, region},
    overrides::OverrideMatch,
    schema::schema,
    template::template,
    variables::{EnvVariable, RESERVED_VARIABLES, variables},
};
use crate::{pattern::matches, principal::Principal, record::Fingerprint, time::Time};

/// Everything a run can be told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Control pack of the report.
    pub standard: Standard,
    /// Pack file for the standard `CUSTOM`, relative to the configuration file.
    #[schemars(with = "Option<formats::FileName>", example = "docs/packs/gcc-2-0.toml")]
    pub standard_file: Option<String>,
    /// Catalog to use instead of the built-in one, relative to the configuration file.
    #[schemars(with = "Option<formats::FileName>", example = "catalog.bin")]
    pub catalog: Option<String>,
    /// Principals that are promised to be read-only.
    pub watch: Vec<Watch>,
    /// ARN patterns that are never watched, whatever `watch` says.
    #[schemars(with = "Vec<formats::PrincipalPattern>", extend("examples" = [["arn:aws:iam::*:role/break-glass"]]))]
    pub exempt: Vec<String>,
    /// What evidence is expected.
    pub coverage: ExpectedCoverage,
    /// When people work; activity of watched principals outside is a finding. Absent: not checked.
    pub business_hours: Option<BusinessHours>,
    /// When a count becomes a finding.
    pub thresholds: Thresholds,
    /// Calls that are allowed although they are not read-only.
    #[serde(rename = "override")]
    pub overrides: Vec<Override>,
    /// What must not appear in reports.
    pub redaction: Redaction,
    /// What an input may cost.
    pub limits: InputLimits,
    /// How evidence is pulled from CloudTrail's event history (LookupEvents).
    pub lookup: LookupSettings,
    /// How evidence is delivered by a trail to S3.
    pub delivery: DeliverySettings,
    /// How long the functions remember.
    pub retention: RetentionSettings,
    /// How permissions are checked.
    pub permissions: PermissionCheckSettings,
}

impl Config {
    /// Reads a configuration: the text of a file under its name, if there is one, and variables, which win.
    /// Every problem is told at once.
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

    /// Reads the text of a file. `file` is its name, for errors.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, ConfigError> {
        Self::read(Some((file, text)), [])
    }

    /// Puts `ONLOOKER_*` variables over this configuration and checks the result, leaving it alone on error. Other
    /// variables are passed over; an empty one counts as not set; a list replaces the whole list.
    pub fn apply_variables(
        &mut self,
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), ConfigError> {
        let written = serde_json::to_value(&*self).unwrap_or_default();
        *self = Self::from_tree(
            tree::ConfigNode::from_json(&written, "").unwrap_or_else(tree::ConfigNode::empty),
            vars,
        )?;
        Ok(())
    }

    /// Checks a configuration that was changed since it was read, such as by options of the command line.
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

    /// What of it the result of a report depends on, besides the evidence: how the evidence is come by is no part of what
    /// was asked.
    #[must_use]
    pub fn without_operational_settings(&self) -> Self {
        Self {
            limits: InputLimits { threads: 0, ..self.limits.clone() },
            lookup: LookupSettings::default(),
            delivery: DeliverySettings::default(),
            retention: RetentionSettings::default(),
            ..self.clone()
        }
    }

    /// This configuration as TOML that reads back as the same.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// The promise about a principal: of those that match, the one with the most literal characters, and of equal ones
    /// the first; none if one of the exemptions matches. A role whose path the record does not give matches a pattern
    /// with a path too, since role names are unique within an account.
    pub fn watch_for(&self, principal: &Principal) -> Option<&Watch> {
        self.watch_for_arn(&principal.arn)
    }

    /// Stands for whom it watches: equal for equal patterns and exemptions, whatever else it says.
    pub fn watch_fingerprint(&self) -> Fingerprint {
        let patterns: BTreeSet<&str> = self.watch.iter().map(|watch| &*watch.principal).collect();
        let exempt: BTreeSet<&str> = self.exempt.iter().map(|pattern| &**pattern).collect();
        let texts = patterns.into_iter().chain(["but not"]).chain(exempt);
        Fingerprint::of("watches", &texts.map(str::as_bytes).collect::<Vec<_>>())
    }

    /// The promise about a principal of this ARN.
    pub fn watch_for_arn(&self, arn: &str) -> Option<&Watch> {
        let is_exempt = || self.exempt.iter().any(|pattern| matches(pattern, arn));
        let bare = arn.split_once(":role/").is_some_and(|(_, name)| !name.contains('/'));
        let about = |watch: &&Watch| {
            let pattern = &watch.principal;
            matches(pattern, arn) || bare && without_path(pattern).is_some_and(|bare| matches(&bare, arn))
        };
        let literal = |watch: &Watch| watch.principal.chars().filter(|c| !matches!(c, '*' | '?')).count();
        // The last of equal ones wins in `max_by_key`, so they are looked at from the end.
        self.watch.iter().rev().filter(about).max_by_key(|watch| literal(watch)).filter(|_| !is_exempt())
    }
}

/// The pattern of a role with a path, without the path; none when nothing of the name is certain.
fn without_path(pattern: &str) -> Option<String> {
    let (before, role) = pattern.split_once(":role/")?;
    let (_, name) = role.rsplit_once('/')?;
    name.contains(|c: char| c.is_ascii_alphanumeric()).then(|| format!("{before}:role/{name}"))
}

impl Watch {
    /// A promise about the principals a pattern matches; refused if it could match none.
    pub fn new(pattern: &str) -> Result<Self, Diagnostic> {
        arn::principal(pattern)?;
        let principal = pattern.to_owned();
        Ok(Self { principal, reason: None, machine: false, business_hours: None, is_own_role: false })
    }
}

/// Standard whose controls the report answers.
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
    /// The user's own pack.
    Custom,
}

/// One promise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// ARN of a user, role or root, with `*` and `?` as wildcards.
    #[schemars(with = "formats::PrincipalPattern", example = "arn:aws:iam::*:role/Auditor")]
    pub principal: String,
    /// Why it is watched, for the reader of the report.
    #[serde(default)]
    #[schemars(with = "Option<formats::SingleLine>", example = "promised to the auditors in writing")]
    pub reason: Option<String>,
    /// A person never uses it: console use is a finding.
    #[serde(default)]
    #[schemars(example = true)]
    pub machine: bool,
    /// Working hours of this principal instead of the general ones.
    #[serde(default)]
    pub business_hours: Option<BusinessHours>,
    /// It is of one of Onlooker's own roles; no configuration can say so.
    #[serde(skip)]
    pub is_own_role: bool,
}

/// What evidence is expected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedCoverage {
    /// Twelve-digit account ids. Empty: those the evidence contains.
    #[schemars(with = "Vec<formats::AccountId>", extend("examples" = [["111122223333"]]))]
    pub accounts: Vec<String>,
    /// Region names. Empty: per account, those the evidence contains.
    #[schemars(with = "Vec<formats::RegionName>", extend("examples" = [["eu-central-1", "us-east-1"]]))]
    pub regions: Vec<String>,
    /// Event classes the promise is about: `management-read`, `management-write`, `data` (every resource type),
    /// `data:AWS::S3::Object`, `network`. Empty: management events and data events of every kind.
    #[schemars(with = "Vec<formats::EventClassName>", extend("examples" = [["management-read", "management-write", "data:AWS::S3::Object"]]))]
    pub event_classes: Vec<String>,
    /// Event classes the trail is known to log, in the same words. What is listed here counts as logged although
    /// the evidence holds no such event.
    #[schemars(with = "Vec<formats::EventClassName>", extend("examples" = [["management-read", "management-write"]]))]
    pub logged: Vec<String>,
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
    /// First minute after the working day, `HH:MM`, `24:00` for the end of the day; earlier than `start` means past midnight.
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

/// When a count becomes a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Share of a principal's calls that may fail, in percent.
    #[schemars(range(min = 0, max = 100))]
    pub error_rate: f64,
    /// Fewest calls of a principal before its error rate is judged.
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
    /// Name to remove it by.
    #[schemars(with = "formats::OverrideId", example = "session-manager")]
    pub id: String,
    /// ARN pattern of the principals it is for.
    #[schemars(with = "formats::PrincipalPattern", example = "arn:aws:iam::111122223333:role/Auditor")]
    pub principal: String,
    /// `service:Operation`, with wildcards in the operation.
    #[schemars(with = "formats::OperationPattern", example = "ssm:StartSession")]
    pub operation: String,
    /// ARN pattern every resource of the call must match. Absent: any resource, also none.
    #[serde(default)]
    #[schemars(with = "Option<formats::ArnPattern>", example = "arn:aws:ssm:*:111122223333:document/Audit*")]
    pub resource: Option<String>,
    /// Who answers for it.
    #[schemars(with = "formats::SingleLine", example = "security@example.com")]
    pub owner: String,
    /// Why it is allowed.
    #[schemars(with = "formats::SingleLine", example = "looks at hosts through a read-only document")]
    pub reason: String,
    /// When it ends. An expired override is reported and not used.
    #[schemars(example = "2027-01-31T00:00:00Z")]
    pub expires: Time,
}

/// How permissions are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PermissionCheckSettings {
    /// Reads that have to work, as `service:Operation`.
    #[schemars(with = "Vec<formats::OperationPattern>")]
    pub reads: Vec<String>,
    /// Whether IAM's policy simulator is asked for a second opinion.
    pub simulate: bool,
}

impl Default for PermissionCheckSettings {
    fn default() -> Self {
        let reads = ["sts:GetCallerIdentity", "ec2:DescribeRegions", "s3:ListBuckets"];
        Self { reads: reads.map(str::to_owned).to_vec(), simulate: true }
    }
}

/// What must not appear in reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Redaction {
    /// Replace session names and on-behalf-of identities by a short hash.
    pub sessions: bool,
    /// Replace account ids by a short hash.
    pub accounts: bool,
}

/// What an input may cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InputLimits {
    /// Largest object after inflation, in MiB; a larger one is unreadable.
    #[schemars(range(min = 1, max = 65_536))]
    pub log_file_mib: u64,
    /// Threads; 0 for one per core.
    #[schemars(range(min = 0, max = 1_024))]
    pub threads: usize,
}

impl Default for InputLimits {
    fn default() -> Self {
        Self { log_file_mib: 1024, threads: 0 }
    }
}

/// How evidence is pulled from CloudTrail's event history (LookupEvents).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LookupSettings {
    /// Whether it is pulled at all. What it would have shown is missing then, and reports say so.
    pub enabled: bool,
    /// Seconds from one pull to the next.
    #[schemars(range(min = 60, max = 86_400))]
    pub interval_seconds: u32,
    /// Minutes CloudTrail is given to deliver an event before its time counts as looked up.
    #[schemars(range(min = 1, max = 1_440))]
    pub lag_minutes: u32,
    /// Hours before now at which the first pull begins; CloudTrail keeps 90 days.
    #[schemars(range(min = 1, max = 2_160))]
    pub lookback_hours: u32,
    /// Longest slice of time looked up at once, in minutes; a busy one is split.
    #[schemars(range(min = 1, max = 60))]
    pub slice_minutes: u32,
    /// Name of the IAM role to assume in the other accounts of `coverage.accounts`. Absent: only the own account is
    /// pulled.
    #[schemars(with = "Option<formats::RoleName>", extend("examples" = ["OnlookerReadTrail"]))]
    pub role: Option<String>,
    /// Keep events of watched principals only.
    pub watched_only: bool,
}

impl LookupSettings {
    /// Seconds after an hour until its evidence has had time to come, by whichever lane: the lag, and two pulls.
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

/// How evidence is delivered by a trail to S3.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeliverySettings {
    /// The hour from which log objects of the trail count; before it LookupEvents counts, never both. Absent:
    /// LookupEvents always.
    #[schemars(example = "2027-01-01T00:00:00Z")]
    pub authoritative_from: Option<Time>,
}

/// How long the functions remember.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSettings {
    /// Days the records of runs, past statuses and resolved findings are kept in the table.
    #[schemars(range(min = 1, max = 3_650))]
    pub run_days: u32,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self { run_days: 30 }
    }
}
