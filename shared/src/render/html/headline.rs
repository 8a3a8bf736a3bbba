//! The top of the page: what is claimed, and how sure one may be.
//!
//! Enters: the result. Leaves: [`Headline`]. Law: in a discovery nothing here speaks of compliance.

use crate::{
    render::html::{
        axis::percent,
        word::{self, Word},
    },
    report::{Behaviour, Mode, PrincipalSummary, ReportResult},
    score::{Component, Risk},
};

/// The top of the page.
#[derive(Debug)]
pub struct Headline<'a> {
    /// The status, or that this is a discovery.
    pub status: Word,
    /// The status as every output spells it; empty in a discovery.
    pub code: &'static str,
    /// Risk score, its band, and the score as a length; absent in a discovery.
    pub risk: Option<(f64, Word, String)>,
    /// Parts of the risk score that add to it.
    pub components: Vec<Part<'a>>,
    /// Parts that were counted and found to be zero.
    pub nothing: Vec<&'a str>,
    /// Principals by behaviour, worst first.
    pub behaviours: Vec<Share>,
}

/// One part of the risk score.
#[derive(Debug)]
pub struct Part<'a> {
    /// What is counted, in plain words.
    pub label: &'a str,
    /// The part.
    pub component: &'a Component,
    /// Its points as a length.
    pub width: String,
}

/// How many principals behaved so.
#[derive(Debug)]
pub struct Share {
    /// Value the principals of this behaviour carry for filtering.
    pub key: &'static str,
    /// The behaviour.
    pub word: Word,
    /// Principals.
    pub count: usize,
    /// Their part of all as a length.
    pub width: String,
}

const DISCOVERY: Word = Word {
    text: "Discovery",
    means: "Nothing was promised. This report says who did what, and calls nothing compliant.",
    tone: "none",
    sign: "eye",
};

/// All behaviours, worst first.
const BEHAVIOURS: [Behaviour; 9] = [
    Behaviour::Wrote,
    Behaviour::UsedPrivilege,
    Behaviour::Tried,
    Behaviour::Unknown,
    Behaviour::ReadSecrets,
    Behaviour::ReadData,
    Behaviour::OnlyLooked,
    Behaviour::NoCalls,
    Behaviour::NotSeen,
];

impl<'a> Headline<'a> {
    /// Of a result.
    pub fn of(result: &'a ReportResult) -> Self {
        let status = result.summary.overall_compliance.filter(|_| result.mode == Mode::Proof);
        let parts = result.risk.as_ref().map(parts).unwrap_or_default();
        let (components, nothing): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|part| part.component.count > 0);
        Self {
            status: status.map_or(DISCOVERY, word::status),
            code: status.map_or("", |status| status.as_str()),
            risk: result.risk.as_ref().map(|risk| (risk.score, word::band(risk.level), percent(risk.score))),
            components,
            nothing: nothing.into_iter().map(|part| part.label).collect(),
            behaviours: behaviours(&result.principals),
        }
    }
}

fn parts(risk: &Risk) -> Vec<Part<'_>> {
    let part = |component| Part { label: label(component), component, width: percent(component.points) };
    risk.components.iter().map(part).collect()
}

fn label(component: &Component) -> &str {
    word::component(&component.name).unwrap_or(&component.name)
}

fn behaviours(principals: &[PrincipalSummary]) -> Vec<Share> {
    let share = |behaviour: Behaviour| {
        let count = principals.iter().filter(|principal| principal.behaviour == behaviour).count();
        let width = percent(count as f64 * 100.0 / principals.len().max(1) as f64);
        Share { key: behaviour.as_str(), word: word::behaviour(behaviour), count, width }
    };
    BEHAVIOURS.into_iter().map(share).filter(|share| share.count > 0).collect()
}
