//! Control packs: the controls of a standard, and the rules that fail them.
//!
//! Enters: a pack, findings and the state of the evidence. Leaves: the result of each control (pass, fail or no
//! evidence) and what supports it. Laws: a control with a finding of one of its failing rules fails; a control passes
//! only if the evidence it requires is there.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    config::Standard,
    finding::{self, Finding, RULES, count_noun},
};

/// Result of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlState {
    /// The required evidence is there, and no finding fails the control.
    Pass,
    /// The evidence is not sufficient.
    NoEvidence,
    /// Findings fail the control.
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
}

/// What a control requires before it can pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ControlRequirement {
    /// Complete evidence and at least one call of a watched principal.
    #[default]
    WatchedCalls,
    /// Any evidence: the control is about the evidence itself.
    Evidence,
    /// The policies of every watched principal, and any evidence: the control is about permissions.
    Policies,
}

/// One control of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Reference of the control in its standard, such as `CC6.1`.
    pub id: String,
    /// What the control requires of the organization.
    pub title: String,
    /// What must be there before the control can pass.
    #[serde(default)]
    pub requires: ControlRequirement,
    /// Ids of the rules that fail it.
    pub failing_rules: BTreeSet<String>,
}

/// The controls of a standard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlPack {
    /// Id of the pack, such as `SOC2`.
    pub id: String,
    /// Title of the standard.
    pub title: String,
    /// Controls of the pack, in the order of the file.
    #[serde(rename = "control")]
    pub controls: Vec<Control>,
}

/// Why a pack cannot be used.
#[derive(Debug, Error)]
pub enum ControlPackError {
    /// Not TOML, or not in the format of a pack.
    #[error("cannot read control pack `{file}`: {cause}")]
    Parse {
        /// Name of the control pack's file.
        file: String,
        /// Error of the TOML parser.
        #[source]
        cause: toml::de::Error,
    },
    /// A control names a rule that does not exist.
    #[error(
        "control `{control}` of `{file}` names the rule `{rule}`, which does not exist; rules are: {}",
        rule_ids()
    )]
    UnknownRule {
        /// Name of the control pack's file.
        file: String,
        /// Id of the control that names the rule.
        control: String,
        /// Id of the rule that does not exist.
        rule: String,
    },
    /// Two controls have the same id, or the pack has no controls.
    #[error("control pack `{file}` {problem}")]
    InvalidControls {
        /// Name of the control pack's file.
        file: String,
        /// What is wrong with the pack's controls, as a sentence part.
        problem: String,
    },
    /// The standard `CUSTOM` has no built-in pack.
    #[error("the standard `CUSTOM` needs a control pack: set `standard_file`, or pass `--pack FILE`")]
    MissingPack,
}

fn rule_ids() -> String {
    RULES.iter().map(|rule| rule.id).collect::<Vec<_>>().join(", ")
}

/// State of the evidence, as far as controls depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlEvidence {
    /// Rules that could not be evaluated, each with the reason.
    pub inactive_rules: BTreeMap<&'static str, &'static str>,
    /// Number of calls of watched principals.
    pub watched_calls: u64,
    /// Number of them that overrides allow although they are not read-only.
    pub allowed_calls: u64,
    /// No evidence is known to be missing.
    pub is_complete: bool,
    /// Number of hours with evidence.
    pub observed_hours: u64,
    /// Number of files that the caller excluded from the evidence.
    pub excluded_files: u64,
    /// Watched principals that were seen or have policies that were read.
    pub watched_principals: u64,
    /// Watched principals, and watch entries without a principal seen, without policies that were read.
    pub unread_policies: u64,
    /// Watched principals with policies that cannot be read in full, or that were read only for a part of the period.
    pub partial_policies: u64,
}

impl ControlEvidence {
    /// Whether the policies of all watched principals were read in full.
    const fn all_policies_read(&self) -> bool {
        self.watched_principals > 0 && self.unread_policies == 0 && self.partial_policies == 0
    }
}

impl ControlPack {
    /// The built-in pack of a standard; `CUSTOM` has none.
    ///
    /// # Errors
    /// [`ControlPackError::MissingPack`] for `CUSTOM`; a test shows that built-in packs are valid.
    pub fn built_in(standard: Standard) -> Result<Self, ControlPackError> {
        let (file, text) = match standard {
            Standard::General => ("general.toml", include_str!("../data/packs/general.toml")),
            Standard::Soc2 => ("soc2.toml", include_str!("../data/packs/soc2.toml")),
            Standard::Iso27001 => ("iso27001.toml", include_str!("../data/packs/iso27001.toml")),
            Standard::Custom => return Err(ControlPackError::MissingPack),
        };
        Self::from_toml(text, file)
    }

    /// Reads a pack and checks it.
    ///
    /// # Errors
    /// [`ControlPackError`], naming the file and what to change.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, ControlPackError> {
        let pack: Self =
            toml::from_str(text).map_err(|cause| ControlPackError::Parse { file: file.to_owned(), cause })?;
        if pack.controls.is_empty() {
            return Err(ControlPackError::InvalidControls {
                file: file.to_owned(),
                problem: "has no `[[control]]`".to_owned(),
            });
        }
        let mut ids = BTreeSet::new();
        for control in &pack.controls {
            if !ids.insert(&control.id) {
                let what = format!("has two controls `{}`", control.id);
                return Err(ControlPackError::InvalidControls { file: file.to_owned(), problem: what });
            }
            let unknown = control.failing_rules.iter().find(|id| finding::rule(id).is_none());
            if let Some(rule) = unknown {
                let (file, control, rule) = (file.to_owned(), control.id.clone(), rule.clone());
                return Err(ControlPackError::UnknownRule { file, control, rule });
            }
        }
        Ok(pack)
    }

    /// Ids of the controls that the findings of a rule fail.
    pub fn controls_failed_by(&self, rule: &str) -> BTreeSet<String> {
        let is_failed = |control: &&Control| control.failing_rules.contains(rule);
        self.controls.iter().filter(is_failed).map(|control| control.id.clone()).collect()
    }

    /// The result of each control.
    pub fn evaluate(&self, findings: &[Finding], evidence_state: &ControlEvidence) -> Vec<ControlResult> {
        self.controls.iter().map(|control| control.evaluate(findings, evidence_state)).collect()
    }
}

impl Control {
    fn evaluate(&self, findings: &[Finding], evidence_state: &ControlEvidence) -> ControlResult {
        let against: Vec<&Finding> = findings.iter().filter(|f| self.failing_rules.contains(&f.id)).collect();
        let enough = match self.requires {
            ControlRequirement::Evidence => evidence_state.observed_hours > 0,
            ControlRequirement::WatchedCalls => {
                evidence_state.is_complete && evidence_state.watched_calls > 0
            }
            ControlRequirement::Policies => {
                evidence_state.observed_hours > 0 && evidence_state.all_policies_read()
            }
        };
        let (state, evidence) = if let Some(worst) = against.first() {
            let more = match against.len() - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            (ControlState::Fail, format!("{}: {}{more}", worst.severity.as_str(), worst.title))
        } else if let Some((rule, remedy)) =
            evidence_state.inactive_rules.iter().find(|(rule, _)| self.failing_rules.contains(**rule))
        {
            (ControlState::NoEvidence, format!("`{rule}` was not evaluated: {remedy}"))
        } else if !enough {
            (ControlState::NoEvidence, self.missing_evidence(evidence_state))
        } else {
            let calls = evidence_state.watched_calls;
            let text = match self.requires {
                ControlRequirement::Evidence => {
                    let hours = count_noun(evidence_state.observed_hours, "hour");
                    let excluded = match evidence_state.excluded_files {
                        0 => String::new(),
                        1 => "; what 1 excluded file contains is not known".to_owned(),
                        files => format!("; what {files} excluded files contain is not known"),
                    };
                    format!("{hours} observed, no evidence missing or damaged{excluded}")
                }
                ControlRequirement::WatchedCalls => {
                    let calls = count_noun(calls, "watched call");
                    let allowed = self.allowed_caveat(evidence_state);
                    format!("no findings in {calls}{allowed}{}", self.policy_caveat(evidence_state))
                }
                ControlRequirement::Policies => {
                    let principals = count_noun(evidence_state.watched_principals, "watched principal");
                    format!("no findings in the policies of {principals}")
                }
            };
            (ControlState::Pass, text)
        };
        ControlResult {
            id: self.id.clone(),
            title: self.title.clone(),
            state,
            evidence,
            findings: against.iter().map(|finding| finding.fingerprint.clone()).collect(),
        }
    }
}

impl Control {
    /// The required evidence that is missing.
    fn missing_evidence(&self, evidence_state: &ControlEvidence) -> String {
        match (self.requires, evidence_state.watched_calls) {
            (ControlRequirement::Policies, _) if evidence_state.unread_policies > 0 => {
                let principals = count_noun(evidence_state.unread_policies, "watched principal");
                format!("the policies of {principals} were not read")
            }
            (ControlRequirement::Policies, _) if evidence_state.partial_policies > 0 => {
                let principals = count_noun(evidence_state.partial_policies, "watched principal");
                format!(
                    "the policies of {principals} were read only in part, or only for a part of the period"
                )
            }
            (ControlRequirement::Policies, _) if evidence_state.watched_principals == 0 => {
                "no principal is watched".to_owned()
            }
            (ControlRequirement::Evidence | ControlRequirement::Policies, _) => {
                "no evidence was observed".to_owned()
            }
            (ControlRequirement::WatchedCalls, 0) => "no call of a watched principal was seen".to_owned(),
            (ControlRequirement::WatchedCalls, _) => "evidence is missing".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_pack_is_valid() {
        for standard in [Standard::General, Standard::Soc2, Standard::Iso27001] {
            ControlPack::built_in(standard).unwrap();
        }
        ControlPack::from_toml(include_str!("../../docs/packs/gcc-2-0.toml"), "gcc-2-0.toml").unwrap();
    }

    #[test]
    fn an_unknown_rule_is_named_in_the_error() {
        let text = "id = \"X\"\ntitle = \"X\"\n[[control]]\nid = \"1\"\ntitle = \"t\"\nfailing_rules = [\"no-such\"]\n";
        let error = ControlPack::from_toml(text, "x.toml").unwrap_err().to_string();
        assert!(error.contains("`no-such`") && error.contains("write-succeeded"), "{error}");
    }

    #[test]
    fn a_control_that_passes_by_overrides_says_so() {
        let state = |allowed_calls| ControlEvidence {
            watched_calls: 3,
            allowed_calls,
            is_complete: true,
            ..ControlEvidence::default()
        };
        let pack = ControlPack::built_in(Standard::General).unwrap();
        let evidence = |id: &str, allowed_calls| {
            let results = pack.evaluate(&[], &state(allowed_calls));
            results.into_iter().find(|result| result.id == id).unwrap().evidence
        };
        for id in ["RO-1", "RO-2", "RO-4"] {
            assert_eq!(
                evidence(id, 2),
                "no findings in 3 watched calls, of which 2 were allowed by overrides",
                "{id}"
            );
            assert_eq!(evidence(id, 0), "no findings in 3 watched calls", "{id}");
        }
        assert_eq!(evidence("RO-5", 2), "no findings in 3 watched calls");
    }

    #[test]
    fn no_control_passes_without_evidence() {
        let evidence_state = ControlEvidence::default();
        for standard in [Standard::General, Standard::Soc2, Standard::Iso27001] {
            for control in ControlPack::built_in(standard).unwrap().evaluate(&[], &evidence_state) {
                assert_eq!(control.state, ControlState::NoEvidence, "{}", control.id);
            }
        }
    }
}
