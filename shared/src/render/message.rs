//! The text of notifications: a subject line and a few lines of text.
//!
//! Enters: an [`Alert`], a digest of alerts, an [`OperationalAlert`], a [`StatusChange`] or a [`PermissionsAssessment`]. Leaves: a
//! [`Notification`]. Laws: a
//! subject is printable ASCII, at most 99 characters, and begins with a fixed word, as SNS requires (Publish: "less
//! than 100 characters"); a value from a record has no space in a subject, so that no value imitates fixed text; in
//! the text a value is one line without a hidden character and without a URL that a mail program would turn into a
//! link; details are valid by the schemas in `docs/alert.schema.json`, `docs/alert-digest.schema.json`,
//! `docs/operational-alert.schema.json`, `docs/status.schema.json`, `docs/over-privileged.schema.json` and
//! `docs/report-issued.schema.json`.

use serde::Serialize;

use super::{escape::is_shell_word, json::escape_json};
use crate::{
    alert::{Alert, AlertDigest, OperationalAlert},
    current_status::{FindingBrief, ReportBrief, ReportIssued, StatusChange, StatusSubject},
    escape::escape_hidden,
    event::Outcome,
    finding::{Severity, phrases},
    operation::RiskLevel,
    permissions::{
        CheckStatus, OVER_PRIVILEGED_VERSION, OverPrivilegedPrincipal, PermissionsAssessment,
        PrincipalIdentity,
    },
    ports::Notification,
    record::Fingerprint,
    score::Status,
    time::Time,
};

/// Detail type of an alert.
pub const ALERT_KIND: &str = "Read-Only Violation Detected";

/// Detail type of an alert about a change of logging.
pub const LOGGING_KIND: &str = "Logging Changed";

/// Detail type of a status change.
pub const STATUS_KIND: &str = "Read-Only Status Changed";

/// Detail type of a reminder: the status is not compliant and did not change.
pub const REMINDER_KIND: &str = "Read-Only Status Reminder";

/// Detail type of an over-privileged principal.
pub const PERMISSIONS_KIND: &str = "Read-Only Principal Over-Privileged";

/// Detail type of the event about a new revision of a report.
pub const REPORT_KIND: &str = "Read-Only Report Issued";

/// Detail type of a digest of alerts.
pub const DIGEST_KIND: &str = "Alert Digest";

/// Detail type of an alert about Onlooker itself.
pub const OPERATIONAL_KIND: &str = "Operational Alert";

/// Grants and paths that a text lists.
const MAX_EXAMPLES: usize = 5;

/// Longest subject, in characters.
pub const MAX_SUBJECT_CHARS: usize = 99;

/// Number of characters of a value in a text.
const MAX_VALUE_CHARS: usize = 400;

/// The notification of an alert.
///
/// # Errors
/// When the alert cannot be written as JSON.
pub fn alert(alert: &Alert) -> Result<Notification, serde_json::Error> {
    let name = alert.principal.rsplit(':').next().unwrap_or_default();
    let subject = format!(
        "{} {}: {} by {} in {} ({})",
        alert.severity.as_str(),
        alert.rule_id,
        subject_word(&alert.operation, 40),
        subject_word(name, 28),
        subject_word(&alert.account, 14),
        outcome_word(alert.outcome),
    );
    let mut outcome = outcome_word(alert.outcome).to_owned();
    if let Some(code) = &alert.error_code {
        outcome = format!("{outcome}, {}", text_value(code));
    }
    if let Some(policy) = alert.denied_by {
        outcome = format!("{outcome}, by {}", policy.with_article());
    }
    let mut text = MessageText::of(&alert.title);
    text.line("Severity", alert.severity.as_str());
    text.line("Principal", &text_value(&alert.principal));
    text.optional("Session", alert.session_name.as_deref());
    text.optional("Watched as", alert.watch_pattern.as_deref());
    text.optional("Because", alert.watch_reason.as_deref());
    let kind = alert.operation_type.as_str().replace('_', "-");
    let risk = alert.risk_level.as_str();
    text.line("Operation", &format!("{} ({kind}, risk {risk})", text_value(&alert.operation)));
    text.line("Outcome", &outcome);
    text.line("Time", &alert.time.to_string());
    text.line("Account", &text_value(&alert.account));
    text.line("Region", &text_value(&alert.region));
    for resource in &alert.resources {
        text.line("Resource", &text_value(resource));
    }
    for origin in &alert.origins {
        text.line("From", &text_value(&phrases::origin(origin)));
    }
    text.line("Event id", &alert.event_id);
    text.paragraph(&text_value(&alert.description));
    text.paragraph(&text_value(&alert.recommendation));
    text.paragraph("An alert is about one event as it was delivered. The reports hold the proof.");
    let severity = match alert.severity {
        Severity::Info | Severity::Low => RiskLevel::Low,
        Severity::Medium => RiskLevel::Medium,
        Severity::High => RiskLevel::High,
        Severity::Critical => RiskLevel::Critical,
    };
    let kind = if alert.watch_pattern.is_some() { ALERT_KIND } else { LOGGING_KIND };
    let notification = notification(alert.id.clone(), kind, severity, &subject, text, alert)?;
    Ok(Notification { deduplication_key: alert.finding_fingerprint.clone(), ..notification })
}

/// The notification of a digest. `id` is the same for the same alerts.
///
/// # Errors
/// When the digest cannot be written as JSON.
pub fn digest(id: String, digest: &AlertDigest) -> Result<Notification, serde_json::Error> {
    let count = digest.alerts.len();
    let alerts = if count == 1 { "alert" } else { "alerts" };
    let severity = digest.severity.as_str();
    let subject = format!("{severity} digest: {count} {alerts} from {} to {}", digest.since, digest.until);
    let mut text = MessageText::of(&format!("{count} {alerts} from {} to {}", digest.since, digest.until));
    for entry in &digest.alerts {
        // A subject begins with the severity, and is safe in a text of one line.
        text.line(&entry.collected_at.to_string(), &text_value(&entry.subject));
    }
    text.paragraph("The event bus and generic webhooks have the whole alerts. The reports hold the proof.");
    notification(id, DIGEST_KIND, digest.severity, &subject, text, digest)
}

/// The notification of an alert about Onlooker itself.
///
/// # Errors
/// When the alert cannot be written as JSON.
pub fn operational_alert(alert: &OperationalAlert) -> Result<Notification, serde_json::Error> {
    let words: Vec<String> = alert.title.split_whitespace().map(|word| subject_word(word, 60)).collect();
    let subject = format!("{} operation: {}", alert.severity.as_str(), words.join(" "));
    let mut text = MessageText::of(&alert.title);
    text.line("Severity", alert.severity.as_str());
    text.line("Time", &alert.time.to_string());
    text.paragraph_line("");
    for line in alert.text.lines() {
        text.paragraph_line(line);
    }
    let key = Fingerprint::of("operational alert", &[alert.deduplication_key.as_bytes()]);
    let id = format!("operational-{key}-{}", alert.time);
    let notification = notification(id, OPERATIONAL_KIND, alert.severity, &subject, text, alert)?;
    Ok(Notification {
        deduplication_key: format!("operational-{key}"),
        deduplication_seconds: alert.deduplication_seconds,
        ..notification
    })
}

/// The schema of the detail of a digest, as indented JSON with a newline at its end.
///
/// # Errors
/// When the schema cannot be written as JSON.
pub fn digest_schema() -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(&AlertDigest::schema())?))
}

/// The schema of the detail of an operational alert, as indented JSON with a newline at its end.
///
/// # Errors
/// When the schema cannot be written as JSON.
pub fn operational_alert_schema() -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(&OperationalAlert::schema())?))
}

/// The notification of a changed status. `id` is the same for the same change.
///
/// # Errors
/// When the change cannot be written as JSON.
pub fn status_change(id: String, change: &StatusChange) -> Result<Notification, serde_json::Error> {
    let (now, before) = (status_word(change.status), status_word(change.previous));
    let (subject, title) = match (change.subject, &change.report) {
        (StatusSubject::Latest, _) => {
            (format!("{now}: the read-only status was {before}"), "The read-only status changed")
        }
        (StatusSubject::Revision, Some(ReportBrief { since, until, .. })) => (
            format!("{now}: late evidence for {since} to {until}, was {before}"),
            "Late evidence changed the status of a past period",
        ),
        (StatusSubject::Revision, None) => {
            (format!("{now}: late evidence, was {before}"), "Late evidence changed a status")
        }
    };
    let mut text = MessageText::of(title);
    text.line("Status", now);
    text.line("Before", before);
    let text = status_lines(text, change);
    notification(id, STATUS_KIND, status_severity(change.status), &subject, text, change)
}

/// The reminder of a status that is not compliant and did not change. `id` is the same for the same reminder.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn status_reminder(id: String, change: &StatusChange) -> Result<Notification, serde_json::Error> {
    let now = status_word(change.status);
    let subject = format!("{now}: the read-only status has not changed (reminder)");
    let mut text = MessageText::of("Reminder: the read-only status has not changed");
    text.line("Status", now);
    let mut text = status_lines(text, change);
    text.paragraph("A reminder follows once a day while the status is not COMPLIANT.");
    notification(id, REMINDER_KIND, status_severity(change.status), &subject, text, change)
}

/// What a text says about a status besides the status: why, in which period, the top findings, and the report.
fn status_lines(mut text: MessageText, change: &StatusChange) -> MessageText {
    text.optional("Reason", change.reason.as_deref());
    if let Some(until) = change.valid_until {
        text.line("Valid until", &until.to_string());
    }
    if let Some(report) = &change.report {
        text.line("Period", &format!("{} to {}", report.since, report.until));
        text.line("Revision", &report.revision.to_string());
        text.line("Its status", status_word(report.status));
        let score = |score: Option<f64>| score.map_or_else(|| "none".to_owned(), |score| score.to_string());
        text.line("Compliance", &score(report.compliance_score));
        text.line("Risk", &score(report.risk_score));
        text.line("Findings", &report.findings.to_string());
        for FindingBrief { severity, id, title, principal, .. } in &change.top_findings {
            text.line("Finding", &format!("{} {}: {}", severity.as_str(), text_value(id), text_value(title)));
            text.optional("  principal", principal.as_deref());
        }
        text.line("Bucket", &text_value(&change.bucket));
        text.line("Report", &text_value(&report.report_key));
        let page = report.page_key();
        if is_shell_word(&change.bucket) && is_shell_word(&page) {
            text.paragraph(&format!(
                "This command fetches the report as a page:\naws s3api get-object --bucket {} --key {page} report.html",
                change.bucket
            ));
        }
    }
    text
}

fn status_severity(status: Option<Status>) -> RiskLevel {
    match status {
        Some(Status::NonCompliant) => RiskLevel::Critical,
        // No current report, so the promise is not proven.
        Some(Status::InsufficientEvidence) | None => RiskLevel::High,
        Some(Status::Compliant) => RiskLevel::Low,
    }
}

/// The event about a new revision of a report.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn report_issued(id: String, issued: &ReportIssued) -> Result<Notification, serde_json::Error> {
    let status = status_word(issued.status);
    let subject =
        format!("{status}: report on {} to {}, revision {}", issued.since, issued.until, issued.revision);
    let mut text = MessageText::of("A report was issued");
    text.line("Status", status);
    text.line("Period", &format!("{} to {}", issued.since, issued.until));
    text.line("Revision", &issued.revision.to_string());
    text.line("Report", &text_value(&format!("{} in bucket {}", issued.key, issued.bucket)));
    notification(id, REPORT_KIND, RiskLevel::Low, &subject, text, issued)
}

/// The schema of the detail about a new revision of a report, as indented JSON with a newline at its end.
///
/// # Errors
/// When the schema cannot be written as JSON.
pub fn report_issued_schema() -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(&ReportIssued::schema())?))
}

/// The notification of a principal that may do more than read. `since`: when its policies were first read; `who`
/// identifies the principal in the id of the notification.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn over_privileged(
    permissions: &PermissionsAssessment,
    since: Time,
    who: &str,
) -> Result<Notification, serde_json::Error> {
    let PrincipalIdentity { arn, account, watched_as, .. } = &permissions.identity;
    let name = arn.rsplit(':').next().unwrap_or_default();
    let subject = format!(
        "HIGH over-privileged: {} in {} may do more than read",
        subject_word(name, 36),
        subject_word(account, 14)
    );
    let mut text = MessageText::of("A principal may do more than read");
    text.line("Principal", &text_value(arn));
    text.optional("Watched as", watched_as.as_deref());
    text.line("Policies", &format!("first read {since}, hash {}", text_value(&permissions.policies_sha256)));
    text.line("Because", &text_value(&permissions.reason));
    let risky =
        permissions.permission_checks.iter().filter(|check| check.status == CheckStatus::AllowedWrite);
    for check in risky.take(MAX_EXAMPLES) {
        text.line("May", &format!("{}: {}", text_value(&check.service), text_value(&check.operation)));
    }
    for path in permissions.escalation_paths.iter().take(MAX_EXAMPLES) {
        text.line("Escalation", &text_value(&path.description));
    }
    text.paragraph("This notification is about what the principal's policies allow. The reports show what the principal did.");
    let detail = OverPrivilegedPrincipal {
        version: OVER_PRIVILEGED_VERSION.to_owned(),
        principal: arn.clone(),
        account: account.clone(),
        watched_as: watched_as.clone(),
        since,
        overall_status: permissions.overall_status,
        statement: permissions.reason.clone(),
        policies_sha256: permissions.policies_sha256.clone(),
        timestamp: permissions.timestamp,
    };
    let id = format!("over-privileged-{who}-{since}");
    notification(id, PERMISSIONS_KIND, RiskLevel::High, &subject, text, &detail)
}

/// The schema of the detail of an alert, as indented JSON with a newline at its end.
///
/// # Errors
/// When the schema cannot be written as JSON.
pub fn alert_schema() -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(&Alert::schema())?))
}

/// The schema of the detail of a status change, as indented JSON with a newline at its end.
///
/// # Errors
/// When the schema cannot be written as JSON.
pub fn status_schema() -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(&StatusChange::schema())?))
}

/// The schema of the detail about an over-privileged principal, as indented JSON with a newline at its end.
///
/// # Errors
/// When the schema cannot be written as JSON.
pub fn over_privileged_schema() -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(&OverPrivilegedPrincipal::schema())?))
}

fn notification(
    id: String,
    kind: &'static str,
    severity: RiskLevel,
    subject: &str,
    text: MessageText,
    detail: &impl Serialize,
) -> Result<Notification, serde_json::Error> {
    let subject = subject.chars().take(MAX_SUBJECT_CHARS).collect();
    Ok(Notification {
        deduplication_key: id.clone(),
        deduplication_seconds: 0,
        id,
        detail_type: kind,
        severity,
        subject,
        text: text.0,
        detail: serde_json::to_value(detail)?,
    })
}

const fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::Denied => "denied",
    }
}

fn status_word(status: Option<Status>) -> &'static str {
    status.map_or("none", Status::as_str)
}

/// A value for a subject: one word of printable ASCII, at most `most` characters.
fn subject_word(text: &str, most: usize) -> String {
    const CUT: &str = "..";
    let mut word = String::new();
    for c in escape_hidden(text).chars() {
        let shown = if c.is_ascii_graphic() { c.to_string() } else { format!("\\u{{{:x}}}", u32::from(c)) };
        if word.len() + shown.len() + CUT.len() > most {
            word.push_str(CUT);
            break;
        }
        word.push_str(&shown);
    }
    if word.is_empty() { "(empty)".to_owned() } else { word }
}

/// A value for a text.
fn text_value(text: &str) -> String {
    let safe = escape_hidden(text).replace("://", ":\\u{2f}/").replace("www.", "www\\u{2e}");
    let more = safe.chars().count().saturating_sub(MAX_VALUE_CHARS);
    if more == 0 {
        return safe;
    }
    format!("{}... ({more} more characters)", safe.chars().take(MAX_VALUE_CHARS).collect::<String>())
}

/// A text of lines with a name and a value, and paragraphs.
struct MessageText(String);

impl MessageText {
    fn of(title: &str) -> Self {
        Self(format!("{}\n\n", text_value(title)))
    }

    fn line(&mut self, name: &str, value: &str) {
        self.0.push_str(&format!("{name:<12} {value}\n"));
    }

    fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.line(name, &text_value(text));
        }
    }

    fn paragraph(&mut self, text: &str) {
        self.0.push_str(&format!("\n{text}\n"));
    }

    /// One line of a paragraph.
    fn paragraph_line(&mut self, text: &str) {
        self.0.push_str(&text_value(text));
        self.0.push('\n');
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
