//! Settings of how Onlooker watches its own runs.
//!
//! Enters: the keys of `[monitoring]`. Leaves: [`MonitoringSettings`]. Law: a limit decides what is told, never what a report
//! claims.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Errors, circuit breakers and the use of CPU, memory and disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MonitoringSettings {
    /// Whether errors, circuit breakers and the use of resources are watched. If not, reports say so.
    pub enabled: bool,
    /// Number of errors within `error_window` at which an alert is sent.
    #[schemars(range(min = 1, max = 10_000))]
    pub error_threshold: u32,
    /// Seconds in which errors are counted together.
    #[schemars(range(min = 10, max = 3_600))]
    pub error_window: u32,
    /// Number of consecutive failures of an operation of AWS at which its circuit breaker opens.
    #[schemars(range(min = 1, max = 100))]
    pub circuit_breaker_threshold: u32,
    /// Seconds after which an open circuit breaker lets one call through to try the operation again.
    #[schemars(range(min = 1, max = 86_400))]
    pub circuit_breaker_timeout: u32,
    /// Share of the CPU above which a run is told of, in percent.
    #[schemars(range(min = 1, max = 100))]
    pub performance_threshold_cpu: u32,
    /// Share of the memory limit above which a run is told of, in percent.
    #[schemars(range(min = 1, max = 100))]
    pub performance_threshold_memory: u32,
    /// Share of the disk above which a run is told of, in percent.
    #[schemars(range(min = 1, max = 100))]
    pub performance_threshold_disk: u32,
    /// Seconds between two samples of CPU, memory and disk during a run.
    #[schemars(range(min = 1, max = 900))]
    pub performance_monitoring_interval: u32,
    /// Seconds after which a call of AWS counts as slow.
    #[schemars(range(min = 1, max = 900))]
    pub slow_operation: u32,
}

impl Default for MonitoringSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            error_threshold: 10,
            error_window: 300,
            circuit_breaker_threshold: 5,
            circuit_breaker_timeout: 300,
            performance_threshold_cpu: 80,
            performance_threshold_memory: 80,
            performance_threshold_disk: 90,
            performance_monitoring_interval: 30,
            slow_operation: 30,
        }
    }
}
