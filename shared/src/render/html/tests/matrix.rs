//! Tests of the matrices on a page.

use super::page;
use crate::{
    render::{html::filters::thousands, matrix::MatrixRowState, sample},
    report::{AccessMatrix, MatrixRow, Report},
};

/// The text of each cell of each row in the part of a page about one principal.
fn rows(page: &str, number: usize) -> Vec<Vec<String>> {
    let part = page.split("<details id=\"p").find(|part| part.starts_with(&format!("{number}\""))).unwrap();
    part.split("<tr").skip(1).map(|row| row.split("<t").skip(1).map(text).collect()).collect()
}

/// The text between the tags, from the end of the first tag to the end of the cell.
fn text(cell: &str) -> String {
    let cell = cell.split("</td>").flat_map(|cell| cell.split("</th>")).next().unwrap_or_default();
    let cell = cell.split_once('>').map_or("", |(_, rest)| rest);
    let parts = cell.split('<').map(|part| part.split_once('>').map_or(part, |(_, rest)| rest));
    parts.collect::<String>().trim().to_owned()
}

/// Every matrix in the order of the page: watched principals first, then the most severe.
fn matrices(report: &Report) -> Vec<&AccessMatrix> {
    let mut all: Vec<_> = report.result.principals.iter().collect();
    all.sort_by_key(|p| std::cmp::Reverse((p.watched_as.is_some(), p.status, p.behavior, p.calls)));
    all.iter().filter_map(|principal| principal.matrix.as_ref()).collect()
}

fn cells(row: &MatrixRow) -> Vec<String> {
    let mut cells = vec![row.label(), row.state().text().to_owned()];
    match &row.granted {
        Some(granted) => cells.extend([thousands(granted.unconditional), thousands(granted.conditional)]),
        None => cells.push("unknown".to_owned()),
    }
    cells.extend([row.denied, row.failed, row.used, row.through_roles].map(thousands));
    cells
}

#[test]
fn every_matrix_row_is_shown_with_all_its_numbers() {
    let report = sample::non_compliant();
    let page = page(&report);
    let matrices = matrices(&report);
    assert_eq!(matrices.len(), 4);
    for (number, matrix) in matrices.into_iter().enumerate() {
        let rows = rows(&page, number);
        let others = matrix.empty_row_labels();
        assert!(others.is_empty() || rows.iter().any(|row| row.contains(&others.concat())));
        let listed = matrix.capabilities.iter().filter(|row| !others.contains(&row.label()));
        for row in listed.chain(&matrix.services) {
            let wanted = cells(row);
            assert!(rows.iter().any(|row| row.starts_with(&wanted)), "{number}: {wanted:?} {rows:#?}");
        }
    }
}

#[test]
fn matrix_details_are_on_the_page() {
    let report = sample::non_compliant();
    let page = page(&report);
    let matrix = matrices(&report)[0];
    let rows = rows(&page, 0);
    let has =
        |wanted: &[&str]| rows.iter().any(|row| wanted.iter().all(|cell| row.iter().any(|c| c == cell)));
    for unused in &matrix.unused_services {
        let numbers = [unused.actions, unused.excessive, unused.unlogged].map(thousands);
        assert!(has(&[&unused.service, &numbers[0], &numbers[1], &numbers[2], &unused.examples.join(", ")]));
    }
    for one in &matrix.ungranted_operations {
        assert!(has(&[&one.operation, &one.actions.join(", "), &thousands(one.count), &one.explanation]));
    }
    for one in &matrix.role_chains {
        assert!(
            has(&[&one.path.join("→ "), &thousands(one.calls), &thousands(one.non_reads_succeeded)]),
            "{rows:#?}"
        );
    }
    for policies in &matrix.policies {
        assert!(has(&[&policies.sha256]));
    }
    let all: String =
        page.split('<').map(|part| part.split_once('>').map_or(part, |(_, rest)| rest)).collect();
    for path in &matrix.escalation_paths {
        assert!(
            all.contains(&path.description.replace('\'', "&#39;")) && all.contains(&path.actions.join(" → ")),
            "{path:?}"
        );
    }
    for shown in [
        "Granted, not used in 1 day 4 actions that are not read-only",
        "3 more services with unused grants of reads only: 41 actions.",
        "Grants tolerated by overrides: 2 by release-uploads.",
        "Not evaluated: permissions boundary (can only restrict permissions); service control policies",
    ] {
        assert!(all.contains(shown), "{shown}");
    }
}

#[test]
fn unread_policies_show_unknown_grants() {
    let report = sample::non_compliant();
    let page = page(&report);
    let number = matrices(&report).iter().position(|matrix| !matrix.has_policies()).unwrap();
    let rows = rows(&page, number);
    assert!(rows.iter().any(|row| row.get(2).is_some_and(|granted| granted == "unknown")));
    assert!(
        !rows.iter().flatten().any(|cell| cell == "not granted" || cell == "granted, not used"),
        "{rows:#?}"
    );
    assert!(page.contains("The principal's policies were not read, so the permissions are unknown."));
}

#[test]
fn the_overview_has_words_beside_its_symbols() {
    let page = page(&sample::non_compliant());
    let (_, overview) = page.split_once("<table class=\"overview\">").unwrap();
    let (overview, _) = overview.split_once("</table>").unwrap();
    let columns = overview.matches("<th scope=\"col\" class=\"mark\">").count();
    assert!((1..=11).contains(&columns));
    assert_eq!(overview.matches("<td class=\"mark").count(), 4 * columns);
    for cell in overview.split("<td class=\"mark").skip(1) {
        let states = MatrixRowState::ALL.map(|state| format!("{}</span>", state.text()));
        assert!(states.iter().any(|text| cell.contains(text)), "{cell}");
    }
}

#[test]
fn a_large_matrix_is_truncated() {
    let report = sample::large();
    let page = page(&report);
    for more in ["405 more services are not shown here", "25 more paths are not shown here"] {
        assert!(page.contains(more), "{more}");
    }
    assert_eq!(page.matches("<div class=\"matrix-view\"").count(), 60);
}

#[test]
fn a_discovery_has_no_matrix() {
    let page = page(&sample::discovery());
    assert!(!page.contains("class=\"overview\"") && !page.contains("class=\"matrix-view\""));
}
