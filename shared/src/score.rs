//! Compliance score, risk score and status.
//!
//! Enters: classified calls and the state of the evidence. Leaves: [`ComplianceScore`], [`RiskScore`] and [`Status`].
//! Laws: adding a call that is not permitted never raises the compliance score and never lowers the risk score;
//! missing evidence never improves a status; without calls there is no compliance score. `docs/semantics.md`
//! describes the formulas and the table of status impacts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    coverage::percent,
    event::Outcome,
    operation::{Capabilities, OperationType},
};

/// Status of a promise. Of several the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// No call broke the promise, and no evidence that could show one is missing.
    Compliant,
    /// Evidence that could show a broken promise is missing or not conclusive.
    InsufficientEvidence,
    /// The evidence shows a call that broke the promise.
    NonCompliant,
}

impl Status {
    /// The upper-case name used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "COMPLIANT",
            Self::InsufficientEvidence => "INSUFFICIENT_EVIDENCE",
            Self::NonCompliant => "NON_COMPLIANT",
        }
    }
}

/// How complete evidence is that can show each call of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceCompleteness {
    /// Nothing is missing.
    Complete,
    /// Hours were not observed; nothing else is missing.
    HoursMissing,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one call means for the status of the principal it is attributed to.
///
/// | operation type | succeeded | failed | denied |
/// |---|---|---|---|
/// | read-only | `COMPLIANT` | `COMPLIANT` | `COMPLIANT` |
/// | privileged | `NON_COMPLIANT` | `INSUFFICIENT_EVIDENCE` | `COMPLIANT` |
/// | unknown | `INSUFFICIENT_EVIDENCE` | `INSUFFICIENT_EVIDENCE` | `COMPLIANT` |
/// | mutating | `NON_COMPLIANT` | `INSUFFICIENT_EVIDENCE` | `COMPLIANT` |
///
/// A denied call shows that AWS enforces the limit. A failed call was not denied, so it does not show that.
pub const fn status_impact(operation_type: OperationType, outcome: Outcome) -> Status {
    match (operation_type, outcome) {
        (OperationType::ReadOnly, _) | (OperationType::Unknown, Outcome::Denied) => Status::Compliant,
        (OperationType::Unknown, _) => Status::InsufficientEvidence,
        (OperationType::Privileged | OperationType::Mutating, Outcome::Succeeded) => Status::NonCompliant,
        (OperationType::Privileged | OperationType::Mutating, Outcome::Failed) => {
            Status::InsufficientEvidence
        }
        (OperationType::Privileged | OperationType::Mutating, Outcome::Denied) => Status::Compliant,
    }
}

/// Share of the calls that a read-only principal may make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComplianceScore {
    /// Number of calls that the score covers.
    pub calls: u64,
    /// Number of calls that are read-only or allowed by an override.
    pub permitted: u64,
    /// `permitted / calls` in percent, rounded down to two decimals; absent when there were no calls.
    pub score: Option<f64>,
}

impl ComplianceScore {
    /// The score of `permitted` of `calls` calls.
    pub fn of(permitted: u64, calls: u64) -> Self {
        Self { calls, permitted, score: percent(permitted, calls) }
    }
}

/// What adds to the risk: counts of calls and of gaps in the evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RiskFactors {
    /// Number of writes that succeeded.
    pub writes: u64,
    /// Writes that failed and were not denied.
    pub failed_writes: u64,
    /// Writes and privileged calls that AWS denied.
    pub denied_writes: u64,
    /// Privileged calls that were not denied.
    pub privileged_calls: u64,
    /// Number of calls that succeeded, are not read-only, and issue credentials, escalate privileges or
    /// expose a resource.
    pub critical_calls: u64,
    /// Number of calls of unknown operations.
    pub unknown_operations: u64,
    /// Reads of secrets that succeeded.
    pub secret_reads: u64,
    /// Reads of customer data that succeeded.
    pub data_reads: u64,
    /// Uses of the root user.
    pub root_uses: u64,
    /// Number of calls outside business hours.
    pub outside_business_hours: u64,
    /// Hours without evidence, event classes not known to be logged, missing log files, unreadable pieces, conflicting
    /// events, and parts of the evidence outside an inferred period.
    pub evidence_gaps: u64,
}

impl RiskFactors {
    /// Adds `count` equal calls of a watched principal. Read-only calls add only the secrets and customer data they
    /// read.
    pub fn add(
        &mut self,
        operation_type: OperationType,
        capabilities: Capabilities,
        outcome: Outcome,
        count: u64,
    ) {
        let succeeded = outcome == Outcome::Succeeded;
        match operation_type {
            OperationType::ReadOnly => {}
            OperationType::Unknown => self.unknown_operations += count,
            _ if outcome == Outcome::Denied => self.denied_writes += count,
            OperationType::Mutating if succeeded => self.writes += count,
            OperationType::Mutating => self.failed_writes += count,
            OperationType::Privileged => self.privileged_calls += count,
        }
        if !succeeded {
            return;
        }
        let critical = Capabilities::ISSUE_CREDENTIALS
            | Capabilities::PRIVILEGE_ESCALATION
            | Capabilities::EXPOSE_RESOURCE;
        if operation_type != OperationType::ReadOnly && capabilities.intersects(critical) {
            self.critical_calls += count;
        }
        if capabilities.contains(Capabilities::READ_SECRETS) {
            self.secret_reads += count;
        } else if capabilities.contains(Capabilities::READ_DATA) {
            self.data_reads += count;
        }
    }
}

/// Risk level of a score: above 70 HIGH, above 30 MEDIUM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RiskBand {
    /// The risk score is at most 30.
    Low,
    /// The risk score is above 30 and at most 70.
    Medium,
    /// The risk score is above 70.
    High,
}

impl RiskBand {
    /// The band of a score.
    pub fn of(score: f64) -> Self {
        if score > 70.0 {
            Self::High
        } else if score > 30.0 {
            Self::Medium
        } else {
            Self::Low
        }
    }

    /// The upper-case word used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }
}

/// One component of the risk score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RiskComponent {
    /// Name of the component, such as `writes`.
    pub name: String,
    /// What the component counts, such as a number of calls.
    pub count: u64,
    /// The risk score that this component alone would give, 0-100.
    pub points: f64,
}

/// Risk score with its components.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RiskScore {
    /// The risk score: 0 to 100, with one decimal.
    pub score: f64,
    /// Band of the score.
    pub level: RiskBand,
    /// The components, most points first.
    pub components: Vec<RiskComponent>,
}

/// Weight of a component: its points for a count of one, and the limit for ever larger counts, in percent.
struct ComponentWeight {
    name: &'static str,
    first: f64,
    limit: f64,
    count: fn(&RiskFactors) -> u64,
}

/// Chosen so that one write that succeeded is HIGH by itself, and so that a component that does not break a promise
/// is never HIGH by itself.
const WEIGHTS: [ComponentWeight; 11] = [
    ComponentWeight { name: "critical_calls", first: 90.0, limit: 99.0, count: |e| e.critical_calls },
    ComponentWeight { name: "writes", first: 75.0, limit: 98.0, count: |e| e.writes },
    ComponentWeight { name: "privileged_calls", first: 45.0, limit: 90.0, count: |e| e.privileged_calls },
    ComponentWeight { name: "failed_writes", first: 35.0, limit: 70.0, count: |e| e.failed_writes },
    ComponentWeight { name: "unknown_operations", first: 35.0, limit: 70.0, count: |e| e.unknown_operations },
    ComponentWeight { name: "secret_reads", first: 25.0, limit: 60.0, count: |e| e.secret_reads },
    ComponentWeight { name: "root_uses", first: 25.0, limit: 60.0, count: |e| e.root_uses },
    ComponentWeight { name: "denied_writes", first: 20.0, limit: 50.0, count: |e| e.denied_writes },
    ComponentWeight { name: "evidence_gaps", first: 10.0, limit: 40.0, count: |e| e.evidence_gaps },
    ComponentWeight { name: "data_reads", first: 5.0, limit: 25.0, count: |e| e.data_reads },
    ComponentWeight {
        name: "outside_business_hours",
        first: 5.0,
        limit: 25.0,
        count: |e| e.outside_business_hours,
    },
];

/// After this many more counts the points are halfway from those of the first count to the limit.
const HALF_LIMIT_COUNT: f64 = 9.0;

impl RiskScore {
    /// Combines the components as independent probabilities: `100 * (1 - product(1 - points / 100))`.
    pub fn of(factors: &RiskFactors) -> Self {
        let mut components: Vec<RiskComponent> = WEIGHTS
            .iter()
            .map(|weight| {
                let count = (weight.count)(factors);
                RiskComponent { name: weight.name.to_owned(), count, points: weight.points(count) }
            })
            .collect();
        let safe = components.iter().fold(1.0, |safe, part| safe * (1.0 - part.points / 100.0));
        components.sort_by(|a, b| b.points.total_cmp(&a.points).then_with(|| a.name.cmp(&b.name)));
        let score = floor_tenth(100.0 * (1.0 - safe));
        Self { score, level: RiskBand::of(score), components }
    }
}

impl ComponentWeight {
    fn points(&self, count: u64) -> f64 {
        let Some(more) = count.checked_sub(1) else {
            return 0.0;
        };
        let more = f64::from(u32::try_from(more).unwrap_or(u32::MAX));
        floor_tenth(self.first + (self.limit - self.first) * (more / (more + HALF_LIMIT_COUNT)))
    }
}

/// Rounds down to one decimal, so that rounding never gives 100.
fn floor_tenth(value: f64) -> f64 {
    // The margin keeps a rounding error from lowering a value that is an exact tenth.
    (value * 10.0 + 1e-6).floor() / 10.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_risk_factors() -> impl Strategy<Value = RiskFactors> {
        prop::array::uniform11(prop_oneof![Just(0), 0..5_u64, any::<u64>()]).prop_map(
            |[
                writes,
                failed_writes,
                denied,
                privileged,
                critical,
                unknown,
                secret_reads,
                data_reads,
                root,
                outside_hours,
                gaps,
            ]| {
                RiskFactors {
                    writes,
                    failed_writes,
                    denied_writes: denied,
                    privileged_calls: privileged,
                    critical_calls: critical,
                    unknown_operations: unknown,
                    secret_reads,
                    data_reads,
                    root_uses: root,
                    outside_business_hours: outside_hours,
                    evidence_gaps: gaps,
                }
            },
        )
    }

    #[test]
    fn no_calls_give_zero_risk() {
        let risk = RiskScore::of(&RiskFactors::default());
        assert_eq!((risk.score, risk.level), (0.0, RiskBand::Low));
    }

    #[test]
    fn one_write_is_high_risk() {
        let risk = RiskScore::of(&RiskFactors { writes: 1, ..RiskFactors::default() });
        assert_eq!((risk.score, risk.level), (75.0, RiskBand::High));
    }

    #[test]
    fn risk_bands_start_above_their_thresholds() {
        assert_eq!(
            [30.0, 30.1, 70.0, 70.1].map(RiskBand::of),
            [RiskBand::Low, RiskBand::Medium, RiskBand::Medium, RiskBand::High]
        );
    }

    #[test]
    fn a_band_has_one_name_in_every_output() {
        for band in [RiskBand::Low, RiskBand::Medium, RiskBand::High] {
            assert_eq!(serde_json::to_value(band).unwrap(), band.as_str());
        }
    }

    #[test]
    fn a_call_that_is_not_read_only_adds_to_one_factor_by_its_type_and_outcome() {
        use {OperationType::*, Outcome::*};
        for (operation_type, outcome, expected) in [
            (Mutating, Succeeded, RiskFactors { writes: 3, ..RiskFactors::default() }),
            (Mutating, Failed, RiskFactors { failed_writes: 3, ..RiskFactors::default() }),
            (Mutating, Denied, RiskFactors { denied_writes: 3, ..RiskFactors::default() }),
            (Privileged, Succeeded, RiskFactors { privileged_calls: 3, ..RiskFactors::default() }),
            (Privileged, Failed, RiskFactors { privileged_calls: 3, ..RiskFactors::default() }),
            (Privileged, Denied, RiskFactors { denied_writes: 3, ..RiskFactors::default() }),
            (Unknown, Denied, RiskFactors { unknown_operations: 3, ..RiskFactors::default() }),
            (ReadOnly, Succeeded, RiskFactors::default()),
        ] {
            let mut factors = RiskFactors::default();
            factors.add(operation_type, Capabilities::empty(), outcome, 3);
            assert_eq!(factors, expected, "{operation_type:?} {outcome:?}");
        }
    }

    #[test]
    fn no_calls_have_no_score() {
        assert_eq!(ComplianceScore::of(0, 0).score, None);
    }

    #[test]
    fn one_write_in_a_million_scores_below_100() {
        assert_eq!(ComplianceScore::of(999_999, 1_000_000).score, Some(99.99));
    }

    proptest! {
        #[test]
        fn risk_is_between_0_and_100_and_grows_with_every_factor(factors in any_risk_factors(), part in 0..11_usize) {
            let before = RiskScore::of(&factors);
            let mut more = factors;
            let field = [
                &mut more.writes, &mut more.failed_writes, &mut more.denied_writes, &mut more.privileged_calls,
                &mut more.critical_calls, &mut more.unknown_operations, &mut more.secret_reads, &mut more.data_reads,
                &mut more.root_uses, &mut more.outside_business_hours, &mut more.evidence_gaps,
            ].into_iter().nth(part).unwrap();
            *field = field.saturating_add(1);
            let after = RiskScore::of(&more);
            prop_assert!(before.score <= after.score && after.score <= 100.0 && before.score >= 0.0);
        }

        #[test]
        fn a_disallowed_call_never_raises_the_compliance_score(permitted in 0..1_000_000_u64, more in 0..1000_u64) {
            let calls = permitted + more;
            let before = ComplianceScore::of(permitted, calls).score;
            let after = ComplianceScore::of(permitted, calls + 1).score;
            prop_assert!(after <= before || before.is_none());
        }
    }
}
