//! The properties of an operation.
//!
//! Enters: nothing. Leaves: the vocabulary of every later stage: access level, operation type, whether it mutates,
//! capabilities and risk level. Law: the order of each enum is its severity, so the maximum of two values is the
//! stricter one.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Access level of an IAM action, as in the Service Authorization Reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AccessLevel {
    /// Lists resources without their content.
    List,
    /// Reads a resource or its content.
    Read,
    /// Changes tags only.
    Tagging,
    /// Creates, changes or deletes a resource.
    Write,
    /// Grants or changes permissions.
    PermissionsManagement,
}

impl AccessLevel {
    /// The name of the level at AWS, without spaces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::List => "List",
            Self::Read => "Read",
            Self::Tagging => "Tagging",
            Self::Write => "Write",
            Self::PermissionsManagement => "PermissionsManagement",
        }
    }
}

/// Whether a read-only principal may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationType {
    /// A read-only principal may call it.
    ReadOnly,
    /// Changes nothing but is not read-only: it decrypts, assumes a role or issues credentials.
    Privileged,
    /// What the operation does is not known. Never permitted.
    Unknown,
    /// Changes state.
    Mutating,
}

impl OperationType {
    /// The snake-case name used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read_only",
            Self::Privileged => "privileged",
            Self::Unknown => "unknown",
            Self::Mutating => "mutating",
        }
    }
}

/// Whether AWS would log the call with `readOnly=false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mutates {
    /// The operation changes nothing.
    No,
    /// Whether the operation changes state is not known.
    Unknown,
    /// The operation changes state.
    Yes,
}

impl Mutates {
    /// The word used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Unknown => "unknown",
            Self::Yes => "yes",
        }
    }
}

/// How much harm a call can do, by operation type, access level and capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RiskLevel {
    /// A read that does not return customer data or secrets.
    Low,
    /// A read of customer data, or a read that incurs cost.
    Medium,
    /// A change, a read of secrets, or an unknown operation.
    High,
    /// Issues credentials, escalates privileges, changes permissions or exposes a resource.
    Critical,
}

impl RiskLevel {
    /// The upper-case word used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

bitflags::bitflags! {
    /// What a call lets its caller do. A read can have capabilities too.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct Capabilities: u8 {
        /// The call changes state.
        const MUTATE = 1;
        /// The response contains customer data.
        const READ_DATA = 1 << 1;
        /// The response contains a secret, token or key.
        const READ_SECRETS = 1 << 2;
        /// The call issues new credentials to its caller.
        const ISSUE_CREDENTIALS = 1 << 3;
        /// The call runs code or commands.
        const RUN_CODE = 1 << 4;
        /// The call can give principals outside the account access to a resource.
        const EXPOSE_RESOURCE = 1 << 5;
        /// The call is a known step of privilege escalation.
        const PRIVILEGE_ESCALATION = 1 << 6;
        /// Each call incurs cost.
        const INCUR_COST = 1 << 7;
    }
}

impl Capabilities {
    const NAMES: [(Self, &'static str); 8] = [
        (Self::MUTATE, "mutate"),
        (Self::READ_DATA, "read_data"),
        (Self::READ_SECRETS, "read_secrets"),
        (Self::ISSUE_CREDENTIALS, "issue_credentials"),
        (Self::RUN_CODE, "run_code"),
        (Self::EXPOSE_RESOURCE, "expose_resource"),
        (Self::PRIVILEGE_ESCALATION, "privilege_escalation"),
        (Self::INCUR_COST, "incur_cost"),
    ];

    /// The snake-case names of the capabilities that are set, in a fixed order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }

    /// The capability with this snake-case name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(_, n)| *n == word).map(|(flag, _)| flag)
    }

    /// Whether the response contains customer data, secrets or credentials.
    pub const fn is_sensitive(self) -> bool {
        self.intersects(Self::READ_DATA.union(Self::READ_SECRETS).union(Self::ISSUE_CREDENTIALS))
    }
}

impl Serialize for Capabilities {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

impl<'de> Deserialize<'de> for Capabilities {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<String>::deserialize(deserializer)?.iter().try_fold(Self::empty(), |all, name| {
            Self::parse(name)
                .map(|flag| all | flag)
                .ok_or_else(|| serde::de::Error::custom(format!("unknown capability `{name}`")))
        })
    }
}

impl JsonSchema for Capabilities {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Capabilities".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "array",
            "description": "What a call lets its caller do.",
            "items": { "type": "string", "enum": Self::NAMES.map(|(_, name)| name) },
        })
    }
}

macro_rules! display_as_str {
    ($($name:ty),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    )+};
}
display_as_str!(AccessLevel, OperationType, Mutates, RiskLevel);
