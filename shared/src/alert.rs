//! Alerts: the finding about one event, within seconds.
//!
//! Enters: an event, configuration and catalog. Leaves: an [`Alert`], or nothing. Laws: an event is assessed by the
//! same stages and rules as the evidence of a report, as if it were the only event; equal events give equal alerts;
//! the size of an alert is bounded whatever its record contains; an alert is not evidence.

mod digest;
mod operational;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    digest::{AlertDigest, DIGEST_VERSION, DigestEntry},
    operational::{OPERATIONAL_VERSION, OperationalAlert},
};
use crate::{
    assessment::Assessment,
    catalog::Catalog,
    config::Config,
    coverage::Coverage,
    event::{DenyingPolicy, Event, Outcome},
    evidence_summary::EvidenceQuality,
    finding::{self, AlertScope, Finding, Severity},
    operation::{OperationType, RiskLevel},
    origin::{CallOrigin, CallOrigins},
    record::Fingerprint,
    report::{MAX_ENTRIES, redact_value},
    segment::Segment,
    tally::Tally,
    time::Time,
};

/// Version of the alert schema. The first number changes when a reader of the old schema would be misled.
pub const ALERT_VERSION: &str = "1.1";

/// A call that needs attention at once: of a watched principal, or one that changed what CloudTrail logs. Text from the record and the configuration is
/// unchanged in it, except for redaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Version of the schema `docs/alert.schema.json`.
    pub version: String,
    /// Id of the alert: the id of the event, and a hash of its content.
    pub id: String,
    /// `eventID` of the CloudTrail record.
    pub event_id: String,
    /// `eventTime` of the CloudTrail record.
    pub time: Time,
    /// Account that received the event.
    pub account: Arc<str>,
    /// Region of the call.
    pub region: Arc<str>,
    /// ARN of the principal.
    pub principal: Arc<str>,
    /// Session name, when there was one.
    pub session_name: Option<Arc<str>>,
    /// `service:Operation`, as the catalog names it when it knows it.
    pub operation: String,
    /// `eventSource` of the CloudTrail record.
    pub service: Arc<str>,
    /// Outcome of the call.
    pub outcome: Outcome,
    /// `errorCode`, when there was one.
    pub error_code: Option<Arc<str>>,
    /// Type of the policy that denied the call, if `errorMessage` says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub denied_by: Option<DenyingPolicy>,
    /// The IAM action that was denied, if `errorMessage` names another one than the operation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub denied_action: Option<Arc<str>>,
    /// Type of the operation: `mutating`, `privileged`, `unknown` or `read_only`.
    pub operation_type: OperationType,
    /// How much harm such a call can do.
    pub risk_level: RiskLevel,
    /// Id of the rule, kebab-case and permanent.
    pub rule_id: String,
    /// Fingerprint of the finding in reports.
    pub finding_fingerprint: String,
    /// Severity of the finding.
    pub severity: Severity,
    /// Title of the finding.
    pub title: String,
    /// What happened and what it means.
    pub description: String,
    /// What to do about the alert.
    pub recommendation: String,
    /// Pattern of the watch that matches the principal; absent if the principal is not watched.
    pub watch_pattern: Option<String>,
    /// Reason of the watch in the configuration.
    pub watch_reason: Option<String>,
    /// ARNs of the resources in the record, in order, at most five.
    pub resources: Vec<Arc<str>>,
    /// Where the call came from; empty if the record does not say it.
    #[serde(default)]
    pub origins: Vec<CallOrigin>,
}

impl Alert {
    /// The alert for this event, with the origins of its delivery; `None` if the event does not need one.
    ///
    /// # Errors
    /// When the alert cannot be redacted, or the event cannot be written as JSON.
    pub fn from_event(
        event: Event,
        origins: CallOrigins,
        catalog: &Catalog,
        config: &Config,
    ) -> Result<Option<Self>, serde_json::Error> {
        let (id, event_id, time) = (alert_id(&event)?, event.id.to_string(), event.time);
        let tally = Tally::of(Segment::from_events([event]));
        let (coverage, evidence) =
            (Coverage::default(), EvidenceQuality { origins, ..EvidenceQuality::default() });
        let lead_in = Tally::default();
        let assessment = Assessment::classify(&tally, &lead_in, &coverage, &evidence, catalog, config);
        let findings = finding::find(&assessment, MAX_ENTRIES).listed;
        let Some(call) = assessment.classified.first() else { return Ok(None) };
        let alerts = |finding: &Finding| match finding::rule(&finding.id).and_then(|rule| rule.alerts) {
            Some(AlertScope::Watched) => call.watch.is_some(),
            // A promise exists only for watched principals.
            Some(AlertScope::Any) => !config.watch.is_empty(),
            None => false,
        };
        let Some(finding) = findings.into_iter().find(alerts) else { return Ok(None) };
        let (actor, call_key) = (call.line.actor, call.line.call_key);
        let alert = Self {
            version: ALERT_VERSION.to_owned(),
            id,
            event_id,
            time,
            account: Arc::clone(&actor.account),
            region: Arc::clone(&actor.region),
            principal: Arc::clone(&actor.principal.arn),
            session_name: actor.session.name.clone(),
            operation: call.operation(),
            service: Arc::clone(&call_key.source),
            outcome: call_key.outcome,
            error_code: call_key.error_code.clone(),
            denied_by: call_key.denied_by,
            denied_action: call.other_denied_action().cloned(),
            operation_type: call.operation_type(),
            risk_level: call.classification.risk_level,
            rule_id: finding.id,
            finding_fingerprint: finding.fingerprint,
            severity: finding.severity,
            title: finding.title,
            description: finding.description,
            recommendation: finding.recommendation,
            watch_pattern: call.watch.map(|watch| watch.principal.clone()),
            watch_reason: call.watch.and_then(|watch| watch.reason.clone()),
            resources: finding.resources,
            origins: finding.origins,
        };
        redact_value(alert, &config.redaction).map(Some)
    }

    /// JSON Schema of the alert.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}

/// Id of the alert for an event, in characters that are safe in any key. Two contents under one event identity give
/// two alerts, because the first one may be the less severe one.
fn alert_id(event: &Event) -> Result<String, serde_json::Error> {
    let content = serde_json::to_vec(&(event.time, &event.actor, &event.call_key))?;
    Ok(format!("{}-{:032x}", event.id, Fingerprint::of("alert", &[&content]).0))
}
