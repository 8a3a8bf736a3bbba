//! Alarms, metrics and the dashboard of the stack, and the pages about them.

use std::collections::BTreeMap;

use super::*;

#[test]
fn every_failure_reaches_an_alarm() {
    let stack = StackTemplate::read();
    for (name, function) in stack.functions() {
        let failure = &function["EventInvokeConfig"]["DestinationConfig"]["OnFailure"];
        assert_eq!(
            *failure,
            json!({ "Type": "SQS", "Destination": get_att_arn("DeadLetterQueue") }),
            "{name}"
        );
    }
    for (name, timer) in stack.of_type("AWS::Scheduler::Schedule") {
        assert_eq!(
            timer["Properties"]["Target"]["DeadLetterConfig"]["Arn"],
            get_att_arn("DeadLetterQueue"),
            "{name}"
        );
    }
    for (name, rule) in stack.of_type("AWS::Events::Rule") {
        for target in rule["Properties"]["Targets"].as_array().expect("targets") {
            assert!(target["DeadLetterConfig"]["Arn"].is_object(), "{name}");
        }
    }
    let redrive = &stack.properties("LogQueue")["RedrivePolicy"];
    assert_eq!(
        *redrive,
        json!({ "deadLetterTargetArn": get_att_arn("LogDeadLetterQueue"), "maxReceiveCount": 3 })
    );
    for queue in ["LogDeadLetterQueue", "DeadLetterQueue"] {
        assert_eq!(stack.properties(queue)["MessageRetentionPeriod"], 1_209_600);
        let alarm = stack.properties(&format!("{queue}Alarm"));
        assert_eq!(
            (&alarm["Threshold"], &alarm["MetricName"]),
            (&json!(0), &json!("ApproximateNumberOfMessagesVisible"))
        );
    }
}

#[test]
fn alarms_notify_the_topic_of_failures_and_of_silence() {
    let stack = StackTemplate::read();
    let alarms: Vec<_> = stack.of_type("AWS::CloudWatch::Alarm").collect();
    for (name, alarm) in &alarms {
        assert_eq!(alarm["Properties"]["AlarmActions"], json!([{ "Ref": "Topic" }]), "{name}");
        assert!(alarm["Properties"]["TreatMissingData"].is_string(), "{name}");
    }
    // An alarm that treats missing data as breaching fires minutes after the first deployment, before the first run. One that
    // treats it as missing begins with INSUFFICIENT_DATA, and notifies when it returns to that state.
    let heartbeats: BTreeSet<&str> = alarms
        .iter()
        .filter(|(_, alarm)| !alarm["Properties"]["InsufficientDataActions"].is_null())
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(
        heartbeats,
        BTreeSet::from([
            "PullHeartbeatAlarm",
            "ReportHeartbeatAlarm",
            "PermissionsHeartbeatAlarm",
            "MaintainHeartbeatAlarm"
        ])
    );
    for (name, alarm) in &alarms {
        let properties = &alarm["Properties"];
        assert_ne!(properties["TreatMissingData"], "breaching", "{name}");
        if heartbeats.contains(name) {
            assert_eq!(properties["TreatMissingData"], "missing", "{name}");
            assert_eq!(properties["InsufficientDataActions"], json!([{ "Ref": "Topic" }]), "{name}");
            assert_eq!(properties["OKActions"], json!([{ "Ref": "Topic" }]), "{name}");
        }
    }
    for (function, _) in stack.functions() {
        for metric in ["Errors", "Throttles"] {
            let alarm = stack.properties(&format!("{function}{metric}Alarm"));
            assert_eq!(alarm["MetricName"], metric);
            assert_eq!(
                alarm["Dimensions"],
                json!([{ "Name": "FunctionName", "Value": { "Ref": function } }])
            );
        }
    }
    for (alarm, metric) in
        [("IngestMessagesAlarm", "messages_failed"), ("ConfigurationAlarm", "configuration_unusable")]
    {
        let alarm = stack.properties(alarm);
        let seconds = alarm["Period"].as_u64().unwrap() * alarm["EvaluationPeriods"].as_u64().unwrap();
        assert_eq!((alarm["MetricName"].as_str(), seconds <= 600), (Some(metric), true));
    }
    for function in ["Pull", "Report", "Permissions", "Maintain"] {
        // A run that failed does not count as a sign of life.
        let alarm = stack.properties(&format!("{function}HeartbeatAlarm"));
        assert_eq!(
            (alarm["MetricName"].as_str(), alarm["Statistic"].as_str()),
            (Some("failed"), Some("Minimum"))
        );
    }
    // Between two reports the metric has no value, and the alarm keeps its state, however rare reports are.
    let alarm = stack.properties("StatusAlarm");
    assert_eq!(
        (&alarm["MetricName"], &alarm["TreatMissingData"], &alarm["Threshold"]),
        (&json!("status"), &json!("ignore"), &json!(0))
    );
    assert_eq!(stack.properties("LogQueueAgeAlarm")["MetricName"], "ApproximateAgeOfOldestMessage");
    // Lambda counts no error if an HTTP client gets a problem.
    let alarm = stack.properties("ApiFailuresAlarm");
    assert_eq!(
        (&alarm["Namespace"], &alarm["MetricName"], &alarm["Dimensions"][1]["Value"]),
        (&json!("Onlooker"), &json!("failed"), &json!("api"))
    );
    for function in ["Pull", "Ingest"] {
        let alarm = stack.properties(&format!("{function}LagAlarm"));
        assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&json!("Onlooker"), &json!("lag")));
    }
}

/// The description of an alarm ends with the name of its entry, because the template knows no URL of the documents.
#[test]
fn each_alarm_has_an_entry_in_the_runbook_and_each_entry_an_alarm() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runbook.md")).expect("a page");
    let mut entries: BTreeSet<(String, String)> = BTreeSet::new();
    for entry in page.split("\n## ").skip(1) {
        let (name, body) = entry.split_once('\n').expect("a heading");
        let first = body.trim_start().lines().next().unwrap_or_default();
        assert!(first.starts_with("Alarm: `") || first.starts_with("Alarms: `"), "{name}: {first}");
        let paragraph = body.trim_start().split("\n\n").next().unwrap_or_default();
        let alarms = paragraph.split('`').skip(1).step_by(2).filter(|word| word.ends_with("Alarm"));
        entries.extend(alarms.map(|alarm| (alarm.to_owned(), name.to_owned())));
        assert!(body.contains("\n```sh\n"), "{name}: commands");
        assert!(body.contains("\nOver: "), "{name}: how to see that it is over");
    }
    let stack = StackTemplate::read();
    let named: BTreeSet<(String, String)> = stack
        .of_type("AWS::CloudWatch::Alarm")
        .map(|(alarm, body)| {
            let description = &body["Properties"]["AlarmDescription"];
            let text = description.as_str().or(description["Fn::Sub"].as_str()).expect("a description");
            let (_, entry) = text.rsplit_once("See docs/runbook.md, ").expect("the name of an entry");
            (alarm.to_owned(), entry.trim_matches('"').to_owned())
        })
        .collect();
    assert_eq!(named, entries);

    // The deployment guide has a row for each, with the link to its entry.
    let guide =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/deployment.md")).expect("a page");
    let rows = guide.lines().filter(|line| line.starts_with('|') && line.contains("](runbook.md#"));
    let listed: BTreeSet<(String, String)> = rows
        .flat_map(|row| {
            let cells: Vec<&str> = row.split('|').collect();
            let entry = cells[cells.len() - 2].trim().trim_start_matches('[').split("](").next();
            let entry = entry.unwrap_or_default().to_owned();
            let alarms = cells[1].split('`').skip(1).step_by(2).filter(|word| word.ends_with("Alarm"));
            alarms.map(|alarm| (alarm.to_owned(), entry.clone())).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(listed, named);
}

/// Hours after which an alarm tells of silence are parameters, because CloudFormation cannot compute with a schedule.
#[test]
fn silence_is_told_when_the_current_status_expires() {
    let stack = StackTemplate::read();
    for (function, default_schedule, hours) in
        [("Report", "rate(1 hour)", 2), ("Permissions", "rate(1 day)", 48)]
    {
        let alarm = stack.properties(&format!("{function}HeartbeatAlarm"));
        let parameter = format!("{function}SilenceHours");
        assert_eq!(
            (&alarm["Period"], &alarm["EvaluationPeriods"]),
            (&json!(3_600), &json!({ "Ref": parameter }))
        );
        assert_eq!(stack.parameter(&format!("{function}Schedule"))["Default"], default_schedule);
        let parameter = stack.parameter(&parameter);
        // Twice the interval. CloudWatch evaluates seven days at most; zero is for rarer schedules.
        assert_eq!(
            (&parameter["Default"], &parameter["MaxValue"], &parameter["MinValue"]),
            (&json!(hours), &json!(168), &json!(0))
        );
        let condition = format!("Has{function}Heartbeat");
        assert_eq!(stack.0["Resources"][format!("{function}HeartbeatAlarm")]["Condition"], json!(condition));
        assert_eq!(
            stack.0["Conditions"][condition],
            json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": format!("{function}SilenceHours") }, "0"] }] })
        );
    }
}

/// An alarm on three consecutive periods never fires if runs are further apart than a period.
#[test]
fn each_period_of_an_alarm_on_a_scheduled_function_has_a_run() {
    let stack = StackTemplate::read();
    for metric in ["Errors", "Throttles"] {
        let alarm = stack.properties(&format!("Pull{metric}Alarm"));
        assert_eq!(
            alarm["Period"],
            json!({ "Fn::FindInMap": ["PullIntervals", { "Ref": "PullIntervalMinutes" }, "AlarmPeriod"] })
        );
        for function in ["Report", "Permissions", "Maintain"] {
            let alarm = stack.properties(&format!("{function}{metric}Alarm"));
            assert_eq!(alarm["EvaluationPeriods"], 1, "{function}");
        }
    }
    for (minutes, interval) in stack.0["Mappings"]["PullIntervals"].as_object().expect("intervals") {
        let seconds: u64 = interval["Seconds"].as_str().expect("a string").parse().expect("a number");
        assert_eq!(interval["AlarmPeriod"], seconds.max(300), "{minutes}");
    }
}

/// Where the metrics of one function are made.
const OWN_SOURCES: [(&str, &str); 8] = [
    ("pull", "functions/pull/main.rs"),
    ("ingest", "functions/ingest/main.rs"),
    ("watch", "functions/watch/main.rs"),
    ("report", "functions/report/main.rs"),
    ("report", "shared/src/jobs/publish.rs"),
    ("permissions", "shared/src/jobs/permissions/outcome.rs"),
    ("maintain", "shared/src/jobs/maintain.rs"),
    ("api", "functions/api/main.rs"),
];

/// Where the metrics of every function are made.
const SHARED_SOURCES: [&str; 3] =
    ["adapters/lambda/src/lib.rs", "adapters/lambda/src/run_calls.rs", "adapters/lambda/src/resource_use.rs"];

/// CloudWatch adds up values whatever their unit, so a metric with two units would be wrong in both.
#[test]
fn a_metric_has_one_unit_everywhere() {
    let mut units: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in OWN_SOURCES.iter().map(|(_, file)| file).chain(&SHARED_SOURCES) {
        let text =
            fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (call, unit) in [(".count(", Some("Count")), (".score(", Some("Percent")), (".with(", None)] {
            for rest in code.split(call).skip(1) {
                let Some(rest) = rest.trim_start().strip_prefix('"') else { continue };
                let (name, rest) = rest.split_once('"').expect("the end of a name");
                let given =
                    || rest.split_once("MetricUnit::")?.1.split(|c: char| !c.is_alphanumeric()).next();
                let unit = unit.or_else(given).expect("a unit").to_owned();
                units.entry(name.to_owned()).or_default().insert(unit);
            }
        }
    }
    assert!(units.len() > 40, "{units:?}");
    units.retain(|_, units| units.len() > 1);
    assert_eq!(units, BTreeMap::new());
}

/// Metrics that a source file emits: the names in `.count("name"`, `.with("name"` and `.score("name"`.
fn emitted_by(file: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).expect("a source file");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let calls = [".count(", ".with(", ".score("].iter().flat_map(|call| code.split(*call).skip(1));
    let name = |rest: &str| rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned);
    calls.filter_map(name).collect()
}

/// The metrics of each function, from the code.
fn emitted_metrics() -> BTreeSet<(String, String)> {
    let of_all: BTreeSet<String> = SHARED_SOURCES.iter().flat_map(|file| emitted_by(file)).collect();
    assert!(of_all.contains("failed"), "{of_all:?}");
    OWN_SOURCES
        .iter()
        .flat_map(|(function, file)| {
            let found = emitted_by(file);
            assert!(!found.is_empty(), "{file}");
            found.into_iter().chain(of_all.clone()).map(|name| ((*function).to_owned(), name))
        })
        .collect()
}

#[test]
fn alarms_dashboard_and_documentation_name_the_metrics_that_functions_emit() {
    let stack = StackTemplate::read();
    let emitted = emitted_metrics();
    let mut named: BTreeSet<(String, String)> = BTreeSet::new();
    for (alarm, body) in stack.of_type("AWS::CloudWatch::Alarm") {
        let properties = &body["Properties"];
        if properties["Namespace"] != "Onlooker" {
            continue;
        }
        let dimensions = properties["Dimensions"].as_array().expect("dimensions");
        let function = dimensions.iter().find(|one| one["Name"] == "Function").expect(alarm);
        let text = |value: &Value| value.as_str().expect("a name").to_owned();
        named.insert((text(&function["Value"]), text(&properties["MetricName"])));
    }
    let body = stack.properties("Dashboard")["DashboardBody"]["Fn::Sub"].as_str().expect("a dashboard");
    let body: Value = serde_json::from_str(body).expect("the dashboard is JSON");
    for widget in body["widgets"].as_array().expect("widgets") {
        for metric in widget["properties"]["metrics"].as_array().expect("metrics") {
            let words = string_values(metric);
            if let ["Onlooker", name, "Deployment", _, "Function", function] = words[..] {
                named.insert((function.to_owned(), name.to_owned()));
            }
        }
    }
    let not_emitted: Vec<_> = named.difference(&emitted).collect();
    assert!(not_emitted.is_empty(), "named in the template and emitted by no function: {not_emitted:?}");
    let shown = |function: &str, name: &str| named.contains(&(function.to_owned(), name.to_owned()));
    for (function, name) in [
        ("report", "status"),
        ("report", "risk"),
        ("report", "score"),
        ("report", "findings"),
        ("watch", "alerts"),
        ("ingest", "objects_missing"),
    ] {
        assert!(shown(function, name), "{name} of {function}");
    }
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md")).expect("a page");
    let functions: BTreeSet<String> = emitted.iter().map(|(function, _)| function.clone()).collect();
    let mut documented = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| `") || line.starts_with("| all |")) {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let of = if cells[1] == "all" { functions.clone() } else { BTreeSet::from([cells[1].to_owned()]) };
        documented.extend(of.into_iter().map(|function| (function, cells[2].to_owned())));
    }
    assert_eq!(documented, emitted);
}

#[test]
fn each_function_has_a_watched_role_and_its_lines_on_the_dashboard() {
    let stack = StackTemplate::read();
    let roles = stack.0["Globals"]["Function"]["Environment"]["Variables"]["ONLOOKER_ROLES"].to_string();
    let dashboard = stack.properties("Dashboard")["DashboardBody"].to_string();
    for (name, function) in stack.functions() {
        let own = name.to_lowercase();
        assert_eq!(function["Role"], get_att_arn(&format!("{name}Role")));
        assert!(roles.contains(&format!("{own}=${{{name}Role.Arn}}")), "{name} is not in {roles}");
        assert_eq!(
            dashboard.matches(&format!("${{AWS::StackName}}-{own}")).count(),
            2,
            "errors and throttles of {name}"
        );
    }
}
