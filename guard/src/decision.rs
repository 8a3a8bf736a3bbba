//! What the guard decided, and where it is written.
//!
//! Enters: the verdict about a call. Leaves: a [`Decision`] for a [`DecisionLog`]. Laws: every decision is given to the log before
//! the call is sent; a call whose decision the log does not take is refused; a buffer that is full takes none.

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
};
use uuid::Uuid;

/// Why a log did not take a decision.
pub type LogError = Box<dyn Error + Send + Sync>;

/// A decision about one call.
#[derive(Clone, Debug)]
pub struct Decision {
    /// ARN of the principal that the guard was told; empty if it was told none.
    pub principal: String,
    /// ARNs of the resources, as far as the request says them.
    pub resources: Vec<String>,
    /// The verdict: the call is sent if it is valid.
    pub verdict: Arc<CheckResult>,
}

impl Decision {
    /// The entry of the audit trail. The outcome is that of the decision: denied, or succeeded if the call may be sent.
    pub fn to_entry(&self, recorded_by: &str) -> AuditTrailEntry {
        let verdict = &*self.verdict;
        let (outcome, word) = match verdict.is_valid {
            true => (Outcome::Succeeded, "allowed"),
            false => (Outcome::Denied, "refused"),
        };
        AuditTrailEntry {
            kind: AuditKind::Decision,
            timestamp: verdict.timestamp,
            recorded_at: verdict.timestamp,
            recorded_by: recorded_by.to_owned(),
            message: Some(format!("{word} before it was sent")),
            compliance_standard: Standard::default(),
            call: Some(AuditedCall {
                operation: format!("{}:{}", verdict.service, verdict.operation).into(),
                service: verdict.service.as_str().into(),
                operation_type: verdict.operation_type,
                severity: verdict.risk_level,
                outcome,
                error_code: None,
                event_id: Uuid::now_v7().to_string(),
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

/// The audit trail in a store that does not call AWS, such as a directory. A store that calls AWS would wait for the SDK
/// inside the SDK: use a [`DecisionBuffer`] for it.
impl DecisionLog for AuditTrail<'_> {
    fn record(&self, decision: &Decision) -> Result<(), LogError> {
        Ok(self.add(&decision.to_entry(self.recorded_by()), decision.verdict.timestamp)?)
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

    /// Writes the decisions to the audit trail and stores it. What was not written stays in the buffer.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn write_to(&self, trail: &AuditTrail<'_>) -> Result<(), AuditError> {
        let mut decisions = self.decisions();
        let Some(last) = decisions.last().map(|decision| decision.verdict.timestamp) else { return Ok(()) };
        let mut written = 0;
        let added = decisions.iter().try_for_each(|decision| {
            trail.add(&decision.to_entry(trail.recorded_by()), decision.verdict.timestamp)?;
            written += 1;
            Ok(())
        });
        decisions.drain(..written);
        drop(decisions);
        added.and_then(|()| trail.flush(last))
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
