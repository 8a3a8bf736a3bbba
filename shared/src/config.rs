//! What was promised, of whom, and what is expected of the evidence.
//!
//! Enters: `onlooker.toml` as text, `ONLOOKER_*` as pairs. Leaves: a validated [`Config`]. Law: a key that is not
//! known is refused; nothing is read and then ignored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Everything a run can be told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Control pack of the report.
    pub standard: Standard,
    /// Pack file for the standard `CUSTOM`, relative to the configuration file.
    pub standard_file: Option<String>,
    /// Catalog to use instead of the built-in one, relative to the configuration file.
    pub catalog: Option<String>,
    /// Principals that are promised to be read-only.
    pub watch: Vec<Watch>,
    /// ARN patterns that are never watched, whatever `watch` says.
    pub exempt: Vec<String>,
    /// What evidence is expected.
    pub coverage: Expected,
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
    pub limits: Limits,
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
    pub principal: String,
    /// Why it is watched, for the reader of the report.
    #[serde(default)]
    pub reason: Option<String>,
    /// A person never uses it: console use is a finding.
    #[serde(default)]
    pub machine: bool,
    /// Working hours of this principal instead of the general ones.
    #[serde(default)]
    pub business_hours: Option<BusinessHours>,
}

/// What evidence is expected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expected {
    /// Twelve-digit account ids. Empty: those the evidence contains.
    pub accounts: Vec<String>,
    /// Region names. Empty: per account, those the evidence contains.
    pub regions: Vec<String>,
    /// Event classes the promise is about: `management-read`, `management-write`, `data` (every resource type),
    /// `data:AWS::S3::Object`, `network`. Empty: management events and data events of every kind.
    pub event_classes: Vec<String>,
    /// Event classes the trail is known to log, in the same words. What is listed here counts as logged although
    /// the evidence holds no such event.
    pub logged: Vec<String>,
}

/// Weekly working hours in a time zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BusinessHours {
    /// IANA time zone, such as `Europe/Zurich`.
    pub time_zone: String,
    /// Working days: `mon` to `sun`.
    #[serde(default = "BusinessHours::weekdays")]
    pub days: Vec<Day>,
    /// First minute of the working day, `HH:MM`.
    pub start: String,
    /// First minute after the working day, `HH:MM`; earlier than `start` means past midnight.
    pub end: String,
}

/// Day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Day {
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
    fn weekdays() -> Vec<Day> {
        vec![Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri]
    }
}

/// When a count becomes a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Share of a principal's calls that may fail, in percent.
    pub error_rate: f64,
    /// Fewest calls of a principal before its error rate is judged.
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
    pub id: String,
    /// ARN pattern of the principals it is for.
    pub principal: String,
    /// `service:Operation`, with wildcards in the operation.
    pub operation: String,
    /// ARN pattern every resource of the call must match. Absent: any resource, also none.
    #[serde(default)]
    pub resource: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// Why it is allowed.
    pub reason: String,
    /// When it ends. An expired override is reported and not used.
    pub expires: Time,
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
pub struct Limits {
    /// Largest object after inflation, in MiB; a larger one is unreadable.
    pub object_mib: u64,
    /// Threads; 0 for one per core.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { object_mib: 1024, threads: 0 }
    }
}
