//! What the guard decided, and where it is written.
//!
//! Enters: the verdict about a call. Leaves: a [`Decision`] for a [`DecisionLog`]. Laws: every decision is given to the log before
//! the call is sent; if the log does not take the decision, the call is refused; a buffer that is full takes none.

use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use onlooker_core::{
    audit::{ApiCaller, AuditKind, AuditTrailEntry, AuditedCall},
    config::Standard,
    event::Outcome,
    jobs::{
        audit::{AuditError, AuditTrail},
        check::CheckResult,
    },
    time::Time,
};
use uuid::Uuid;

/// Why a log did not take a decision.
pub type LogError = Box<dyn Error + Send + Sync>;

/// A decision about one call.
#[derive(Clone, Debug)]
pub struct Decision {
    /// A UUID of its own.
    pub id: String,
    /// ARN of the principal that the guard was told; empty if it was told none.
    pub principal: String,
    /// ARNs of the resources, as far as the request says them.
    pub resources: Vec<String>,
    /// The verdict: the call is sent if it is valid.
    pub verdict: Arc<CheckResult>,
}

impl Decision {
    pub(crate) fn new(principal: String, resources: Vec<String>, verdict: Arc<CheckResult>) -> Self {
        Self { id: Uuid::now_v7().to_string(), principal, resources, verdict }
    }

    /// The entry of the audit trail. The outcome is that of the decision: denied, or succeeded if the call may be sent.
    pub fn to_entry(&self, recorded_by: &str) -> AuditTrailEntry {
        let verdict = &*self.verdict;
        let (outcome, word) = match verdict.is_valid {
            true => (Outcome::Succeeded, "the guard allowed the call"),
            false => (Outcome::Denied, "the guard refused the call"),
        };
        AuditTrailEntry {
            kind: AuditKind::Decision,
            timestamp: verdict.timestamp,
            recorded_at: verdict.timestamp,
            recorded_by: recorded_by.to_owned(),
            message: Some(word.to_owned()),
            compliance_standard: Standard::default(),
            call: Some(AuditedCall {
                operation: format!("{}:{}", verdict.service, verdict.operation).into(),
                service: verdict.service.as_str().into(),
                operation_type: verdict.operation_type,
                severity: verdict.risk_level,
                outcome,
                error_code: None,
                event_id: self.id.clone(),
                account: "".into(),
                region: "".into(),
                user_identity: ApiCaller {
                    principal: self.principal.as_str().into(),
                    ..ApiCaller::default()
                },
                resource_arns: self.resources.clone(),
                source_ip: None,
                user_agent: None,
                request_parameters: None,
                response_elements: None,
                is_truncated: false,
                reason: verdict.validation_message.clone(),
            }),
        }
    }
}

/// Takes every decision.
pub trait DecisionLog: Send + Sync {
    /// Takes a decision before the call is sent.
    ///
    /// # Errors
    /// When the decision cannot be kept; the call is refused then.
    fn record(&self, decision: &Decision) -> Result<(), LogError>;
}

impl<L: DecisionLog + ?Sized> DecisionLog for Arc<L> {
    fn record(&self, decision: &Decision) -> Result<(), LogError> {
        (**self).record(decision)
    }
}

/// The audit trail in a store that does not call AWS, such as a directory: a call is sent when its decision is stored. Writes to a
/// store in S3 block on calls of the SDK, so they must not run in an interceptor: use a [`DecisionBuffer`] for it.
impl DecisionLog for AuditTrail<'_> {
    fn record(&self, decision: &Decision) -> Result<(), LogError> {
        Ok(self.add_durably(&decision.to_entry(self.recorded_by()), decision.verdict.timestamp)?)
    }
}

/// Keeps decisions until they are written to the audit trail.
#[derive(Debug)]
pub struct DecisionBuffer {
    decisions: Mutex<Vec<Decision>>,
    capacity: usize,
}

impl DecisionBuffer {
    /// A buffer for this number of decisions.
    pub const fn new(capacity: usize) -> Self {
        Self { decisions: Mutex::new(Vec::new()), capacity }
    }

    fn decisions(&self) -> MutexGuard<'_, Vec<Decision>> {
        self.decisions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the decisions to the audit trail, and stores it. What the trail does not take stays in the buffer; what it took and
    /// could not store, it stores with the next call. The clients of the trail's own store must not have a guard with this buffer.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn write_to(&self, trail: &AuditTrail<'_>, now: Time) -> Result<(), AuditError> {
        // Not locked while the store works: other calls are judged meanwhile.
        let mut left = std::mem::take(&mut *self.decisions()).into_iter();
        let mut added = Ok(());
        while let Some(decision) = left.as_slice().first() {
            added = trail.add(&decision.to_entry(trail.recorded_by()), decision.verdict.timestamp);
            if matches!(added, Err(AuditError::Full { .. } | AuditError::Json(_))) {
                break;
            }
            // With another error the trail has the entry in memory.
            left.next();
            if added.is_err() {
                break;
            }
        }
        let mut decisions = self.decisions();
        let newer = std::mem::take(&mut *decisions);
        *decisions = left.chain(newer).collect();
        drop(decisions);
        added.and(trail.flush(now))
    }
}

impl DecisionLog for DecisionBuffer {
    fn record(&self, decision: &Decision) -> Result<(), LogError> {
        let mut decisions = self.decisions();
        if decisions.len() >= self.capacity {
            return Err(format!("the buffer has {} decisions that were not written", decisions.len()).into());
        }
        decisions.push(decision.clone());
        Ok(())
    }
}
