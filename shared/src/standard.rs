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
    finding::{Finding, OF_POLICIES, RULES},
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
pub enum Needs {
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
    pub needs: Needs,
    /// Ids of the rules whose findings speak against it.
    pub fails: BTreeSet<String>,
}

/// A standard as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pack {
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
pub enum PackError {
    /// Not TOML, or not of a pack's shape.
    #[error("cannot read control pack `{file}`: {cause}")]
    Shape {
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
    #[error("control pack `{file}` {what}")]
    Controls {
        /// File name.
        file: String,
        /// What is wrong with its controls.
        what: String,
    },
    /// The standard `CUSTOM` has no pack of its own.
    #[error("the standard `CUSTOM` needs a control pack: set `standard_file`, or pass `--pack FILE`")]
    NoPack,
}

fn rule_ids() -> String {
    RULES.map(|rule| rule.id).join(", ")
}

/// What the evidence allows a control to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// Rules that had nothing to go by, each with what would give them that.
    pub idle: BTreeMap<&'static str, &'static str>,
    /// Calls of watched principals.
    pub watched_calls: u64,
    /// Nothing is known to be missing.
    pub complete: bool,
    /// Hours observed.
    pub observed_hours: u64,
    /// Watched principals that were seen or whose policies were read.
    pub watched_principals: u64,
    /// Watched principals, and promises for which nobody was seen, whose policies were not read.
    pub unread_policies: u64,
    /// Watched principals of whose policies some cannot be read, or that were read for a part of the period only.
    pub partial_policies: u64,
}

impl Ground {
    /// Whether what watched principals could do was looked at, of all of them.
    const fn policies_read(&self) -> bool {
        self.watched_principals > 0 && self.unread_policies == 0 && self.partial_policies == 0
    }
}

impl Pack {
    /// The pack shipped for a standard; `CUSTOM` has none.
    ///
    /// # Errors
    /// [`PackError::NoPack`] for `CUSTOM`; the others never for a shipped pack, as a test shows.
    pub fn shipped(standard: Standard) -> Result<Self, PackError> {
        let (file, text) = match standard {
            Standard::General => ("general.toml", include_str!("../data/packs/general.toml")),
            Standard::Soc2 => ("soc2.toml", include_str!("../data/packs/soc2.toml")),
            Standard::Iso27001 => ("iso27001.toml", include_str!("../data/packs/iso27001.toml")),
            Standard::Custom => return Err(PackError::NoPack),
        };
        Self::from_toml(text, file)
    }

    /// Reads a pack and checks it.
    ///
    /// # Errors
    /// [`PackError`], naming the file and what to change.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, PackError> {
        let pack: Self =
            toml::from_str(text).map_err(|cause| PackError::Shape { file: file.to_owned(), cause })?;
        if pack.controls.is_empty() {
            return Err(PackError::Controls {
                file: file.to_owned(),
                what: "has no `[[control]]`".to_owned(),
            });
        }
        let mut ids = BTreeSet::new();
        for control in &pack.controls {
            if !ids.insert(&control.id) {
                let what = format!("has two controls `{}`", control.id);
                return Err(PackError::Controls { file: file.to_owned(), what });
            }
            let unknown = control.fails.iter().find(|id| !RULES.iter().any(|rule| rule.id == id.as_str()));
            if let Some(rule) = unknown {
                let (file, control, rule) = (file.to_owned(), control.id.clone(), rule.clone());
                return Err(PackError::UnknownRule { file, control, rule });
            }
        }
        Ok(pack)
    }

    /// Ids of the controls the findings of a rule speak against.
    pub fn touched_by(&self, rule: &str) -> BTreeSet<String> {
        let touched = |control: &&Control| control.fails.contains(rule);
        self.controls.iter().filter(touched).map(|control| control.id.clone()).collect()
    }

    /// What the evidence says of each control.
    pub fn judge(&self, findings: &[Finding], ground: &Ground) -> Vec<ControlResult> {
        self.controls.iter().map(|control| control.judge(findings, ground)).collect()
    }
}

impl Control {
    fn judge(&self, findings: &[Finding], ground: &Ground) -> ControlResult {
        let against: Vec<&Finding> = findings.iter().filter(|f| self.fails.contains(&f.id)).collect();
        let enough = match self.needs {
            Needs::Evidence => ground.observed_hours > 0,
            Needs::WatchedCalls => ground.complete && ground.watched_calls > 0,
            Needs::Policies => ground.observed_hours > 0 && ground.policies_read(),
        };
        let (state, evidence) = if let Some(worst) = against.first() {
            let more = match against.len() - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            (ControlState::Fail, format!("{}: {}{more}", worst.severity.as_str(), worst.title))
        } else if let Some((rule, remedy)) = ground.idle.iter().find(|(rule, _)| self.fails.contains(**rule))
        {
            (ControlState::NoEvidence, format!("`{rule}` was not looked for: {remedy}"))
        } else if !enough {
            (ControlState::NoEvidence, self.lacking(ground))
        } else {
            let calls = ground.watched_calls;
            let text = match self.needs {
                Needs::Evidence => {
                    format!("{} hours observed, nothing missing or damaged", ground.observed_hours)
                }
                Needs::WatchedCalls => {
                    format!("{calls} watched calls, none speaks against it{}", self.unlooked(ground))
                }
                Needs::Policies => {
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
    fn lacking(&self, ground: &Ground) -> String {
        match (self.needs, ground.watched_calls) {
            (Needs::Policies, _) if ground.unread_policies > 0 => {
                format!("policies of {} watched principals were not read", ground.unread_policies)
            }
            (Needs::Policies, _) if ground.partial_policies > 0 => format!(
                "policies of {} watched principals can only be read in part, or were for a part of the period",
                ground.partial_policies
            ),
            (Needs::Policies, _) if ground.watched_principals == 0 => "nobody is watched".to_owned(),
            (Needs::Evidence | Needs::Policies, _) => "no evidence was observed".to_owned(),
            (Needs::WatchedCalls, 0) => "no call of a watched principal was seen".to_owned(),
            (Needs::WatchedCalls, _) => "evidence is missing".to_owned(),
        }
    }

    /// What a control that passes by what was done leaves open.
    fn unlooked(&self, ground: &Ground) -> &'static str {
        let asks = OF_POLICIES.iter().any(|rule| self.fails.contains(*rule));
        if asks && !ground.policies_read() {
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
    fn every_shipped_pack_is_sound() {
        for standard in [Standard::General, Standard::Soc2, Standard::Iso27001] {
            Pack::shipped(standard).unwrap();
        }
        Pack::from_toml(include_str!("../../docs/packs/gcc-2-0.toml"), "gcc-2-0.toml").unwrap();
    }

    #[test]
    fn a_rule_that_does_not_exist_is_named() {
        let text =
            "id = \"X\"\ntitle = \"X\"\n[[control]]\nid = \"1\"\ntitle = \"t\"\nfails = [\"no-such\"]\n";
        let error = Pack::from_toml(text, "x.toml").unwrap_err().to_string();
        assert!(error.contains("`no-such`") && error.contains("write-succeeded"), "{error}");
    }

    #[test]
    fn no_control_passes_without_evidence() {
        let ground = Ground::default();
        for standard in [Standard::General, Standard::Soc2, Standard::Iso27001] {
            for control in Pack::shipped(standard).unwrap().judge(&[], &ground) {
                assert_eq!(control.state, ControlState::NoEvidence, "{}", control.id);
            }
        }
    }
}
