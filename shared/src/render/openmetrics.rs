//! Health, dashboard and last runs, or one report, as OpenMetrics text.
//!
//! Enters: a [`Health`] and a [`Dashboard`], or a report. Leaves: text by OpenMetrics 1.0 (`application/openmetrics-text`), which Prometheus scrapes and
//! which node_exporter reads from a file: it takes the types `gauge` and `counter` alone. Laws: each family is there once with its
//! type, its unit and its help; no series is there twice; a unit is a base unit (seconds, bytes, ratio) or is in the name
//! (percent); what is not known has no series; a label never names a principal; the text ends with `# EOF`.

mod families;
mod report;
mod text;

pub use self::families::run_metric_name;
pub use self::report::{FORMAT, report_metrics};
pub use self::text::MEDIA_TYPE;
use self::{
    families::{dashboard, health, runs, seed_names},
    text::MetricsText,
};
use crate::{dashboard::Dashboard, health::Health};

/// The metrics of Onlooker. `scrapes` is how often this process was asked for them; absent for a file.
pub fn openmetrics(health_value: &Health, dashboard_value: &Dashboard, scrapes: Option<u64>) -> String {
    let mut text = MetricsText::default();
    dashboard(&mut text, dashboard_value);
    seed_names(&mut text, dashboard_value);
    health(&mut text, health_value);
    runs(&mut text, health_value);
    if let Some(scrapes) = scrapes {
        families::scrapes(&mut text, scrapes);
    }
    text.finish()
}

#[cfg(test)]
mod tests;
