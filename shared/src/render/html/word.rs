//! What the report's words mean to a reader, and how they look.
//!
//! Enters: the enums of a report. Leaves: [`Word`]: the term every output uses, plain English, and a tone. Law: the
//! tone never says more than the words beside it.

use crate::{
    coverage::ClassState,
    event::{EventKind, Outcome},
    finding::Severity,
    operation::{AccessLevel, OperationType, RiskLevel},
    principal::PrincipalKind,
    report::Behaviour,
    score::{RiskBand, Status},
    standard::ControlState,
    verdict::Provenance,
};

/// A term with its looks. `tone` is a class of the style sheet: `bad`, `warn`, `good`, `note` or `none`; `sign` is the
/// id of a drawing, so that a state can be told without colour.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// Plain English.
    pub text: &'static str,
    /// One sentence on what it claims; empty when the word says it.
    pub means: &'static str,
    /// Class of the style sheet.
    pub tone: &'static str,
    /// Drawing.
    pub sign: &'static str,
}

const fn word(tone: &'static str, sign: &'static str, text: &'static str, means: &'static str) -> Word {
    Word { text, means, tone, sign }
}

/// A status.
pub const fn status(status: Status) -> Word {
    match status {
        Status::NonCompliant => word("bad", "cross", "Not compliant", "The evidence breaks the promise."),
        Status::InsufficientEvidence => word(
            "warn",
            "gap",
            "Insufficient evidence",
            "Something that could speak against the promise was not seen.",
        ),
        Status::Compliant => word(
            "good",
            "check",
            "Compliant",
            "Nothing against the promise was found, and nothing that could hold it was missing.",
        ),
    }
}

/// A behaviour.
pub const fn behaviour(behaviour: Behaviour) -> Word {
    let text = behaviour.as_str();
    match behaviour {
        Behaviour::Wrote => word("bad", "full", text, "Changed something."),
        Behaviour::UsedPrivilege => {
            word("bad", "full", text, "Decrypted, assumed a role or was given credentials; changed nothing.")
        }
        Behaviour::Tried => {
            word("warn", "half", text, "Tried what a read-only principal may not do, and did not succeed.")
        }
        Behaviour::Unknown => word("warn", "ask", text, "Made calls nothing is known of, and nothing worse."),
        Behaviour::ReadSecrets => word("warn", "half", text, "Only read, but what it read includes secrets."),
        Behaviour::ReadData => word("note", "ring", text, "Only read, also customer content."),
        Behaviour::OnlyLooked => word("note", "ring", text, "Only read, and nothing it read was sensitive."),
        Behaviour::NoCalls => word("none", "dash", text, "Appeared only in events that are no API calls."),
        Behaviour::NotSeen => word("none", "dash", text, "Never appeared in the evidence."),
    }
}

/// A severity.
pub const fn severity(severity: Severity) -> Word {
    let text = severity.as_str();
    match severity {
        Severity::Critical => word("bad", "full", text, "Look at it now."),
        Severity::High => word("bad", "full", text, "Look at it today."),
        Severity::Medium => word("warn", "half", text, "Look at it this week."),
        Severity::Low => word("note", "ring", text, "Look at it when there is time."),
        Severity::Info => word("none", "ring", text, "Worth knowing."),
    }
}

/// Risk of a call.
pub const fn risk(risk: RiskLevel) -> Word {
    let text = risk.as_str();
    match risk {
        RiskLevel::Critical | RiskLevel::High => word("bad", "full", text, ""),
        RiskLevel::Medium => word("warn", "half", text, ""),
        RiskLevel::Low => word("none", "ring", text, ""),
    }
}

/// Band of a risk score.
pub const fn band(band: RiskBand) -> Word {
    let text = band.as_str();
    match band {
        RiskBand::High => word("bad", "full", text, "above 70"),
        RiskBand::Medium => word("warn", "half", text, "above 30, at most 70"),
        RiskBand::Low => word("none", "ring", text, "at most 30"),
    }
}

/// State of a control.
pub const fn control(state: ControlState) -> Word {
    match state {
        ControlState::Fail => word("bad", "cross", "Fail", "Findings speak against it."),
        ControlState::NoEvidence => word("warn", "gap", "No evidence", "The evidence does not suffice."),
        ControlState::Pass => {
            word("good", "check", "Pass", "The evidence is complete, and nothing in it speaks against it.")
        }
    }
}

/// State of an event class.
pub const fn class(state: ClassState) -> Word {
    match state {
        ClassState::Gap => word(
            "bad",
            "gap",
            "Gap",
            "Expected, but nothing shows it was logged in every account. What happened in it is not known.",
        ),
        ClassState::Partial => word(
            "warn",
            "half",
            "Partial",
            "Belongs to an expected family; only some accounts' evidence holds such events.",
        ),
        ClassState::Seen => {
            word("good", "check", "Seen", "The evidence of every expected account holds events of it.")
        }
        ClassState::Configured => word(
            "good",
            "check",
            "Configured",
            "The configuration says the trail logs it. Onlooker took its word; no event has to confirm it.",
        ),
        ClassState::NotExpected => {
            word("none", "dash", "Not expected", "Not expected, so nothing is claimed about it.")
        }
    }
}

/// Type of an operation.
pub const fn operation_type(operation_type: OperationType) -> Word {
    match operation_type {
        OperationType::Mutating => word("bad", "full", "mutating", "changes state"),
        OperationType::Unknown => word("warn", "ask", "unknown", "nothing known says what it does"),
        OperationType::Privileged => word("warn", "half", "privileged", "changes nothing, yet is not a read"),
        OperationType::ReadOnly => word("note", "ring", "read-only", "a read-only principal may make it"),
    }
}

/// An outcome.
pub const fn outcome(outcome: Outcome) -> Word {
    match outcome {
        Outcome::Succeeded => word("none", "full", "succeeded", "no error"),
        Outcome::Failed => word("none", "half", "failed", "an error other than a refusal"),
        Outcome::Denied => word("warn", "cross", "denied", "AWS refused it for want of permission"),
    }
}

/// Where a verdict comes from.
pub const fn provenance(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::Override => "override",
        Provenance::Catalog => "catalog",
        Provenance::RecordFlag => "record's readOnly flag",
        Provenance::Forwarded => "part of another call",
        Provenance::Pattern => "name pattern",
        Provenance::NonApiEvent => "no API call",
        Provenance::None => "none",
    }
}

/// An access level.
pub const fn access_level(level: AccessLevel) -> &'static str {
    match level {
        AccessLevel::PermissionsManagement => "Permissions management",
        other => other.as_str(),
    }
}

/// A kind of principal.
pub const fn kind(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::Root => "root user",
        PrincipalKind::IamUser => "IAM user",
        PrincipalKind::Role => "IAM role",
        PrincipalKind::FederatedUser => "federated user",
        PrincipalKind::SamlUser => "SAML user",
        PrincipalKind::WebIdentityUser => "web identity user",
        PrincipalKind::IdentityCenterUser => "Identity Center user",
        PrincipalKind::AwsService => "AWS service",
        PrincipalKind::AwsAccount => "AWS account",
        PrincipalKind::Anonymous => "anonymous",
        PrincipalKind::Unknown => "unknown kind",
    }
}

/// A kind of record.
pub const fn event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::ApiCall => "API call",
        EventKind::SignIn => "sign-in",
        EventKind::ServiceEvent => "service event",
        EventKind::ConsoleAction => "console action",
    }
}

/// A part of the risk score; `None` for a name this page does not know.
pub fn component(name: &str) -> Option<&'static str> {
    Some(match name {
        "critical_calls" => "Calls that mint credentials, escalate or share outward",
        "writes" => "Writes that succeeded",
        "privileged_calls" => "Privileged calls that were not refused",
        "writes_not_refused" => "Writes that failed without being refused",
        "unknown_operations" => "Calls to unknown operations",
        "secret_reads" => "Reads of secrets",
        "root_use" => "Uses of the root user",
        "refused_writes" => "Writes and privileged calls that AWS refused",
        "evidence_holes" => "Holes in the evidence",
        "data_reads" => "Reads of customer content",
        "outside_business_hours" => "Calls outside business hours",
        _ => return None,
    })
}
