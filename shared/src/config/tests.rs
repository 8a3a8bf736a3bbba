//! Tests of whole configurations: valid and invalid files, variables, output.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::from_toml(text, "onlooker.toml")
}

fn refused(text: &str) -> String {
    read(text).expect_err(text).to_string()
}

fn vars(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const FULL: &str = r#"
standard = "CUSTOM"
standard_file = "packs/own.toml"
catalog = "catalog.bin"
exempt = ["arn:aws:iam::*:role/break-glass"]

[[watch]]
principal = "arn:aws:iam::*:role/Auditor"
reason = "promised in writing"

[[watch]]
principal = "arn:aws:iam::*:role/ci-*"
machine = true
[watch.business_hours]
time_zone = "Asia/Kolkata"
start = "22:00"
end = "06:00"

[coverage]
accounts = ["111122223333"]
regions = ["eu-central-1"]
event_classes = ["management-read", "data:AWS::S3::Object"]
logged = ["management-read"]

[business_hours]
time_zone = "Europe/Zurich"
days = ["mon", "sat"]
start = "08:00"
end = "24:00"

[thresholds]
error_rate = 5
error_rate_min_calls = 1

[[override]]
id = "session-manager"
principal = "arn:aws:iam::111122223333:role/Auditor"
operation = "ssm:StartSession"
resource = "arn:aws:ec2:*:111122223333:instance/*"
owner = "security@example.com"
reason = "looks at hosts"
expires = 2027-01-31T00:00:00Z

[redaction]
sessions = true

[limits]
log_file_mib = 64
threads = 2
"#;

#[test]
fn a_full_configuration_survives_a_round_trip() {
    let config = read(FULL).expect("valid");
    assert_eq!(config.thresholds.error_rate, 5.0);
    assert_eq!(config.overrides[0].expires, Time::parse("2027-01-31T00:00:00Z").expect("a time"));
    assert_eq!(config.watch[1].business_hours.as_ref().map(|hours| hours.days.len()), Some(5));
    let written = config.to_toml().expect("can be written");
    assert_eq!(read(&written).expect(&written), config);
}

#[test]
fn an_empty_file_is_the_default_configuration() {
    assert_eq!(read("").expect("valid"), Config::default());
    assert_eq!(Config::read(None, []).expect("valid"), Config::default());
}

#[test]
fn the_template_is_the_default_configuration() {
    assert_eq!(read(&template()).expect("valid"), Config::default());
    assert_snapshot!(template());
}

#[test]
fn every_example_of_the_template_is_valid() {
    let text: String = template()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(example) if !example.is_empty() && !example.starts_with(' ') => format!("{example}\n"),
            _ => format!("{line}\n"),
        })
        .collect::<String>()
        .replace("standard = \"GENERAL\"", "standard = \"CUSTOM\"");
    let config = read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!((config.watch.len(), config.overrides.len()), (1, 1));
    assert!(config.watch[0].business_hours.is_some() && config.business_hours.is_some());
    for variable in variables() {
        let key = variable.key.rsplit('.').next().unwrap_or_default();
        assert!(text.contains(key), "{key}");
    }
}

#[test]
fn every_problem_has_a_location_and_a_remedy() {
    assert_snapshot!(refused(
        r#"standrad = "SOC2"
standard_file = "own.toml"
catalog = ""
exempt = ["role/Admin", "arn:aws:iam::*:role/X", "arn:aws:iam::*:role/X"]

[[watch]]
principle = "arn:aws:iam::*:role/Auditor"

[[watch]]
principal = "arn:aws:sts::111122223333:assumed-role/CI/session"
machine = "yes"

[coverage]
accounts = [111122223333, "1111"]
regions = ["eu-central1", "global"]
event_classes = ["managment-write", "data:S3"]
watch = []

[business_hours]
time_zone = "Europe/Zurick"
days = ["mon", "tues"]
start = "8:00"
end = "18:00"

[thresholds]
error_rate = 120
error_rate_min_calls = 2.5
log_file_mib = 5

[[override]]
id = "a b"
principal = "*"
operation = "*:*"
owner = " "
expires = 2027-01-31

[limits]
log_file_mib = 0
threads = 99999999999999999999
"#
    ));
}

#[test]
fn inconsistent_keys_are_refused() {
    assert_snapshot!(refused(
        r#"standard_file = "own.toml"
watch = [{ principal = "arn:aws:iam::*:role/A" }, { principal = "arn:aws:iam::*:role/A" }]
[business_hours]
time_zone = "UTC"
days = []
start = "08:00"
end = "08:00"
[[override]]
id = "one"
principal = "arn:aws:iam::*:role/A"
operation = "s3:Put*"
owner = "me"
reason = "because"
expires = "2027-01-31T00:00:00Z"
[[override]]
id = "one"
principal = "arn:aws:iam::*:role/B"
operation = "s3:Put*"
owner = "me"
reason = "because"
expires = "2027-01-31T00:00:00+02:00"
"#
    ));
    assert_snapshot!("custom_without_a_pack", refused("standard = \"CUSTOM\""));
}

#[test]
fn a_retired_or_unknown_standard_names_its_pack() {
    let messages = ["standard = \"GCC_2_0\"", "standard = \"PCI\"", "standard = \"soc2\""].map(refused);
    assert_snapshot!(messages.join("\n"));
}

#[test]
fn invalid_toml_is_refused_with_its_location() {
    let messages = [
        "standard = SOC2\n",
        "[[watch]\n",
        "exempt = [\"a\",\n",
        "standard = \"SOC2\"\nstandard = \"SOC2\"\n",
        "# ünïcödé\nä = 1\n",
    ]
    .map(refused);
    assert_snapshot!(messages.join("\n"));
}

#[test]
fn hostile_texts_are_shown_without_their_control_characters() {
    let text = refused("standard = \"\\u001b[31mred\\u0007\"");
    assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text}");
    assert!(refused(&format!("standard = \"{}\"", "A".repeat(100_000))).len() < 1_000);
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        format!("exempt = {}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("{}b = 1", "a.".repeat(100_000)),
        format!("[{}b]", "a.".repeat(100_000)),
        format!("a = {}", "{a=".repeat(100_000)),
    ] {
        assert!(read(&text).is_err());
    }
}

#[test]
fn every_key_has_a_variable_that_wins_over_the_file() {
    let given = vars(&[
        ("ONLOOKER_STANDARD", "SOC2"),
        ("ONLOOKER_STANDARD_FILE", ""),
        ("ONLOOKER_WATCH", "arn:aws:iam::*:role/A, arn:aws:iam::*:user/b"),
        ("ONLOOKER_EXEMPT", "arn:aws:iam::*:root"),
        ("ONLOOKER_COVERAGE_ACCOUNTS", "111122223333,444455556666"),
        ("ONLOOKER_COVERAGE_EVENT_CLASSES", "data"),
        ("ONLOOKER_BUSINESS_HOURS_TIME_ZONE", "UTC"),
        ("ONLOOKER_BUSINESS_HOURS_DAYS", "mon,tue"),
        ("ONLOOKER_BUSINESS_HOURS_START", "08:00"),
        ("ONLOOKER_BUSINESS_HOURS_END", "09:00"),
        ("ONLOOKER_THRESHOLDS_ERROR_RATE", "12.5"),
        ("ONLOOKER_REDACTION_ACCOUNTS", "true"),
        ("ONLOOKER_LIMITS_THREADS", "3"),
        ("ONLOOKER_CONFIG", "elsewhere.toml"),
        ("ONLOOKER_TEST_DATA", "/data"),
        ("HOME", "/root"),
    ]);
    let file = "standard = \"ISO27001\"\n[[watch]]\nprincipal = \"arn:aws:iam::*:role/Z\"\n[limits]\nlog_file_mib = 9";
    let config = Config::read(Some(("onlooker.toml", file)), given.clone()).expect("valid");
    assert_eq!(config.standard, Standard::Soc2);
    assert_eq!(
        config.watch.iter().map(|w| w.principal.as_str()).collect::<Vec<_>>(),
        ["arn:aws:iam::*:role/A", "arn:aws:iam::*:user/b"]
    );
    assert_eq!(config.coverage.accounts, ["111122223333", "444455556666"]);
    assert_eq!(
        config.business_hours.as_ref().map(|hours| hours.days.clone()),
        Some(vec![Weekday::Mon, Weekday::Tue])
    );
    assert_eq!(config.thresholds.error_rate, 12.5);
    assert!(config.redaction.accounts);
    assert_eq!((config.limits.threads, config.limits.log_file_mib), (3, 9));

    let mut later = read(file).expect("valid");
    later.apply_variables(given).expect("valid");
    assert_eq!(later, config);
}

#[test]
fn a_variable_can_supply_a_missing_key() {
    let given = vars(&[("ONLOOKER_STANDARD_FILE", "own.toml")]);
    let config = Config::read(Some(("onlooker.toml", "standard = \"CUSTOM\"")), given).expect("valid");
    assert_eq!(config.standard_file.as_deref(), Some("own.toml"));
}

#[test]
fn problems_of_variables_name_the_variable() {
    let given = vars(&[
        ("ONLOOKER_STANDARD", "GCC_2_0"),
        ("ONLOOKER_WACH", "arn:aws:iam::*:role/A"),
        ("ONLOOKER_WATCH", "role/A"),
        ("ONLOOKER_OVERRIDE", "s3:*"),
        ("ONLOOKER_NONSENSE_OF_ANOTHER_TOOL", "1"),
        ("ONLOOKER_LIMITS_THREADS", "many"),
        ("ONLOOKER_THRESHOLDS_ERROR_RATE", "nan"),
        ("ONLOOKER_REDACTION_SESSIONS", "yes"),
        ("ONLOOKER_BUSINESS_HOURS_START", "08:00"),
    ]);
    let mut config = Config::default();
    let error = config.apply_variables(given).expect_err("refused");
    assert_eq!(config, Config::default(), "the configuration did not change");
    assert_snapshot!(error);
}

#[test]
fn variables_are_listed_with_their_keys() {
    let list: String = variables().iter().map(|v| format!("{} = {}\n", v.name, v.key)).collect();
    assert_snapshot!(list);
    let mut names: Vec<_> = variables().into_iter().map(|v| v.name).collect();
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "two keys share a variable");
}

#[test]
fn problems_serialize_as_json() {
    let error = read("wach = 1").expect_err("unknown");
    assert_snapshot!(serde_json::to_string(&error).expect("json"));
}

#[test]
fn an_exemption_wins_over_a_watch_and_the_first_watch_over_later_ones() {
    let config = read(
        "exempt = [\"arn:aws:iam::*:role/aud-admin\"]\n\
         [[watch]]\nprincipal = \"arn:aws:iam::*:role/aud-*\"\nreason = \"first\"\n\
         [[watch]]\nprincipal = \"arn:aws:iam::*:role/*\"\nreason = \"second\"\n",
    )
    .expect("valid");
    let reason = |arn: &str| {
        let principal = Principal {
            arn: arn.into(),
            kind: crate::principal::PrincipalKind::Role,
            account: "111122223333".into(),
        };
        config.watch_for(&principal).and_then(|watch| watch.reason.clone())
    };
    assert_eq!(reason("arn:aws:iam::111122223333:role/aud-it").as_deref(), Some("first"));
    assert_eq!(reason("arn:aws:iam::111122223333:role/other").as_deref(), Some("second"));
    assert_eq!(reason("arn:aws:iam::111122223333:role/aud-admin"), None);
    assert_eq!(reason("arn:aws:iam::111122223333:user/aud-it"), None);
}

#[test]
fn a_role_or_user_is_known_by_its_name_whatever_its_path() {
    let is_watched = |pattern: &str, arn: &str| {
        let config = read(&format!("[[watch]]\nprincipal = \"arn:aws:iam::{pattern}\"\n")).expect("valid");
        config.watch_for_arn(&format!("arn:aws:iam::{arn}")).is_some()
    };
    for kind in ["role", "user"] {
        for (pattern, name, expected) in [
            ("111122223333:KIND/team/jane", "111122223333:KIND/jane", true),
            ("111122223333:KIND/jane", "111122223333:KIND/team/jane", true),
            ("111122223333:KIND/jane", "444455556666:KIND/team/jane", false),
            ("111122223333:KIND/jane", "111122223333:KIND/team/bob", false),
            ("111122223333:KIND/team/jane", "111122223333:KIND/other/jane", true),
            ("111122223333:KIND/jan*", "111122223333:KIND/team/jane", false),
            ("111122223333:KIND/team/jan*", "111122223333:KIND/jane", true),
            ("111122223333:KIND/team/*", "111122223333:KIND/jane", false),
            ("*:KIND/jane", "111122223333:KIND/team/jane", true),
            ("111122223333:KIND/team/jane", "111122223333:KIND/ops/jane", true),
            ("*:KIND/team/jane", "111122223333:KIND/ops/jane", false),
            ("*:KIND/jane", "111122223333:KIND/team/bob", false),
            ("*:KIND/j*", "111122223333:KIND/team/jane", false),
        ] {
            let (pattern, name) = (pattern.replace("KIND", kind), name.replace("KIND", kind));
            assert_eq!(is_watched(&pattern, &name), expected, "{pattern} {name}");
        }
    }
    assert!(!is_watched("111122223333:role/jane", "111122223333:user/jane"));
}

#[test]
fn the_schema_matches_its_snapshot() {
    assert_snapshot!(serde_json::to_string_pretty(&schema()).expect("json"));
}

proptest! {
    #[test]
    fn no_input_panics(text in "(?s).{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn an_edited_configuration_round_trips_or_is_refused(
        at in 0..FULL.len(), length in 0_usize..8, piece in "[ -~\n]{0,4}",
    ) {
        let mut text = FULL.to_owned();
        text.replace_range(at..(at + length).min(text.len()), &piece);
        match read(&text) {
            Ok(config) => prop_assert_eq!(read(&config.to_toml().expect("toml")).expect("valid"), config),
            Err(error) => prop_assert!(!error.problems.is_empty()),
        }
    }

    #[test]
    fn no_variable_panics(name in "ONLOOKER_[A-Z_]{0,30}", value in "(?s).{0,40}") {
        let _ = Config::read(None, [(name, value)]);
    }

    #[test]
    fn any_variable_value_is_accepted_or_refused(at in 0..variables().len(), value in "[ -~]{1,12}") {
        let name = variables().remove(at).name;
        if let Err(error) = Config::read(None, [(name.clone(), value)]) {
            for problem in error.problems {
                prop_assert_eq!(problem.location, ConfigLocation::Variable { variable: name.as_str().into() });
            }
        }
    }
}
