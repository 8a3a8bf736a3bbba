//! Turns records into entries.
//!
//! Enters: a record with its text. Leaves: a [`RecordedCall`]: an [`AuditTrailEntry`] if the call is one of a watched principal that
//! the level selects, and whether its origin is kept, because a finding may be about it. Laws: each such record gives an entry of its own; the operation is classified by the same stages as in a report,
//! as if the call were the only event; a record that is not selected costs one lookup.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use serde_json::{Value, value::RawValue};

use super::{
    entry::{ApiCaller, AuditKind, AuditTrailEntry, AuditedCall},
    redaction::redact_secrets,
};
use crate::{
    assessment::Assessment,
    catalog::Catalog,
    classification::{Classification, ClassificationInput, classify_record},
    config::{AuditLevel, Config},
    coverage::Coverage,
    event::{CallKey, Event, EventKind, Outcome},
    evidence_summary::EvidenceQuality,
    operation::{OperationType, RiskLevel},
    principal::{Principal, PrincipalKind},
    record::Record,
    segment::Segment,
    tally::Tally,
    time::Time,
};

/// What stands in place of a field that cannot be parsed.
pub const UNREADABLE: &str = "[unreadable]";

/// What records are recorded with.
#[derive(Clone, Copy, Debug)]
pub struct AuditCriteria<'a> {
    /// The watched principals, the overrides and the level.
    pub config: &'a Config,
    /// The catalog that classifies operations.
    pub catalog: &'a Catalog,
    /// Name of the function or command.
    pub recorded_by: &'a str,
    /// The time of the entries.
    pub now: Time,
    /// Whether there is an audit trail that takes entries.
    pub makes_entries: bool,
}

impl<'a> AuditCriteria<'a> {
    /// Those of a reader without an audit trail, which keeps origins only.
    pub const fn origins_only(config: &'a Config, catalog: &'a Catalog) -> Self {
        Self { config, catalog, recorded_by: "", now: Time(0), makes_entries: false }
    }
}

/// What a record gives besides its event.
#[derive(Clone, Debug, Default)]
pub struct RecordedCall {
    /// The entry for the audit trail.
    pub entry: Option<AuditTrailEntry>,
    /// Whether a finding about the call may say where it came from.
    pub needs_origin: bool,
}

/// What decides how a call is classified: source, name, `readOnly`, and whether it is an API call.
type ClassifiedAs = (Arc<str>, Arc<str>, Option<bool>, bool);

/// What decides whether calls are watched: the principal, and the ARN that the session was issued for.
type Caller = (Principal, Option<Arc<str>>);

/// Decides about records and describes them.
pub struct CallRecorder<'a> {
    criteria: AuditCriteria<'a>,
    /// What was decided, by the positions of actor and call key. The positions are those of one segment.
    by_position: HashMap<(u32, u32), RecordDecision>,
    /// What was decided, by caller and call key; it stays for the next segments.
    by_call: HashMap<(Caller, CallKey), Option<Arc<CallDecision>>>,
    /// Callers that are not watched.
    unwatched: HashSet<Caller>,
    /// Whether findings may be about a caller.
    callers: HashMap<Caller, bool>,
    /// Whether a call that succeeded is more than a plain read.
    significant: HashMap<ClassifiedAs, bool>,
}

/// What is decided about records of one position.
#[derive(Clone, Default)]
struct RecordDecision {
    /// Of the entry, if the audit trail takes one.
    entry: Option<Arc<CallDecision>>,
    /// Whether a finding about the calls may say where they came from.
    needs_origin: bool,
}

/// What is known of calls that are equal but for their id and time.
struct CallDecision {
    operation: Arc<str>,
    classification: Arc<Classification>,
    /// The reason of the override that allows the call.
    allowed_by: Option<String>,
}

impl<'a> CallRecorder<'a> {
    /// A recorder for records of one thread; `None` if no principal is watched.
    pub fn new(criteria: AuditCriteria<'a>) -> Option<Self> {
        (!criteria.config.watch.is_empty()).then(|| Self {
            criteria,
            by_position: HashMap::new(),
            by_call: HashMap::new(),
            unwatched: HashSet::new(),
            callers: HashMap::new(),
            significant: HashMap::new(),
        })
    }

    /// Forgets the positions: the next ones are of another segment.
    pub fn reset(&mut self) {
        self.by_position.clear();
    }

    /// The entry for a record, and whether its origin is kept. `position` identifies actor and content of the call among the
    /// records since the last reset; `text` is the record as JSON.
    pub fn record(&mut self, record: &Record<'_>, text: &[u8], position: (u32, u32)) -> RecordedCall {
        let RecordDecision { entry, needs_origin } = self.decision_at(record, position);
        let entry = entry.and_then(|decision| self.describe(record, text, &decision));
        RecordedCall { entry, needs_origin }
    }

    /// What is decided about the calls of a position.
    fn decision_at(&mut self, record: &Record<'_>, position: (u32, u32)) -> RecordDecision {
        // The validity of an override depends on the time.
        let is_timeless = self.criteria.config.overrides.is_empty();
        let known = self.by_position.get(&position);
        if let Some(known) = known.filter(|known| is_timeless || known.entry.is_none()) {
            return known.clone();
        }
        let Ok(event) = Event::from_record(record) else { return RecordDecision::default() };
        let needs_origin = self.needs_origin(&event);
        let has_entries = self.criteria.makes_entries && self.criteria.config.audit.level != AuditLevel::Runs;
        let entry = if has_entries { self.decision(event, is_timeless) } else { None };
        let decision = RecordDecision { entry, needs_origin };
        self.by_position.insert(position, decision.clone());
        decision
    }

    /// Whether a finding may be about the call: one of a watched principal or of the root user that is not a plain read that
    /// succeeded.
    fn needs_origin(&mut self, event: &Event) -> bool {
        let AuditCriteria { config, catalog, .. } = self.criteria;
        let Event { actor, call_key, .. } = event;
        let caller = (actor.principal.clone(), actor.session.issuer.clone());
        let is_root = actor.principal.kind == PrincipalKind::Root;
        let is_meant = *self.callers.entry(caller).or_insert_with_key(|(principal, issuer)| {
            is_root
                || config.watch_for(principal).is_some()
                || issuer.as_deref().is_some_and(|arn| config.watch_for_arn(arn).is_some())
        });
        if !is_meant || is_root || call_key.outcome != Outcome::Succeeded {
            return is_meant;
        }
        let is_call = call_key.kind == EventKind::ApiCall;
        let key = (Arc::clone(&call_key.source), Arc::clone(&call_key.name), call_key.read_only, is_call);
        *self.significant.entry(key).or_insert_with_key(|(service, operation, read_only, _)| {
            let call = ClassificationInput { service, operation, read_only: *read_only };
            is_significant(&classify_record(catalog, &call, is_call))
        })
    }

    /// What is decided about an event, from what was decided about an equal call, or anew.
    fn decision(&mut self, event: Event, is_timeless: bool) -> Option<Arc<CallDecision>> {
        let caller = (event.actor.principal.clone(), event.actor.session.issuer.clone());
        if self.unwatched.contains(&caller) {
            return None;
        }
        let call = (caller, event.call_key.clone());
        if let Some(known) = self.by_call.get(&call).filter(|known| is_timeless || known.is_none()) {
            return known.clone();
        }
        let (is_watched, decision) = self.decide(event);
        if !is_watched {
            self.unwatched.insert(call.0);
            return None;
        }
        let decision = decision.map(Arc::new);
        self.by_call.insert(call, decision.clone());
        decision
    }

    /// Whether the principal is watched, and what is decided about the call.
    fn decide(&self, event: Event) -> (bool, Option<CallDecision>) {
        let tally = Tally::of(Segment::from_events([event]));
        let (coverage, evidence, lead_in) =
            (Coverage::default(), EvidenceQuality::default(), Tally::default());
        let AuditCriteria { config, catalog, .. } = self.criteria;
        let assessment = Assessment::classify(&tally, &lead_in, &coverage, &evidence, catalog, config);
        let Some(call) = assessment.classified.first().filter(|call| call.watch.is_some()) else {
            return (false, None);
        };
        let is_selected = match config.audit.level {
            AuditLevel::Runs => false,
            AuditLevel::Significant => is_significant(&call.classification),
            AuditLevel::All => true,
        };
        let decision = (call.is_call() && is_selected).then(|| CallDecision {
            operation: call.operation().into(),
            classification: Arc::clone(&call.classification),
            allowed_by: call.allowed_by.map(|allowed| allowed.reason.clone()),
        });
        (true, decision)
    }

    fn describe(&self, record: &Record<'_>, text: &[u8], decision: &CallDecision) -> Option<AuditTrailEntry> {
        let event = Event::from_record(record).ok()?;
        let details = RecordDetails::of(text);
        let limit = self.criteria.config.audit.max_details_size as usize;
        let mut is_truncated = false;
        let mut words = |text: Option<String>| {
            let text = text?;
            let shown = shortened(&text, limit);
            is_truncated |= shown.len() < text.len();
            Some(shown.into_owned())
        };
        let source_ip = words(details.text("sourceIPAddress"));
        let user_agent = words(details.text("userAgent"));
        let identity = details.field("userIdentity").unwrap_or_default();
        let in_identity = |path: &str| match &identity {
            Value::String(unreadable) => Some(unreadable.clone()),
            identity => identity.pointer(path).and_then(Value::as_str).map(str::to_owned),
        };
        let access_key_id = words(in_identity("/accessKeyId"));
        let kind = words(in_identity("/type"));
        let mut document = |name: &str| {
            let mut value = details.field(name)?;
            if self.criteria.config.audit.redact {
                redact_secrets(&mut value);
            }
            let written = value.to_string();
            if written.len() > limit {
                is_truncated = true;
                value = Value::String(shortened(&written, limit).into_owned());
            }
            Some(value)
        };
        let request_parameters = document("requestParameters");
        let response_elements = document("responseElements");
        let mfa = identity.pointer("/sessionContext/attributes/mfaAuthenticated");
        let mfa_authenticated = mfa.and_then(Value::as_bool).or_else(|| match mfa.and_then(Value::as_str) {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        });
        let mut left = limit;
        let mut resource_arns = Vec::new();
        for arn in record.resources.iter().filter_map(|resource| resource.arn.as_deref()) {
            let Some(after) = left.checked_sub(arn.len()) else {
                is_truncated = true;
                break;
            };
            left = after;
            resource_arns.push(arn.to_owned());
        }
        let (actor, call_key) = (event.actor, event.call_key);
        Some(AuditTrailEntry {
            kind: if decision.allowed_by.is_some() { AuditKind::Override } else { AuditKind::Call },
            timestamp: event.time,
            recorded_at: self.criteria.now,
            recorded_by: self.criteria.recorded_by.to_owned(),
            message: decision
                .allowed_by
                .as_ref()
                .map(|reason| format!("an override allows the call: {reason}")),
            compliance_standard: self.criteria.config.standard,
            call: Some(AuditedCall {
                operation: Arc::clone(&decision.operation),
                service: call_key.source,
                operation_type: decision.classification.operation_type,
                severity: decision.classification.risk_level,
                outcome: call_key.outcome,
                error_code: call_key.error_code,
                event_id: event.id.to_string(),
                account: actor.account,
                region: actor.region,
                user_identity: ApiCaller {
                    principal: actor.principal.arn,
                    kind,
                    session_name: actor.session.name,
                    access_key_id,
                    mfa_authenticated,
                },
                resource_arns,
                source_ip,
                user_agent,
                request_parameters,
                response_elements,
                is_truncated,
                reason: decision.classification.reason.clone(),
            }),
        })
    }
}

/// Whether an operation is more than a plain read.
fn is_significant(classification: &Classification) -> bool {
    classification.operation_type != OperationType::ReadOnly || classification.risk_level >= RiskLevel::Medium
}

/// The fields of a record, each of which is parsed by itself: text in one that is not valid, such as half of a surrogate pair,
/// does not hide the others.
struct RecordDetails<'t>(BTreeMap<String, &'t RawValue>);

impl<'t> RecordDetails<'t> {
    /// The fields of the text of a record, which was read as one.
    fn of(text: &'t [u8]) -> Self {
        Self(serde_json::from_slice(text).unwrap_or_default())
    }

    /// A field that is not `null`; [`UNREADABLE`] if it cannot be parsed.
    fn field(&self, name: &str) -> Option<Value> {
        if self.0.is_empty() {
            return Some(UNREADABLE.into());
        }
        let value = self.0.get(name)?;
        let parsed = serde_json::from_str(value.get()).unwrap_or_else(|_| UNREADABLE.into());
        Some(parsed).filter(|value: &Value| !value.is_null())
    }

    /// A field that is text.
    fn text(&self, name: &str) -> Option<String> {
        self.field(name)?.as_str().map(str::to_owned)
    }
}

/// A text of at most `limit` bytes.
fn shortened(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.get(..text.floor_char_boundary(limit)).unwrap_or_default().to_owned())
}
