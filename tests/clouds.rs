//! The real binary with backups in S3, Azure Blob Storage and Google Cloud Storage: a fake S3 and a fake Google Cloud Storage
//! on loopback, and Azurite, which `make test-clouds` installs.

#![cfg(feature = "clouds")]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use fixture::{CommandOutput, TestDirectory, WATCH_AUDITOR};
use serde_json::Value;
use test_support::{fake_aws::FakeAws, fake_google::FakeGoogle};

type Variables = Vec<(&'static str, String)>;

fn run(directory: &TestDirectory, variables: &Variables, args: &[&str]) -> CommandOutput {
    let mut command = directory.command(args);
    for name in
        ["AZURE_STORAGE_CONNECTION_STRING", "GOOGLE_APPLICATION_CREDENTIALS", "AWS_PROFILE", "HTTP_PROXY"]
    {
        command.env_remove(name);
    }
    command.envs(variables.clone()).output().expect("the binary runs").into()
}

fn json(output: &CommandOutput) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Makes, lists, verifies, restores and removes backups at a place.
fn exercise(variables: &Variables, place: &str) {
    let directory = TestDirectory::with_compliant_trail();
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(0);
    let create = || {
        json(&run(&directory, variables, &["backup", "create", "--to", place, "--json"]).assert_exit_code(0))
    };
    let (first, second) = (create(), create());
    let listed = json(&run(&directory, variables, &["backup", "list", place, "--json"]).assert_exit_code(0));
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");
    for backup in listed.as_array().expect("a list") {
        assert_eq!(backup["status"], "complete");
        assert!(backup["manifest"] == first || backup["manifest"] == second);
    }
    run(&directory, variables, &["backup", "verify", place]).assert_exit_code(0);
    let name = first["name"].as_str().expect("a name");
    let restore = ["backup", "restore", place, name, "--state", "restored", "--force"];
    run(&directory, variables, &restore).assert_exit_code(0);
    let report =
        |state: &str| directory.run(&["report", "--state", state, "--json"]).assert_exit_code(0).stdout;
    assert_eq!(report("restored"), report(".onlooker"));
    let done = run(&directory, variables, &restore).assert_exit_code(0);
    assert!(done.stdout.contains("everything is there already"), "{done:?}");
    run(&directory, variables, &["backup", "prune", place, "--keep", "1"]).assert_exit_code(0);
    let left = json(&run(&directory, variables, &["backup", "list", place, "--json"]).assert_exit_code(0));
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
    // Another prefix has no backups.
    let other = format!("{place}-other");
    let none = json(&run(&directory, variables, &["backup", "list", &other, "--json"]).assert_exit_code(0));
    assert_eq!(none, Value::Array(Vec::new()));
}

#[test]
fn backups_in_s3() {
    let cloud = FakeAws::start();
    cloud.state().bucket("backups");
    exercise(&cloud.environment(), "s3://backups/team/onlooker");
    let requests = |name: &str| cloud.request_count(name);
    assert!(requests("PutObject") > 0 && requests("GetObject") > 0 && requests("DeleteObject") > 0);
    // What the documentation asks rights for is all that is used.
    let known = ["PutObject", "GetObject", "ListObjectsV2", "DeleteObject"];
    let state = cloud.state();
    assert!(state.requests.iter().all(|(name, ..)| known.contains(&name.as_str())), "{:?}", state.requests);
}

#[test]
fn nothing_in_s3_is_overwritten_and_a_denial_names_the_permission() {
    let (directory, cloud) = (TestDirectory::with_compliant_trail(), FakeAws::start());
    cloud.state().bucket("backups");
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(0);
    for (action, args) in [
        ("s3:PutObject", &["backup", "create", "--to", "s3://backups"][..]),
        ("s3:ListObjectsV2", &["backup", "list", "s3://backups"]),
    ] {
        cloud.deny(action);
        let shown = action.replace("ListObjectsV2", "ListBucket");
        run(&directory, &cloud.environment(), args)
            .assert_exit_code(4)
            .assert_stderr(&[&shown, "s3://backups/"]);
    }
    cloud.inject_faults(|request| {
        assert!(request.method != "PUT" || request.header("if-none-match") == Some("*"), "{request:?}");
        None
    });
    run(&directory, &cloud.environment(), &["backup", "create", "--to", "s3://backups"]).assert_exit_code(0);
}

#[test]
fn a_damaged_part_in_s3_is_found() {
    let (directory, cloud) = (TestDirectory::with_compliant_trail(), FakeAws::start());
    cloud.state().bucket("backups");
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(0);
    let variables = cloud.environment();
    run(&directory, &variables, &["backup", "create", "--to", "s3://backups"]).assert_exit_code(0);
    let part = cloud
        .state()
        .bucket("backups")
        .objects
        .keys()
        .find(|key| key.contains("state-"))
        .expect("a part")
        .clone();
    // An empty object cannot be read in part.
    for content in [&b"other"[..], b""] {
        cloud.state().bucket("backups").put(&part, content);
        let found = run(&directory, &variables, &["backup", "verify", "s3://backups"]);
        assert_eq!(found.exit_code, 3, "no complete backup is left: {found:?}");
        let name = part.split('/').next().expect("a name");
        run(&directory, &variables, &["backup", "verify", "s3://backups", name]).assert_exit_code(1);
    }
    cloud.state().bucket("backups").objects.remove(&part);
    let name = part.split('/').next().expect("a name");
    run(&directory, &variables, &["backup", "verify", "s3://backups", name]).assert_exit_code(3);
}

#[test]
fn backups_in_google_cloud_storage() {
    let cloud = FakeGoogle::start();
    exercise(&cloud.environment(), "gs://backups/team/onlooker");
    assert!(cloud.bucket().objects.keys().all(|key| key.starts_with("team/onlooker/")));
}

#[test]
fn a_bucket_without_credentials_or_address_is_a_usage_error() {
    let directory = TestDirectory::with_compliant_trail();
    let azure = |text: &str| vec![("AZURE_STORAGE_CONNECTION_STRING", text.to_owned())];
    for (variables, place, said) in [
        (azure("x"), "az://backups", "has no `AccountName`"),
        (azure("AccountName=a"), "az://backups", "no `AccountKey`"),
        (azure("AccountName=a;AccountKey=%%%"), "az://backups", "az://backups"),
        (Vec::new(), "az://backups", "Account must be specified"),
        (
            vec![("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent.json".to_owned())],
            "gs://backups",
            "/nonexistent.json",
        ),
    ] {
        run(&directory, &variables, &["backup", "list", place]).assert_exit_code(2).assert_stderr(&[said]);
    }
}

/// A running Azurite, ended when it is dropped.
struct Azurite {
    child: Child,
    port: u16,
}

impl Azurite {
    fn start(directory: &TestDirectory) -> Self {
        let program =
            std::env::var("AZURITE_BLOB").expect("AZURITE_BLOB names the program; run `make test-clouds`");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let child = Command::new(program)
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
            .args(["--silent", "--disableTelemetry", "--inMemoryPersistence"])
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("Azurite runs");
        let mut this = Self { child, port };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(this.child.try_wait().expect("a child").is_none(), "Azurite ended");
            thread::sleep(Duration::from_millis(50));
        }
        this
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs Azurite: run `make test-clouds`"]
fn backups_in_azure_blob_storage() {
    let directory = TestDirectory::new();
    let azurite = Azurite::start(&directory);
    let address = format!("http://127.0.0.1:{}", azurite.port);
    let made = Command::new("node")
        .args(["tests/azure_container.js", &address, "backups"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("node runs");
    assert!(made.success());
    let emulator = vec![
        ("AZURE_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true".to_owned()),
        ("AZURITE_BLOB_STORAGE_URL", address.clone()),
        ("NO_PROXY", "127.0.0.1".to_owned()),
    ];
    exercise(&emulator, "az://backups/team/onlooker");
    let denied = vec![
        ("AZURE_STORAGE_USE_EMULATOR", "true".to_owned()),
        ("AZURE_STORAGE_ACCOUNT_KEY", "AAAA".to_owned()),
        ("AZURITE_BLOB_STORAGE_URL", address),
        ("NO_PROXY", "127.0.0.1".to_owned()),
    ];
    run(&directory, &denied, &["backup", "list", "az://backups"]).assert_exit_code(4);
}
