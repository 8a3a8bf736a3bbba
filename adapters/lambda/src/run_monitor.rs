//! Watches one run: its calls of AWS, their circuit breakers and errors, and the use of resources.
//!
//! Enters: the settings in force, the invocation. Leaves: log lines, metrics of the run, and an alert if the functions have too many
//! errors. Law: what cannot be watched changes nothing about the run, whose work is done.

use std::time::Duration;

use lambda_runtime::Context;

use super::{
    FunctionResources, Settings, WEBHOOKS_LIMIT,
    resource_use::{ResourceLimits, ResourceWatch},
};
use onlooker_aws::SystemClock;
use onlooker_core::{
    breaker::BreakerLimits,
    config::{AlertSettings, MonitoringSettings},
    jobs::{
        error_watch::{RunErrors, watch_errors},
        notifications::Notifier,
    },
    ports::Clock as _,
    render::emf::Metrics,
};
use onlooker_webhook::WebhookSink;

/// Watches a run until it is finished.
pub(super) struct RunMonitor {
    resources: &'static FunctionResources,
    monitoring: MonitoringSettings,
    alerts: AlertSettings,
    clock: SystemClock,
    watch: Option<ResourceWatch>,
}

impl RunMonitor {
    /// Begins to watch. Without settings the defaults apply.
    pub(super) fn start(
        resources: &'static FunctionResources,
        settings: Option<&Settings>,
        run_id: &str,
        context: &Context,
        clock: SystemClock,
    ) -> Self {
        let of_config =
            |settings: &Settings| (settings.config.monitoring.clone(), settings.config.alerts.clone());
        let (monitoring, alerts) = settings.map(of_config).unwrap_or_default();
        resources.breakers.set_limits(monitoring.enabled.then(|| BreakerLimits::from(&monitoring)));
        resources.calls.begin(run_id, Duration::from_secs(monitoring.slow_operation.into()));
        let memory = Some(f64::from(context.env_config.memory)).filter(|megabytes| *megabytes > 0.0);
        let limits = ResourceLimits { memory };
        let watch = monitoring.enabled.then(|| ResourceWatch::start(limits, &monitoring, clock.remaining()));
        Self { resources, monitoring, alerts, clock, watch }
    }

    /// Ends. Returns the metrics of the run with those of its calls and of its use of resources, unless it is quiet: such a run has
    /// no metrics.
    pub(super) fn finish(self, function: &str, run_id: &str, is_quiet: bool, metrics: Metrics) -> Metrics {
        for change in self.resources.breakers.take_changes() {
            let (operation, is_open) = (change.operation, change.is_open);
            tracing::warn!(log_type = "error", operation, is_open, "a circuit breaker opened or closed");
        }
        if let Some(counts) = self.resources.calls.take_errors_to_store(self.clock.now())
            && let Err(error) = self.watch_errors(RunErrors { function, run_id, counts: &counts })
        {
            tracing::error!(log_type = "error", exception = %error, "cannot watch the errors of the functions");
        }
        match self.watch {
            Some(watch) if !is_quiet => {
                let metrics = self.resources.calls.add_metrics(metrics);
                watch.stop(&self.monitoring, self.clock.remaining(), metrics)
            }
            _ => metrics,
        }
    }

    /// Counts the errors of the run with those of the other runs, and sends an alert if there are too many.
    fn watch_errors(&self, errors: RunErrors<'_>) -> Result<bool, Box<dyn std::error::Error>> {
        let Self { resources, monitoring, alerts, clock, .. } = self;
        let webhooks = WebhookSink::all(&alerts.webhooks, &resources.webhook_client, clock, WEBHOOKS_LIMIT);
        let sinks = resources.sinks(&webhooks)?;
        // Errors do not wait for a digest.
        let policy = alerts.policy().without_digest();
        let notifier = Notifier { table: resources.table, sinks: &sinks, clock, policy };
        Ok(watch_errors(&notifier, monitoring, errors)?)
    }
}
