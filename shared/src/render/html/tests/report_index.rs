//! Tests of the index of reports.

use super::*;
use crate::{
    current_status::{CurrentStatus, ReportBrief},
    render::sample,
    report::ReportDifference,
    score::Status,
    time::{HOUR_SECONDS, Time},
};

const START: Time = Time(1_795_255_200 / 86_400 * 86_400 + 22 * HOUR_SECONDS);

fn brief(hours: u32, status: Option<Status>, findings: u64) -> ReportBrief {
    let until = Time(START.0 + hours * HOUR_SECONDS);
    ReportBrief {
        id: format!("{hours:04}{}", "ab".repeat(30)),
        revision: 1,
        since: Time(until.0 - 86_400),
        until,
        generated_at: until,
        run_id: "run".to_owned(),
        status,
        compliance_score: Some(90.0 + f64::from(hours)),
        risk_score: Some(12.5),
        risk_level: None,
        findings,
        report_key: format!("reports/account=111122223333/dt=2026-11-20/{hours}_r0001.json"),
    }
}

/// A good hour, a bad hour with two findings, a failure after midnight and a good hour.
fn history() -> Vec<CurrentStatus> {
    let at = |hours: u32| Time(START.0 + hours * HOUR_SECONDS);
    let reported = |hours, status, findings| {
        CurrentStatus::from_report(brief(hours, Some(status), findings), None, at(hours), 3_600, "run")
    };
    let good = reported(0, Status::Compliant, 0);
    let bad = reported(1, Status::NonCompliant, 2);
    let reason = "cannot read <script>alert(1)</script>\u{202e}";
    let failed = CurrentStatus::from_failure(reason, None, Some(&bad), at(2), 3_600, "run");
    let again = reported(3, Status::Compliant, 1);
    vec![bad, again, failed, good]
}

fn index(history: &[CurrentStatus]) -> String {
    report_index(history, None, "reports-bucket", Time(START.0 + 4 * HOUR_SECONDS)).unwrap()
}

#[test]
fn every_status_has_a_row_in_its_day_newest_first() {
    let page = index(&history());
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    let order = ["<span>2026-11-22</span>", "../reports/account=111122223333/dt=2026-11-20/3_r0001.html"];
    assert!(at(order[0]) < at(order[1]));
    assert!(at(order[1]) < at("cannot read &lt;script&gt;alert(1)&lt;/script&gt;\\u{202e}"));
    assert!(at("cannot read") < at("<span>2026-11-21</span>") && at("<span>2026-11-21</span>") < at("(+2)"));
    assert!(at("(+2)") < at("0_r0001.html"), "the first report of the history has no difference");
    assert_eq!(page.matches("<details class=\"day\" open>").count(), 1);
    assert_eq!(page.matches("2 statuses").count(), 2);
}

#[test]
fn a_day_has_its_worst_status() {
    let page = index(&history());
    let day = |date: &str| page.split(&format!("<span>{date}</span>")).nth(1).unwrap()[..200].to_owned();
    assert!(
        day("2026-11-21").contains("Not compliant") && day("2026-11-22").contains("Insufficient evidence")
    );
}

#[test]
fn a_line_of_the_trend_has_a_gap_at_a_failure() {
    let page = index(&history());
    let line = page.split("<path class=\"compliance\" d=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(line, "M0.0 10.0h0L250.0 9.0M750.0 7.0h0");
    let one = index(&history()[..1]);
    assert!(!one.contains("trend-h"), "one report has no trend");
}

#[test]
fn a_page_is_whole_and_loads_nothing_from_elsewhere() {
    for history in [history(), Vec::new()] {
        let page = index(&history);
        let seen = parse(&page);
        assert_eq!(seen.problems.borrow().as_slice(), &[] as &[String]);
        let tags = seen.tags.borrow();
        let mut open: Vec<&str> = Vec::new();
        for (start, tag, attributes) in tags.iter() {
            for (attribute, value) in attributes {
                assert!(!attribute.starts_with("on") && attribute != "style" && attribute != "src");
                let is_local = ["#", "../reports/", "report."].iter().any(|begin| value.starts_with(begin));
                assert!(attribute != "href" || is_local, "{value}");
            }
            let empty =
                ["meta", "br", "wbr", "rect", "path", "line", "use", "circle"].contains(&tag.as_str());
            match (start, empty) {
                (true, false) => open.push(tag),
                (false, false) => assert_eq!(open.pop(), Some(tag.as_str())),
                _ => {}
            }
        }
        assert!(open.is_empty(), "{open:?}");
        let count = |wanted: &str| tags.iter().filter(|(start, tag, _)| *start && tag == wanted).count();
        assert_eq!((count("h1"), count("table")), (1, count("caption")));
    }
}

#[test]
fn what_changed_between_the_two_newest_reports_is_listed() {
    let (before, mut after) = (sample::compliant(), sample::non_compliant());
    after.result.findings[0].title = "<b>Changed</b>".to_owned();
    let change = ReportDifference::between(&before, &after);
    let page = report_index(&history(), Some(&change), "b", Time(START.0)).unwrap();
    assert_eq!(parse(&page).problems.borrow().as_slice(), &[] as &[String]);
    for shown in
        ["What changed", "New findings (7)", "&lt;b&gt;Changed&lt;/b&gt;", "Principals with another status"]
    {
        assert!(page.contains(shown), "{shown}");
    }
    let same = ReportDifference::between(&after, &after);
    let page = report_index(&history(), Some(&same), "b", Time(START.0)).unwrap();
    assert!(page.contains("Nothing: both have the same") && !page.contains("New findings"));
}

#[test]
fn the_index_of_a_state_links_to_the_reports_beside_it() {
    let sweep = |hours: u32, link: &str| IndexEntry {
        at: Time(START.0 + hours * HOUR_SECONDS),
        status: Some(Status::Compliant),
        reason: None,
        valid_until: None,
        report: Some(IndexedReport {
            id: "abcdef0123456789",
            revision: 1,
            window: None,
            compliance_score: Some(99.0),
            risk_score: Some(1.0),
            findings: u64::from(hours),
            link: Some(link.to_owned()),
        }),
    };
    let page =
        sweep_index(vec![sweep(1, "01JX.json"), sweep(0, "../../x.json")], None, Time(START.0)).unwrap();
    assert_eq!(parse(&page).problems.borrow().as_slice(), &[] as &[String]);
    assert!(page.contains("href=\"01JX.json\"") && page.contains("href=\"latest.html\""));
    assert!(page.contains("trend-h") && page.contains("(+1)"));
    assert!(!page.contains("../") && !page.contains("aws s3 sync") && !page.contains("valid until"));
}

#[test]
fn a_key_of_another_form_has_no_link() {
    let mut status = history().remove(0);
    status.report.as_mut().unwrap().report_key = "javascript:alert(1)//.json".to_owned();
    assert!(!index(&[status]).contains("javascript:"));
}
