//! The facts of one operation in the catalog, and their four-byte form.
//!
//! Enters: a packed word. Leaves: [`CatalogFacts`]. Laws: unpacking reverses packing; when two sets of facts are
//! joined, the stricter value of each axis is kept.

use crate::operation::{AccessLevel, Capabilities, Mutates, OperationType};

/// What a catalog key names; one key can name several things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKinds {
    /// An IAM action, which a policy can name.
    pub action: bool,
    /// An API operation of an SDK.
    pub operation: bool,
    /// A CloudTrail event that is not an API call: a sign-in or a service event.
    pub non_api_event: bool,
}

/// The facts of one operation, without its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CatalogFacts {
    /// AWS access level, after corrections; none for an event that is not an API call.
    pub access_level: Option<AccessLevel>,
    /// Whether a read-only principal may call it.
    pub operation_type: OperationType,
    /// Whether AWS would log it with `readOnly=false`.
    pub mutates: Mutates,
    /// What the operation allows its caller to do.
    pub capabilities: Capabilities,
    /// Whether the sources disagree with each other or with this classification.
    pub source_conflict: bool,
    /// What the name stands for: an IAM action, an API operation, or an event that is not an API call.
    pub kinds: EntryKinds,
}

impl CatalogFacts {
    /// Joins two sets of facts: the stricter value of each axis, and all capabilities and kinds.
    ///
    /// An operation takes precedence over an event of the same name that is not an API call.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        match (self.is_event_only(), other.is_event_only()) {
            (true, false) => return other,
            (false, true) => return self,
            _ => {}
        }
        Self {
            access_level: self.access_level.max(other.access_level),
            operation_type: self.operation_type.max(other.operation_type),
            mutates: self.mutates.max(other.mutates),
            capabilities: self.capabilities | other.capabilities,
            source_conflict: self.source_conflict
                || other.source_conflict
                || self.operation_type != other.operation_type,
            kinds: EntryKinds {
                action: self.kinds.action || other.kinds.action,
                operation: self.kinds.operation || other.kinds.operation,
                non_api_event: self.kinds.non_api_event || other.kinds.non_api_event,
            },
        }
    }

    /// Whether the key names only an event, which a caller cannot call.
    pub const fn is_event_only(&self) -> bool {
        self.kinds.non_api_event && !self.kinds.action && !self.kinds.operation
    }

    /// The facts in one word: level 3 bits, type 2, mutates 2, capabilities 8, source conflict 1, kinds 3.
    pub fn pack(&self) -> u32 {
        let level = match self.access_level {
            None => 0,
            Some(AccessLevel::List) => 1,
            Some(AccessLevel::Read) => 2,
            Some(AccessLevel::Tagging) => 3,
            Some(AccessLevel::Write) => 4,
            Some(AccessLevel::PermissionsManagement) => 5,
        };
        let kind = match self.operation_type {
            OperationType::ReadOnly => 0,
            OperationType::Privileged => 1,
            OperationType::Unknown => 2,
            OperationType::Mutating => 3,
        };
        let mutates = match self.mutates {
            Mutates::No => 0,
            Mutates::Unknown => 1,
            Mutates::Yes => 2,
        };
        level
            | kind << 3
            | mutates << 5
            | u32::from(self.capabilities.bits()) << 7
            | u32::from(self.source_conflict) << 15
            | u32::from(self.kinds.action) << 16
            | u32::from(self.kinds.operation) << 17
            | u32::from(self.kinds.non_api_event) << 18
    }

    /// The facts of a packed word; `None` for a word that encodes no valid facts.
    pub fn unpack(word: u32) -> Option<Self> {
        let access_level = match word & 7 {
            0 => None,
            1 => Some(AccessLevel::List),
            2 => Some(AccessLevel::Read),
            3 => Some(AccessLevel::Tagging),
            4 => Some(AccessLevel::Write),
            5 => Some(AccessLevel::PermissionsManagement),
            _ => return None,
        };
        let operation_type = match word >> 3 & 3 {
            0 => OperationType::ReadOnly,
            1 => OperationType::Privileged,
            2 => OperationType::Unknown,
            _ => OperationType::Mutating,
        };
        let mutates = match word >> 5 & 3 {
            0 => Mutates::No,
            1 => Mutates::Unknown,
            2 => Mutates::Yes,
            _ => return None,
        };
        let [low, _, _, _] = (word >> 7).to_le_bytes();
        let bit = |position: u32| word >> position & 1 == 1;
        (word >> 19 == 0).then_some(Self {
            access_level,
            operation_type,
            mutates,
            capabilities: Capabilities::from_bits_retain(low),
            source_conflict: bit(15),
            kinds: EntryKinds { action: bit(16), operation: bit(17), non_api_event: bit(18) },
        })
    }
}

/// One operation of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogEntry {
    /// The catalog service of the operation, in most cases its IAM prefix.
    pub service: String,
    /// Name of the operation in the spelling of AWS.
    pub name: String,
    /// What the catalog says about the operation.
    pub facts: CatalogFacts,
    /// Row of the operation in the rationale table.
    pub row: u32,
}

impl CatalogEntry {
    /// Key of the operation in the catalog: `service:Name`.
    pub fn key(&self) -> String {
        format!("{}:{}", self.service, self.name)
    }
}
