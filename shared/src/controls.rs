//! Control packs: the questions of a standard and which findings answer them.
//!
//! Enters: a pack, findings and the state of the evidence. Leaves: each control with pass, fail or no evidence and
//! what supports it. Law: a control passes only on complete evidence with watched calls.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    config::Standard,
    finding::{Finding, POLICY_RULES, RULES},
};

/// What the evidence says of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlState {
    /// Complete evidence, and nothing in it speaks against the control.
    Pass,
    /// The evidence does not suffice.
    NoEvidence,
    /// Findings speak against it.
    Fail,
}

/// One control of the standard and what the evidence says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlResult {
    /// Reference in the standard, such as `CC6.1` or `A.8.15`.
    pub id: String,
    /// What it asks, in Onlooker's own words.
    pub title: String,
    /// What the evidence says.
    pub state: ControlState,
    /// What supports that, in a sentence.
    pub evidence: String,
    /// Fingerprints of the findings that speak against it.
    pub findings: Vec<String>,
}

/// What must be there before a control can pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ControlRequirement {
    /// Complete evidence and at least one call of a watched principal.
    #[default]
    WatchedCalls,
    /// Any evidence: the control is about the evidence itself.
    Evidence,
    /// Policies of every watched principal, and any evidence: the control is about what they could do.
    Policies,
}

/// One control of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Reference in the standard.
    pub id: String,
    /// What it asks.
    pub title: String,
    /// What must be there before it can pass.
    #[serde(default)]
    pub requires: ControlRequirement,
    /// Ids of the rules whose findings speak against it.
    pub failing_rules: BTreeSet<String>,
}

/// A standard as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlPack {
    /// Its name.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its controls, in the order of the file.
    #[serde(rename = "control")]
    pub controls: Vec<Control>,
}

/// Why a pack cannot be used.
#[derive(Debug, Error)]
pub enum ControlPackError {
    /// Not TOML, or not of a pack's shape.
    #[error("cannot read control pack `{file}`: {cause}")]
    Parse {
        /// File name.
        file: String,
        /// What the parser says.
        #[source]
        cause: toml::de::Error,
    },
    /// A control names a rule that does not exist.
    #[error(
        "control `{control}` of `{file}` names the rule `{rule}`, which does not exist; rules are: {}",
        rule_ids()
    )]
    UnknownRule {
        /// File name.
        file: String,
        /// Control id.
        control: String,
        /// Rule id.
        rule: String,
    },
    /// Two controls have one id, or there is none at all.
    #[error("control pack `{file}` {problem}")]
    InvalidControls {
        /// File name.
        file: String,
        /// What is wrong with its controls.
        problem: String,
    },
    /// The standard `CUSTOM` has no pack of its own.
    #[error("the standard `CUSTOM` needs a control pack: set `standard_file`, or pass `--pack FILE`")]
    MissingPack,
}

fn rule_ids() -> String {
    RULES.map(|rule| rule.id).join(", ")
}

/// What the evidence allows a control to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlEvidence {
    /// Rules that had nothing to go by, each with what would give them that.
    pub inactive_rules: BTreeMap<&'static str, &'static str>,
    /// Calls of watched principals.
    pub watched_calls: u64,
    /// Nothing is known to be missing.
    pub is_complete: bool,
    /// Hours observed.
    pub observed_hours: u64,
    /// Watched principals that were seen or whose policies were read.
    pub watched_principals: u64,
    /// Watched principals, and promises for which nobody was seen, whose policies were not read.
    pub unread_policies: u64,
    /// Watched principals of whose policies some cannot be read, or that were read for a part of the period only.
    pub partial_policies: u64,
}

impl ControlEvidence {
    /// Whether what watched principals could do was looked at, of all of them.
    const fn all_policies_read(&self) -> bool {
        self.watched_principals > 0 && self.unread_policies == 0 && self.partial_policies == 0
    }
}

impl ControlPack {
    /// The pack shipped for a standard; `CUSTOM` has none.
    ///
    /// # Errors
    /// [`PackError::NoPack`] for `CUSTOM`; the others never for a shipped pack, as a test shows.
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
            let unknown =
                control.failing_rules.iter().find(|id| !RULES.iter().any(|rule| rule.id == id.as_str()));
            if let Some(rule) = unknown {
                let (file, control, rule) = (file.to_owned(), control.id.clone(), rule.clone());
                return Err(ControlPackError::UnknownRule { file, control, rule });
            }
        }
        Ok(pack)
    }

    /// Ids of the controls the findings of a rule speak against.
    pub fn controls_failed_by(&self, rule: &str) -> BTreeSet<String> {
        let touched = |control: &&Control| control.failing_rules.contains(rule);
        self.controls.iter().filter(touched).map(|control| control.id.clone()).collect()
    }

    /// What the evidence says of each control.
    pub fn evaluate(&self, findings: &[Finding], ground: &ControlEvidence) -> Vec<ControlResult> {
        self.controls.iter().map(|control| control.evaluate(findings, ground)).collect()
    }
}

impl Control {
    fn evaluate(&self, findings: &[Finding], ground: &ControlEvidence) -> ControlResult {
        let against: Vec<&Finding> = findings.iter().filter(|f| self.failing_rules.contains(&f.id)).collect();
        let enough = match self.requires {
            ControlRequirement::Evidence => ground.observed_hours > 0,
            ControlRequirement::WatchedCalls => ground.is_complete && ground.watched_calls > 0,
            ControlRequirement::Policies => ground.observed_hours > 0 && ground.all_policies_read(),
        };
        let (state, evidence) = if let Some(worst) = against.first() {
            let more = match against.len() - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            (ControlState::Fail, format!("{}: {}{more}", worst.severity.as_str(), worst.title))
        } else if let Some((rule, remedy)) =
            ground.inactive_rules.iter().find(|(rule, _)| self.failing_rules.contains(**rule))
        {
            (ControlState::NoEvidence, format!("`{rule}` was not looked for: {remedy}"))
        } else if !enough {
            (ControlState::NoEvidence, self.missing_evidence(ground))
        } else {
            let calls = ground.watched_calls;
            let text = match self.requires {
                ControlRequirement::Evidence => {
                    format!("{} hours observed, nothing missing or damaged", ground.observed_hours)
                }
                ControlRequirement::WatchedCalls => {
                    format!("{calls} watched calls, none speaks against it{}", self.policy_caveat(ground))
                }
                ControlRequirement::Policies => {
                    format!(
                        "policies of {} watched principals, none speaks against it",
                        ground.watched_principals
                    )
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
    /// What is not there that it needs.
    fn missing_evidence(&self, ground: &ControlEvidence) -> String {
        match (self.requires, ground.watched_calls) {
            (ControlRequirement::Policies, _) if ground.unread_policies > 0 => {
                format!("policies of {} watched principals were not read", ground.unread_policies)
            }
            (ControlRequirement::Policies, _) if ground.partial_policies > 0 => format!(
                "policies of {} watched principals can only be read in part, or were for a part of the period",
                ground.partial_policies
            ),
            (ControlRequirement::Policies, _) if ground.watched_principals == 0 => {
                "nobody is watched".to_owned()
            }
            (ControlRequirement::Evidence | ControlRequirement::Policies, _) => {
                "no evidence was observed".to_owned()
            }
            (ControlRequirement::WatchedCalls, 0) => "no call of a watched principal was seen".to_owned(),
            (ControlRequirement::WatchedCalls, _) => "evidence is missing".to_owned(),
        }
    }

    /// What a control that passes by what was done leaves open.
    fn policy_caveat(&self, ground: &ControlEvidence) -> &'static str {
        let asks = POLICY_RULES.iter().any(|rule| self.failing_rules.contains(*rule));
        if asks && !ground.all_policies_read() {
            "; what they could do was not, or not wholly, looked at"
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
        let text =
            "id = \"X\"\ntitle = \"X\"\n[[control]]\nid = \"1\"\ntitle = \"t\"\nfails = [\"no-such\"]\n";
        let error = ControlPack::from_toml(text, "x.toml").unwrap_err().to_string();
        assert!(error.contains("`no-such`") && error.contains("write-succeeded"), "{error}");
    }

    #[test]
    fn no_control_passes_without_evidence() {
        let ground = ControlEvidence::default();
        for standard in [Standard::General, Standard::Soc2, Standard::Iso27001] {
            for control in ControlPack::built_in(standard).unwrap().evaluate(&[], &ground) {
                assert_eq!(control.state, ControlState::NoEvidence, "{}", control.id);
            }
        }
    }
}
