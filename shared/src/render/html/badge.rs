//! Badges: the enums of a report as text with an icon and a color.
//!
//! Enters: the enums of a report. Leaves: [`Badge`]: a text, a meaning, a tone and an icon. Law: the tone never says
//! more than the text.

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

/// A text with a tone and an icon. `tone` is a CSS class: `bad`, `warn`, `good`, `note` or `none`; `icon` is the id
/// of a drawing, so that a state is visible without color.
#[derive(Clone, Copy, Debug)]
pub struct Badge {
    /// Text of the badge.
    pub text: &'static str,
    /// Meaning in a sentence; empty when the text says it.
    pub meaning: &'static str,
    /// CSS class of the badge's tone.
    pub tone: &'static str,
    /// Id of the drawing.
    pub icon: &'static str,
}

const fn badge(tone: &'static str, icon: &'static str, text: &'static str, meaning: &'static str) -> Badge {
    Badge { text, meaning, tone, icon }
}

/// The badge of a compliance status.
pub const fn status(status: Status) -> Badge {
    match status {
        Status::NonCompliant => badge(
            "bad",
            "cross",
            "Not compliant",
            "The evidence shows a call that a read-only principal may not make.",
        ),
        Status::InsufficientEvidence => badge(
            "warn",
            "gap",
            "Insufficient evidence",
            "Evidence that decides whether the principals are read-only is missing or uncertain.",
        ),
        Status::Compliant => badge(
            "good",
            "check",
            "Compliant",
            "Every call was read-only, denied or allowed by an override, and no evidence is missing.",
        ),
    }
}

/// The badge of a behavior.
pub const fn behavior(behavior: Behavior) -> Badge {
    let text = behavior.as_str();
    match behavior {
        Behavior::Wrote => badge("bad", "full", text, "Changed state."),
        Behavior::UsedPrivilege => {
            badge("bad", "full", text, "Decrypted, assumed a role or issued credentials; changed nothing.")
        }
        Behavior::Attempted => badge(
            "warn",
            "half",
            text,
            "Attempted calls that a read-only principal may not make; none succeeded.",
        ),
        Behavior::UnknownCalls => badge("warn", "ask", text, "Called unknown operations; nothing worse."),
        Behavior::ReadSecrets => badge("warn", "half", text, "Only read, including secrets."),
        Behavior::ReadData => badge("note", "ring", text, "Only read, including customer data."),
        Behavior::OnlyRead => badge("note", "ring", text, "Only read, and nothing sensitive."),
        Behavior::NoCalls => badge("none", "dash", text, "Appeared only in events that are not API calls."),
        Behavior::NotSeen => badge("none", "dash", text, "Did not appear in the evidence."),
    }
}

/// The badge of a behavior of a principal of which AWS may have denied calls: such a principal did not only read.
pub const fn behavior_of(of: Behavior, has_denied_calls: bool) -> Badge {
    match of {
        Behavior::OnlyRead if has_denied_calls => {
            badge("note", "ring", "read, some denied", "Made only reads; AWS denied some of them.")
        }
        _ => behavior(of),
    }
}

/// The badge of a severity.
pub const fn severity(severity: Severity) -> Badge {
    let text = severity.as_str();
    match severity {
        Severity::Critical => badge("bad", "full", text, "Review it now."),
        Severity::High => badge("bad", "full", text, "Review it today."),
        Severity::Medium => badge("warn", "half", text, "Review it this week."),
        Severity::Low => badge("note", "ring", text, "Review it when there is time."),
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
        ControlState::Fail => badge("bad", "cross", "Fail", "Findings fail the control."),
        ControlState::NoEvidence => badge("warn", "gap", "No evidence", "The evidence is not sufficient."),
        ControlState::Pass => badge(
            "good",
            "check",
            "Pass",
            "The required evidence is there, and no finding fails the control.",
        ),
    }
}

/// State of an event class.
pub const fn class_state(state: EventClassState) -> Badge {
    match state {
        EventClassState::Gap => badge(
            "bad",
            "gap",
            "Gap",
            "The class is expected, but not known to be logged in every account. Its calls are unknown.",
        ),
        EventClassState::Partial => badge(
            "warn",
            "half",
            "Partial",
            "An expected class of data or network events that is not known to be logged in every account and region.",
        ),
        EventClassState::Seen => {
            badge("good", "check", "Seen", "The evidence of every expected account holds such events.")
        }
        EventClassState::Selected => badge(
            "good",
            "check",
            "Selected",
            "The event selectors of the trails log the class in every expected account and region.",
        ),
        EventClassState::Configured => badge(
            "good",
            "check",
            "Configured",
            "The configuration says that the trail logs the class. Onlooker does not require an event that confirms this.",
        ),
        EventClassState::NotExpected => badge(
            "none",
            "dash",
            "Not expected",
            "The class is not expected, so the report claims nothing about it.",
        ),
    }
}

/// Type of an operation.
pub const fn operation_type(operation_type: OperationType) -> Badge {
    match operation_type {
        OperationType::Mutating => badge("bad", "full", "mutating", "changes state"),
        OperationType::Unknown => {
            badge("warn", "ask", "unknown", "not in the catalog, and not known to be read-only")
        }
        OperationType::Privileged => {
            badge("warn", "half", "privileged", "changes nothing, but is not read-only")
        }
        OperationType::ReadOnly => {
            badge("note", "ring", "read-only", "a read-only principal may make this call")
        }
    }
}

/// The badge of a call's outcome.
pub const fn outcome(outcome: Outcome) -> Badge {
    match outcome {
        Outcome::Succeeded => badge("none", "full", "succeeded", "no error"),
        Outcome::Failed => badge("none", "half", "failed", "an error other than a denial"),
        Outcome::Denied => badge("warn", "cross", "denied", "AWS denied the call for missing permissions"),
    }
}

/// Source of a classification.
pub const fn provenance(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::Override => "allowed by an override",
        Provenance::Catalog => "catalog",
        Provenance::RecordFlag => "record's readOnly flag",
        Provenance::Forwarded => "part of another call",
        Provenance::Pattern => "name pattern",
        Provenance::NonApiEvent => "not an API call",
        Provenance::None => "none",
    }
}

/// The name of an access level.
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
        "critical_calls" => "Calls that issue credentials, escalate privileges or expose resources",
        "writes" => "Writes that succeeded",
        "privileged_calls" => "Privileged calls that were not denied",
        "failed_writes" => "Writes that failed without a denial",
        "unknown_operations" => "Calls to unknown operations",
        "secret_reads" => "Reads of secrets",
        "root_uses" => "Uses of the root user",
        "denied_writes" => "Writes and privileged calls that AWS denied",
        "evidence_gaps" => "Gaps in the evidence",
        "data_reads" => "Reads of customer data",
        "outside_business_hours" => "Calls outside business hours",
        _ => return None,
    })
}
