//! One event that should not have been, told within seconds.
//!
//! Enters: an event, configuration and catalog. Leaves: an [`Alert`], or nothing. Laws: an event is judged by the same
//! stages and rules as a report's evidence, as if it were all there is; the same event gives the same alert; an alert
//! is bounded in size whatever its record says, and counts as evidence of nothing.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    assessment::{Assessment, EvidenceQuality},
    catalog::Catalog,
    config::Config,
    coverage::Coverage,
    event::{Event, Outcome},
    finding::{
        self, FindingRule, Severity, privileged_call, secret_read, unknown_operation, write_denied,
        write_failed, write_succeeded,
    },
    operation::{OperationType, RiskLevel},
    record::Fingerprint,
    report::redact_value,
    segment::Segment,
    tally::Tally,
    time::Time,
};

/// Version of the alert's shape: the first number changes when a reader of the old shape would be misled.
pub const ALERT_VERSION: &str = "1.0";

/// Rules whose findings are worth an alert. The others speak of more than one event, or of who is not watched.
pub const ALERT_RULES: [&FindingRule; 6] = [
    &write_succeeded::RULE,
    &privileged_call::RULE,
    &write_failed::RULE,
    &unknown_operation::RULE,
    &secret_read::RULE,
    &write_denied::RULE,
];

/// A call of a watched principal that deserves attention at once. All text in it comes from a record or the
/// configuration, as it stood there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Version of this shape.
    pub version: String,
    /// Identity of what was told: the event's id, and a hash of what its record says.
    pub id: String,
    /// `eventID`.
    pub event_id: String,
    /// `eventTime`.
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
    /// `eventSource`.
    pub service: Arc<str>,
    /// What became of the call.
    pub outcome: Outcome,
    /// `errorCode`, when there was one.
    pub error_code: Option<Arc<str>>,
    /// What the operation is.
    pub operation_type: OperationType,
    /// How much harm such a call can do.
    pub risk_level: RiskLevel,
    /// Rule that found it, kebab-case and permanent.
    pub rule_id: String,
    /// Fingerprint the finding has in reports.
    pub finding_fingerprint: String,
    /// Severity of the finding.
    pub severity: Severity,
    /// What it is, in a few words.
    pub title: String,
    /// What was seen and what it means.
    pub description: String,
    /// What to do.
    pub recommendation: String,
    /// Pattern of the promise the principal falls under.
    pub watch_pattern: String,
    /// Why it is watched, as the configuration says.
    pub watch_reason: Option<String>,
    /// ARNs of resources the record names, in order, at most five.
    pub resources: Vec<Arc<str>>,
}

impl Alert {
    /// What is to be told of this event.
    ///
    /// # Errors
    /// When what is to be hidden cannot be, or the event cannot be written as JSON.
    pub fn from_event(
        event: Event,
        catalog: &Catalog,
        config: &Config,
    ) -> Result<Option<Self>, serde_json::Error> {
        let (id, event_id, time) = (alert_id(&event)?, event.id.to_string(), event.time);
        let tally = Tally::of(Segment::from_events([event]));
        let (coverage, evidence) = (Coverage::default(), EvidenceQuality::default());
        let assessment = Assessment::classify(&tally, &coverage, &evidence, catalog, config);
        let findings = finding::find(&assessment);
        let telling =
            findings.into_iter().find(|finding| ALERT_RULES.iter().any(|rule| rule.id == finding.id));
        let (Some(finding), Some(judged)) = (telling, assessment.classified.first()) else { return Ok(None) };
        // In a discovery nothing was promised, so nothing was broken.
        let Some(watch) = judged.watch else { return Ok(None) };
        let (actor, act) = (judged.line.actor, judged.line.call_key);
        let alert = Self {
            version: ALERT_VERSION.to_owned(),
            id,
            event_id,
            time,
            account: Arc::clone(&actor.account),
            region: Arc::clone(&actor.region),
            principal: Arc::clone(&actor.principal.arn),
            session_name: actor.session.name.clone(),
            operation: judged.operation(),
            service: Arc::clone(&act.source),
            outcome: act.outcome,
            error_code: act.error_code.clone(),
            operation_type: judged.operation_type(),
            risk_level: judged.classification.risk_level,
            rule_id: finding.id,
            finding_fingerprint: finding.fingerprint,
            severity: finding.severity,
            title: finding.title,
            description: finding.description,
            recommendation: finding.recommendation,
            watch_pattern: watch.principal.clone(),
            watch_reason: watch.reason.clone(),
            resources: finding.resources,
        };
        redact_value(alert, &config.redaction).map(Some)
    }

    /// JSON Schema of the alert.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}

/// What tells an event from all others, in characters that are safe in any key. Of two contents under one identity each
/// is told: what came first may be the smaller accusation.
fn alert_id(event: &Event) -> Result<String, serde_json::Error> {
    let content = serde_json::to_vec(&(event.time, &event.actor, &event.call_key))?;
    Ok(format!("{}-{:032x}", event.id, Fingerprint::of("alert", &[&content]).0))
}
