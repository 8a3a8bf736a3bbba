//! A deployment that has published a report.

use std::fs;

use onlooker_core::{
    current_status::{CurrentStatus, ReportBrief},
    report::Report,
    time::Time,
};
use test_support::fake_aws::FakeAws;

/// Stores a report and the current status, as the function `report` does. The status is valid for a day from the report on.
pub fn publish_report(cloud: &FakeAws) -> Report {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/src/render/snapshots/onlooker_core__render__json__tests__json_non_compliant.snap"
    );
    let snapshot = fs::read_to_string(path).unwrap();
    let text = snapshot.splitn(3, "---\n").nth(2).unwrap();
    let report: Report = serde_json::from_str(text).unwrap();
    let key = "reports/account=111122223333/dt=2026-03-05/report.json";
    for key in [key, "latest/report.json"] {
        cloud.state().bucket("b").put(key, text);
    }
    let until = report.run.generated_at;
    let brief = ReportBrief::from_report(&report, Time(until.0 - 86_400), until, key);
    let status = CurrentStatus::from_report(brief, None, until, 86_400, "run");
    cloud.put_item("STATUS", "LATEST", &serde_json::to_value(status).unwrap());
    report
}
