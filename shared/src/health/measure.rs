//! A number that a check looks at, with its limits.
//!
//! Enters: a value and limits. Leaves: a [`HealthMeasure`] and its status. Law: a greater value never has a better status.

use schemars::JsonSchema;
use serde::Serialize;

use super::HealthStatus;

/// Unit of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthUnit {
    /// A number of things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share, 0 to 100.
    Percent,
}

/// A number that a check looks at.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HealthMeasure {
    /// Name, snake_case and permanent.
    pub name: &'static str,
    /// Unit of `value` and of the limits.
    pub unit: HealthUnit,
    /// The value.
    pub value: f64,
    /// The check warns above this value; absent if it never does.
    pub warning: Option<f64>,
    /// The check is critical above this value; absent if it never is.
    pub critical: Option<f64>,
}

impl HealthMeasure {
    /// A number that is only shown.
    pub(super) const fn shown(name: &'static str, unit: HealthUnit, value: f64) -> Self {
        Self { name, unit, value, warning: None, critical: None }
    }

    /// A number with limits.
    pub(super) const fn limited(
        name: &'static str,
        unit: HealthUnit,
        value: f64,
        (warning, critical): (f64, f64),
    ) -> Self {
        Self { name, unit, value, warning: Some(warning), critical: Some(critical) }
    }

    /// A number above which the check warns, and is never critical.
    pub(super) const fn warned(name: &'static str, unit: HealthUnit, value: f64, warning: f64) -> Self {
        Self { name, unit, value, warning: Some(warning), critical: None }
    }

    /// What the limits say about the value.
    pub fn status(&self) -> HealthStatus {
        let is_above = |limit: Option<f64>| limit.is_some_and(|limit| self.value > limit);
        match (is_above(self.critical), is_above(self.warning)) {
            (true, _) => HealthStatus::Critical,
            (false, true) => HealthStatus::Warning,
            (false, false) => HealthStatus::Healthy,
        }
    }
}
