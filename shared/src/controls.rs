//! Control packs: the controls of a standard, and the rules that fail them.
//!
//! Enters: a pack, findings and the state of the evidence. Leaves: the result of each control (pass, fail or no
//! evidence) and what supports it. Laws: a control with a finding of one of its failing rules fails, and so does one
//! that the evidence it requires speaks against; a control passes only if all evidence it requires is there.

mod documents;
mod pack;
mod requirement;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::requirement::RequirementState;
pub use self::{
    documents::{
        PackDocument, PackValidation, STANDARDS_SCHEMA_VERSION, StandardSummary, StandardsList,
        standards_schema,
    },
    pack::{Control, ControlPack, ControlPackError, pack_schema},
    requirement::{ControlEvidence, ControlRequirement, RecordKeeping, UpkeepState},
};
use crate::finding::{self, Finding, Findings};

/// Result of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlState {
    /// The required evidence is there, and no finding fails the control.
    Pass,
    /// The evidence is not sufficient.
    NoEvidence,
    /// Findings, or the evidence that the control requires, fail the control.
    Fail,
}

/// One control of the standard and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlResult {
    /// Reference in the standard, such as `CC6.1` or `A.8.15`.
    pub id: String,
    /// What the control requires, in Onlooker's own words.
    pub title: String,
    /// The result of the control.
    pub state: ControlState,
    /// What supports the result, in one line.
    pub evidence: String,
    /// Fingerprints of the findings that fail it.
    pub findings: Vec<String>,
    /// What must be there before the control can pass. Empty in reports of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<ControlRequirement>,
    /// Ids of the rules that fail it. Empty in reports of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing_rules: Vec<String>,
    /// What a pass shows; absent if the pack does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shows: Option<String>,
    /// What the control also asks for and no report shows; absent if the pack does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub does_not_show: Option<String>,
}

impl ControlPack {
    /// The result of each control.
    pub fn evaluate(&self, findings: &Findings, evidence_state: &ControlEvidence) -> Vec<ControlResult> {
        self.controls.iter().map(|control| control.evaluate(findings, evidence_state)).collect()
    }
}

impl Control {
    fn evaluate(&self, findings: &Findings, evidence_state: &ControlEvidence) -> ControlResult {
        let fails = |rule: &str| self.failing_rules.contains(rule);
        let against: Vec<&Finding> = findings.listed.iter().filter(|finding| fails(&finding.id)).collect();
        let (state, evidence) = self.judge(&against, findings.omitted_of(fails), evidence_state);
        ControlResult {
            id: self.id.clone(),
            title: self.title.clone(),
            state,
            evidence,
            findings: against.iter().map(|finding| finding.fingerprint.clone()).collect(),
            requires: self.requires.iter().copied().collect(),
            failing_rules: self.failing_rules.iter().cloned().collect(),
            shows: self.shows.clone(),
            does_not_show: self.does_not_show.clone(),
        }
    }

    /// The state, and what supports it, with the findings that fail the control, most severe first, and the number of those
    /// that are not listed.
    fn judge(
        &self,
        against: &[&Finding],
        left_out: u64,
        evidence_state: &ControlEvidence,
    ) -> (ControlState, String) {
        if let Some((worst, others)) = against.split_first() {
            let more = match others.len() as u64 + left_out {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            return (ControlState::Fail, format!("{}: {}{more}", worst.severity.as_str(), worst.title));
        }
        let (mut met, mut missing, mut contradicted) = (Vec::new(), Vec::new(), Vec::new());
        for requirement in &self.requires {
            match requirement.judge(evidence_state) {
                RequirementState::Met(text) => met.push(match requirement {
                    ControlRequirement::WatchedCalls => {
                        let caveats =
                            (self.allowed_caveat(evidence_state), self.policy_caveat(evidence_state));
                        format!("{text}{}{}", caveats.0, caveats.1)
                    }
                    _ => text,
                }),
                RequirementState::Missing(text) => missing.push(text),
                RequirementState::Contradicted(text) => contradicted.push(text),
            }
        }
        if !contradicted.is_empty() {
            return (ControlState::Fail, contradicted.join("; "));
        }
        let mut inactive = evidence_state.inactive_rules.iter();
        if let Some((rule, remedy)) = inactive.find(|(rule, _)| self.failing_rules.contains(**rule)) {
            return (ControlState::NoEvidence, format!("`{rule}` was not evaluated: {remedy}"));
        }
        match missing.is_empty() {
            true => (ControlState::Pass, met.join("; ")),
            false => (ControlState::NoEvidence, missing.join("; ")),
        }
    }

    /// Note on a control that passes by its calls: how many of them would be findings of it, if no override allowed them.
    fn allowed_caveat(&self, evidence_state: &ControlEvidence) -> String {
        const RULES_OF_CALLS: [&str; 3] = ["write-succeeded", "privileged-call", "unknown-operation"];
        let looks_at_calls = RULES_OF_CALLS.iter().any(|rule| self.failing_rules.contains(*rule));
        match evidence_state.allowed_calls {
            calls if calls > 0 && looks_at_calls => {
                let were = if calls == 1 { "was" } else { "were" };
                format!(", of which {calls} {were} allowed by overrides")
            }
            _ => String::new(),
        }
    }

    /// Note on a control that passes by its calls: whether permissions were not fully evaluated.
    fn policy_caveat(&self, evidence_state: &ControlEvidence) -> &'static str {
        let mut rules = self.failing_rules.iter().filter_map(|id| finding::rule(id));
        let needs_policies = rules.any(|rule| rule.needs_policies);
        if needs_policies && !evidence_state.all_policies_read() {
            "; permissions were not fully evaluated"
        } else {
            ""
        }
    }
}
