//! What the report's words mean to a reader, and how they look.
//!
//! Enters: the enums of a report. Leaves: [`Word`]: the term every output uses, plain English, and a tone. Law: the
//! tone never says more than the words beside it.

use crate::{
    classification::Provenance,
    controls::ControlState,
    coverage::EventClassState,
    event::{EventKind, Outcome},
    finding::Severity,
    operation::{AccessLevel, OperationType, RiskLevel},
    principal::PrincipalKind,
    report::Behavior,
    score::{RiskBand, Status},
};

/// A term with its looks. `tone` is a class of the style sheet: `bad`, `warn`, `good`, `note` or `none`; `sign` is the
/// id of a drawing, so that a state can be told without color.
#[derive(Clone, Copy, Debug)]
pub struct Badge {
    /// Plain English.
    pub text: &'static str,
    /// One sentence on what it claims; empty when the word says it.
    pub meaning: &'static str,
    /// Class of the style sheet.
    pub tone: &'static str,
    /// Drawing.
    pub icon: &'static str,
}

const fn badge(tone: &'static str, sign: &'static str, text: &'static str, means: &'static str) -> Badge {
    Badge { text, meaning: means, tone, icon: sign }
}

/// A status.
pub const fn status(status: Status) -> Badge {
    match status {
        Status::NonCompliant => badge("bad", "cross", "Not compliant", "The evidence breaks the promise."),
        Status::InsufficientEvidence => badge(
            "warn",
            "gap",
            "Insufficient evidence",
            "Something that could speak against the promise was not seen.",
        ),
        Status::Compliant => badge(
            "good",
            "check",
            "Compliant",
            "Nothing against the promise was found, and nothing that could hold it was missing.",
        ),
    }
}

/// A behavior.
pub const fn behavior(behavior: Behavior) -> Badge {
    let text = behavior.as_str();
    match behavior {
        Behavior::Wrote => badge("bad", "full", text, "Changed something."),
        Behavior::UsedPrivilege => {
            badge("bad", "full", text, "Decrypted, assumed a role or was given credentials; changed nothing.")
        }
        Behavior::Attempted => {
            badge("warn", "half", text, "Tried what a read-only principal may not do, and did not succeed.")
        }
        Behavior::UnknownCalls => {
            badge("warn", "ask", text, "Made calls nothing is known of, and nothing worse.")
        }
        Behavior::ReadSecrets => badge("warn", "half", text, "Only read, but what it read includes secrets."),
        Behavior::ReadData => badge("note", "ring", text, "Only read, also customer content."),
        Behavior::OnlyRead => badge("note", "ring", text, "Only read, and nothing it read was sensitive."),
        Behavior::NoCalls => badge("none", "dash", text, "Appeared only in events that are no API calls."),
        Behavior::NotSeen => badge("none", "dash", text, "Never appeared in the evidence."),
    }
}

/// A severity.
pub const fn severity(severity: Severity) -> Badge {
    let text = severity.as_str();
    match severity {
        Severity::Critical => badge("bad", "full", text, "Look at it now."),
        Severity::High => badge("bad", "full", text, "Look at it today."),
        Severity::Medium => badge("warn", "half", text, "Look at it this week."),
        Severity::Low => badge("note", "ring", text, "Look at it when there is time."),
        Severity::Info => badge("none", "ring", text, "Worth knowing."),
    }
}

/// Risk of a call.
pub const fn risk_level(risk: RiskLevel) -> Badge {
    let text = risk.as_str();
    match risk {
        RiskLevel::Critical | RiskLevel::High => badge("bad", "full", text, ""),
        RiskLevel::Medium => badge("warn", "half", text, ""),
        RiskLevel::Low => badge("none", "ring", text, ""),
    }
}

/// Band of a risk score.
pub const fn risk_band(band: RiskBand) -> Badge {
    let text = band.as_str();
    match band {
        RiskBand::High => badge("bad", "full", text, "above 70"),
        RiskBand::Medium => badge("warn", "half", text, "above 30, at most 70"),
        RiskBand::Low => badge("none", "ring", text, "at most 30"),
    }
}

/// State of a control.
pub const fn control_state(state: ControlState) -> Badge {
    match state {
        ControlState::Fail => badge("bad", "cross", "Fail", "Findings speak against it."),
        ControlState::NoEvidence => badge("warn", "gap", "No evidence", "The evidence does not suffice."),
        ControlState::Pass => {
            badge("good", "check", "Pass", "The evidence is complete, and nothing in it speaks against it.")
        }
    }
}

/// State of an event class.
pub const fn class_state(state: EventClassState) -> Badge {
    match state {
        EventClassState::Gap => badge(
            "bad",
            "gap",
            "Gap",
            "Expected, but nothing shows it was logged in every account. What happened in it is not known.",
        ),
        EventClassState::Partial => badge(
            "warn",
            "half",
            "Partial",
            "Belongs to an expected family; only some accounts' evidence holds such events.",
        ),
        EventClassState::Seen => {
            badge("good", "check", "Seen", "The evidence of every expected account holds events of it.")
        }
        EventClassState::Configured => badge(
            "good",
            "check",
            "Configured",
            "The configuration says the trail logs it. Onlooker took its word; no event has to confirm it.",
        ),
        EventClassState::NotExpected => {
            badge("none", "dash", "Not expected", "Not expected, so nothing is claimed about it.")
        }
    }
}

/// Type of an operation.
pub const fn operation_type(operation_type: OperationType) -> Badge {
    match operation_type {
        OperationType::Mutating => badge("bad", "full", "mutating", "changes state"),
        OperationType::Unknown => badge("warn", "ask", "unknown", "nothing known says what it does"),
        OperationType::Privileged => {
            badge("warn", "half", "privileged", "changes nothing, yet is not a read")
        }
        OperationType::ReadOnly => badge("note", "ring", "read-only", "a read-only principal may make it"),
    }
}

/// An outcome.
pub const fn outcome(outcome: Outcome) -> Badge {
    match outcome {
        Outcome::Succeeded => badge("none", "full", "succeeded", "no error"),
        Outcome::Failed => badge("none", "half", "failed", "an error other than a refusal"),
        Outcome::Denied => badge("warn", "cross", "denied", "AWS refused it for want of permission"),
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
pub const fn principal_kind(kind: PrincipalKind) -> &'static str {
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
pub const fn event_kind(kind: EventKind) -> &'static str {
    match kind {
        EventKind::ApiCall => "API call",
        EventKind::SignIn => "sign-in",
        EventKind::ServiceEvent => "service event",
        EventKind::ConsoleAction => "console action",
    }
}

/// A part of the risk score; `None` for a name this page does not know.
pub fn risk_component(name: &str) -> Option<&'static str> {
    Some(match name {
        "critical_calls" => "Calls that mint credentials, escalate or share outward",
        "writes" => "Writes that succeeded",
        "privileged_calls" => "Privileged calls that were not refused",
        "failed_writes" => "Writes that failed without being refused",
        "unknown_operations" => "Calls to unknown operations",
        "secret_reads" => "Reads of secrets",
        "root_use" => "Uses of the root user",
        "denied_writes" => "Writes and privileged calls that AWS refused",
        "evidence_gaps" => "Holes in the evidence",
        "data_reads" => "Reads of customer content",
        "outside_business_hours" => "Calls outside business hours",
        _ => return None,
    })
}
