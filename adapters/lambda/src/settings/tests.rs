//! Runs of a process of which the configuration object changes, against a fake AWS.

use std::{
    io,
    sync::{Mutex, atomic::AtomicBool},
};

use aws_credential_types::Credentials;
use lambda_runtime::Context;
use serde_json::{Value, json};
use test_support::fake_aws::{ACCOUNT, FakeAws, REGION};
use tokio::runtime::Runtime;

use super::*;
use crate::{FunctionProcess, FunctionResources, Invocation, JobOutcome, KeptByProcess};

const VARIABLES: [(&str, &str); 3] = [
    ("ONLOOKER_TABLE", "t"),
    ("ONLOOKER_BUCKET", "b"),
    ("ONLOOKER_CONFIG", "s3://settings/prod/onlooker.toml"),
];

/// When the process reads its first configuration: long before the runs, so that each run finds that it is time to read
/// the object again.
const FIRST_READ: Time = Time(0);

/// A process as it is before its first invocation, except that it is connected to the fake AWS.
fn process(cloud: &FakeAws, runtime: &Arc<Runtime>) -> FunctionProcess {
    cloud.state().tables.entry("t".to_owned()).or_default();
    cloud.state().bucket("b");
    let aws = AwsSession::connect_with(Arc::clone(runtime), |loader| {
        loader
            .endpoint_url(cloud.endpoint())
            .region(aws_config::Region::new(REGION))
            .credentials_provider(Credentials::new(ACCOUNT, "secret", None, None, "test"))
    });
    let variables =
        onlooker_variables(VARIABLES.into_iter().map(|(name, value)| (name.into(), value.into())));
    let resources = Some(FunctionResources::new("pull", runtime, aws, &variables).unwrap());
    FunctionProcess {
        function: "pull",
        variables,
        ready: Mutex::new(KeptByProcess { resources, settings: None }),
        trail: Mutex::default(),
        has_run: AtomicBool::default(),
        init_seconds: None,
        runtime: Arc::clone(runtime),
    }
}

/// A job that returns the standard in force.
fn standard(invocation: &Invocation<'_>, _: Value) -> Result<JobOutcome, FunctionError> {
    Ok(JobOutcome { response: json!(invocation.settings.config.standard), ..JobOutcome::default() })
}

/// A log in memory.
#[derive(Clone, Default)]
struct LogText(Arc<Mutex<Vec<u8>>>);

impl io::Write for LogText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_last_configuration_stays_in_force_if_the_object_becomes_invalid() {
    let runtime = Arc::new(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
    let cloud = FakeAws::start();
    let process = process(&cloud, &runtime);
    let configure = |text: &str| cloud.state().bucket("settings").put("prod/onlooker.toml", text);
    configure("standard = \"SOC2\"\n");
    process.ready(FIRST_READ).settings.unwrap();

    configure("wach = []\n");
    let log = LogText::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let response =
        tracing::subscriber::with_default(lines, || process.run(json!({}), &Context::default(), standard));
    assert_eq!(response.unwrap(), "SOC2");
    let record = cloud.latest_run("pull");
    assert_eq!(record["error"]["NULL"], true, "{record}");
    assert_eq!(record["metrics"]["M"]["configuration_unusable"]["N"], "1", "{record}");
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for said in ["unknown key `wach`", "stays in force", &format!("read_at=\"{FIRST_READ}\"")] {
        assert!(log.contains(said), "{said} is not in {log}");
    }
}

#[test]
fn the_secret_of_a_webhook_is_not_shown_and_changes_the_fingerprint() {
    let settings = |secret: &str| {
        let text = format!(
            "[[alerts.webhook]]\nname = \"a\"\nkind = \"slack\"\nurl = \"https://hooks.slack.com/{secret}\"\n"
        );
        Settings {
            config: Config::from_toml(&text, "t").unwrap(),
            catalog: Catalog::embedded(),
            pack: ControlPack::built_in(Default::default()).unwrap(),
            text: Some(text),
            read_at: FIRST_READ,
            stale_since: None,
        }
    };
    let (one, other) = (settings("tOkEn"), settings("another"));
    let shown = format!("{one:?} {}", one.fingerprint());
    assert!(!shown.contains("tOkEn") && shown.contains("hooks.slack.com/..."), "{shown}");
    assert_ne!(one.fingerprint(), other.fingerprint());
}
