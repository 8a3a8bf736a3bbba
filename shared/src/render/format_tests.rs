//! What holds for every registered format.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{
    escape::is_hidden,
    report::{ReportDifference, SCHEMA_VERSION},
};

fn rendered() -> impl Iterator<Item = (&'static Format, &'static str, Vec<RenderedFile>)> {
    FORMATS.iter().flat_map(|format| {
        sample::all().into_iter().map(|(name, report)| (*format, name, render(&report, format).unwrap()))
    })
}

#[test]
fn every_format_has_a_name_and_a_sentence_of_its_own() {
    let names: BTreeSet<&str> = FORMATS.iter().map(|format| format.name).collect();
    let sentences: BTreeSet<&str> = FORMATS.iter().map(|format| format.help).collect();
    assert_eq!((names.len(), sentences.len()), (FORMATS.len(), FORMATS.len()));
    for format in FORMATS {
        assert!(format.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", format.name);
        assert!(
            format.help.starts_with(char::is_uppercase) && !format.help.ends_with('.'),
            "{}",
            format.name
        );
        assert_eq!(Format::by_name(format.name), Some(*format));
    }
    assert_eq!(Format::by_name("pdf"), None);
    let unknown = Format::named("pdf\u{202e}").unwrap_err().to_string();
    assert!(
        unknown.starts_with("there is no format `pdf\\u{202e}`") && unknown.contains("json, html"),
        "{unknown}"
    );
    let has_parquet = cfg!(feature = "parquet");
    assert_eq!(OMITTED_FORMATS.is_empty(), has_parquet);
    assert_eq!(Format::named("parquet").is_ok(), has_parquet);
}

#[test]
fn every_format_renders_every_sample_to_the_same_files_with_text() {
    for (format, sample, files) in rendered() {
        assert!(
            !files.is_empty() && files.iter().all(|file| !file.bytes.is_empty()),
            "{} {sample}",
            format.name
        );
        let again = sample::all().into_iter().find(|(name, _)| *name == sample).unwrap().1;
        assert_eq!(render(&again, format).unwrap(), files, "{} {sample}", format.name);
        let names = |files: &[RenderedFile]| files.iter().map(|file| file.name).collect::<Vec<_>>();
        assert_eq!(
            names(&files),
            names(&render(&sample::empty(), format).unwrap()),
            "{} {sample}",
            format.name
        );
    }
}

#[test]
fn no_two_files_have_one_name_or_one_suffix() {
    let files = FORMATS.iter().flat_map(|format| render(&sample::empty(), format).unwrap());
    let (mut names, mut suffixes) = (BTreeSet::new(), BTreeSet::new());
    for file in files {
        assert!(names.insert(file.name) && suffixes.insert(file.suffix()), "{}", file.name);
        let is_safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        assert!(
            file.name.chars().all(is_safe) && file.suffix().starts_with(char::is_alphanumeric),
            "{}",
            file.name
        );
    }
}

#[test]
fn every_file_has_a_media_type_and_all_files_of_a_format_have_the_same() {
    for format in FORMATS {
        let files = render(&sample::empty(), format).unwrap();
        let types: BTreeSet<&str> = files.iter().map(|file| file.media_type).collect();
        assert_eq!(types.len(), 1, "{}", format.name);
        for media_type in types {
            let (kind, parameters) = media_type.split_once("; ").unwrap_or((media_type, ""));
            let (top, sub) = kind.split_once('/').unwrap();
            let is_token =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '+' | '-');
            assert!(
                top.chars().all(is_token) && sub.chars().all(is_token) && !sub.is_empty(),
                "{media_type}"
            );
            assert_eq!(parameters == "charset=utf-8", top == "text", "{media_type}");
        }
    }
}

#[test]
fn what_fits_standard_output_is_one_text_without_hidden_characters() {
    for (format, sample, files) in rendered().filter(|(format, ..)| format.fits_standard_output) {
        let [file] = &*files else { panic!("{}: {} files", format.name, files.len()) };
        let text = str::from_utf8(&file.bytes).unwrap();
        let hidden = text.chars().find(|c| *c != '\n' && is_hidden(*c));
        assert_eq!(hidden, None, "{} {sample}", format.name);
    }
}

/// Reports as each version of the schema wrote them, by version. `UPDATE_SCHEMA` writes that of a version without one.
fn reports_of_each_version() -> BTreeMap<String, Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/reports");
    let current = folder.join(format!("report-v{SCHEMA_VERSION}.json"));
    if std::env::var_os("UPDATE_SCHEMA").is_some() && !current.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&current, json::json(&sample::non_compliant()).unwrap()).unwrap();
    }
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = files.filter_map(|path| {
        let name = path.file_name()?.to_str()?;
        let version = name.strip_prefix("report-v")?.strip_suffix(".json")?.to_owned();
        Some((version, std::fs::read(&path).unwrap()))
    });
    named.collect()
}

#[test]
fn a_report_of_every_schema_version_is_read_and_rendered_in_every_format() {
    let reports = reports_of_each_version();
    assert!(reports.contains_key(SCHEMA_VERSION), "UPDATE_SCHEMA=1 writes the report of a new version");
    for (version, bytes) in reports {
        let written: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let report = Report::from_json(&bytes).unwrap();
        assert_eq!(report.schema_version, version);
        assert_eq!(written["result"]["summary"]["overall_compliance"], "NON_COMPLIANT", "{version}");
        for format in FORMATS {
            let files = render(&report, format).unwrap();
            assert!(files.iter().all(|file| !file.bytes.is_empty()), "{} of {version}", format.name);
        }
        for finding in written["result"]["findings"].as_array().unwrap() {
            let severity = finding["severity"].as_str().unwrap();
            let titles = report.result.findings.iter().map(|one| (one.severity.as_str(), one.title.as_str()));
            let expected = (severity, finding["title"].as_str().unwrap());
            assert!(titles.clone().any(|one| one == expected), "{version}: {expected:?}");
        }
        let difference = ReportDifference::between(&report, &report);
        assert!(difference.is_empty(), "{version}");
    }
}

#[test]
fn an_error_names_the_format() {
    let fails = Format { name: "stone", render: |_| Err("too hard".into()), ..json::FORMAT };
    let error = render(&sample::empty(), &fails).unwrap_err();
    assert_eq!(error.to_string(), "cannot write the report in the format `stone`");
    assert_eq!(error.source().unwrap().to_string(), "too hard");
}
