//! The top of the page: the status and the scores.
//!
//! Enters: the result. Leaves: [`Headline`]. Law: in a discovery nothing here mentions compliance.

use crate::{
    render::html::{
        axis::percent,
        badge::{self, Badge},
    },
    report::{Behavior, PrincipalSummary, ReportMode, ReportResult},
    score::{RiskComponent, RiskScore},
};

/// The top of the page.
#[derive(Debug)]
pub struct Headline<'a> {
    /// The status; in a discovery its own badge.
    pub status: Badge,
    /// The status word of every output; empty in a discovery.
    pub status_code: &'static str,
    /// Risk score, its band, and the length of its bar; absent in a discovery.
    pub risk: Option<(f64, Badge, String)>,
    /// Parts of the risk score with a count.
    pub components: Vec<RiskComponentBar<'a>>,
    /// Labels of the parts with a count of zero.
    pub zero_components: Vec<&'a str>,
    /// Principals by behavior, most severe first.
    pub behaviors: Vec<BehaviorShare>,
}

/// One part of the risk score.
#[derive(Debug)]
pub struct RiskComponentBar<'a> {
    /// What the component counts, in words.
    pub label: &'a str,
    /// The component of the risk score.
    pub component: &'a RiskComponent,
    /// Length of the component's bar, as an SVG length in percent.
    pub width: String,
}

/// How many principals have a behavior.
#[derive(Debug)]
pub struct BehaviorShare {
    /// Value to filter by.
    pub key: &'static str,
    /// Badge of the behavior.
    pub badge: Badge,
    /// Number of principals with the behavior.
    pub count: usize,
    /// Length of the bar of their share.
    pub width: String,
}

pub(super) const DISCOVERY: Badge = Badge {
    text: "Discovery",
    meaning: "No principal is watched. This report lists who did what and does not assess compliance.",
    tone: "none",
    icon: "eye",
};

/// All behaviors, most severe first.
const BEHAVIORS: [Behavior; 9] = [
    Behavior::Wrote,
    Behavior::UsedPrivilege,
    Behavior::Attempted,
    Behavior::UnknownCalls,
    Behavior::ReadSecrets,
    Behavior::ReadData,
    Behavior::OnlyRead,
    Behavior::NoCalls,
    Behavior::NotSeen,
];

impl<'a> Headline<'a> {
    /// The headline of a result.
    pub fn of(result: &'a ReportResult) -> Self {
        let status = result.summary.overall_compliance.filter(|_| result.mode == ReportMode::Proof);
        let parts = result.risk.as_ref().map(component_bars).unwrap_or_default();
        let (components, zero): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|part| part.component.count > 0);
        Self {
            status: status.map_or(DISCOVERY, badge::status),
            status_code: status.map_or("", |status| status.as_str()),
            risk: result
                .risk
                .as_ref()
                .map(|risk| (risk.score, badge::risk_band(risk.level), percent(risk.score))),
            components,
            zero_components: zero.into_iter().map(|part| part.label).collect(),
            behaviors: behavior_shares(&result.principals),
        }
    }
}

fn component_bars(risk: &RiskScore) -> Vec<RiskComponentBar<'_>> {
    let part = |component| RiskComponentBar {
        label: component_label(component),
        component,
        width: percent(component.points),
    };
    risk.components.iter().map(part).collect()
}

fn component_label(component: &RiskComponent) -> &str {
    badge::risk_component(&component.name).unwrap_or(&component.name)
}

fn behavior_shares(principals: &[PrincipalSummary]) -> Vec<BehaviorShare> {
    let share = |behavior: Behavior| {
        let count = principals.iter().filter(|principal| principal.behavior == behavior).count();
        let width = percent(count as f64 * 100.0 / principals.len().max(1) as f64);
        BehaviorShare { key: behavior.as_str(), badge: badge::behavior(behavior), count, width }
    };
    BEHAVIORS.into_iter().map(share).filter(|share| share.count > 0).collect()
}
