//! A webhook against a real HTTPS server on this machine: what is posted, what is retried, and which addresses are refused.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod server;

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};

use onlooker_core::{
    config::{Config, Webhook},
    operation::RiskLevel,
    ports::{Notification, NotificationSink as _, PortError, PortErrorKind},
    time::Time,
};
use onlooker_webhook::{AddressPolicy, Resolver, WebhookClient, WebhookSink, is_public};
use serde_json::{Value, json};
use server::{HttpsServer, ServerAnswer};
use test_support::environment::{FakeClock, TestEnvironment};

const SECRET: &str = "services/T0/B0/tOkEn";

/// The name for which the server has a certificate.
const HOST: &str = "hooks.example.test";

/// Names with their addresses, and the names that were asked for.
struct Names {
    known: BTreeMap<String, Vec<IpAddr>>,
    asked: Mutex<Vec<String>>,
}

impl Resolver for Names {
    fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_owned());
        self.known.get(host).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

struct Fixture {
    server: HttpsServer,
    names: Arc<Names>,
    clock: FakeClock,
    webhooks: Vec<Webhook>,
    limit: Duration,
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The policy of the tests: the server is on this machine.
fn is_loopback(address: IpAddr) -> bool {
    address == LOOPBACK
}

impl Fixture {
    fn new(answers: Vec<ServerAnswer>) -> Self {
        Self::of_kind("generic", answers)
    }

    fn of_kind(kind: &str, answers: Vec<ServerAnswer>) -> Self {
        let server = HttpsServer::start(HOST, answers);
        let url = format!("https://{HOST}:{}/{SECRET}", server.port());
        let known = [
            (HOST, vec![LOOPBACK]),
            ("both.example.test", vec![LOOPBACK, "10.0.0.5".parse().unwrap()]),
            ("internal.example.test", vec!["10.0.0.5".parse().unwrap()]),
            ("empty.example.test", vec![]),
        ];
        let known = known.into_iter().map(|(name, addresses)| (name.to_owned(), addresses)).collect();
        let names = Arc::new(Names { known, asked: Mutex::default() });
        Self {
            server,
            names,
            clock: FakeClock::at(Time(1_800_000_000)),
            webhooks: webhook(kind, &url),
            limit: Duration::from_secs(60),
        }
    }

    fn at(mut self, url: &str) -> Self {
        self.webhooks = webhook("generic", &url.replace("PORT", &self.server.port().to_string()));
        self
    }

    fn send(&self) -> Result<(), PortError> {
        self.send_with(is_loopback)
    }

    fn send_with(&self, policy: AddressPolicy) -> Result<(), PortError> {
        let (runtime, names) = (self.server.runtime(), Arc::clone(&self.names));
        let client = WebhookClient::with(runtime, names, policy, self.server.client_tls());
        let sinks = WebhookSink::all(&self.webhooks, &client, &self.clock, self.limit);
        sinks[0].send(&notification())
    }

    /// The error of sending, which shows no secret.
    fn error(&self) -> PortError {
        let error = self.send().unwrap_err();
        assert_no_secret(&error);
        error
    }

    fn slept(&self) -> u32 {
        use onlooker_core::ports::Clock as _;
        self.clock.now().0 - 1_800_000_000
    }
}

fn assert_no_secret(error: &PortError) {
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("tOkEn") && !text.contains("services"), "{text}");
    }
}

fn webhook(kind: &str, url: &str) -> Vec<Webhook> {
    let text = format!("[[alerts.webhook]]\nname = \"ops\"\nkind = \"{kind}\"\nurl = \"{url}\"\n");
    Config::from_toml(&text, "t").unwrap().alerts.webhooks
}

fn notification() -> Notification {
    Notification {
        id: "id".to_owned(),
        detail_type: "Read-Only Violation Detected",
        severity: RiskLevel::High,
        subject: "HIGH write".to_owned(),
        text: "HIGH write\n".to_owned(),
        detail: json!({ "operation": "s3:PutObject" }),
        deduplication_key: "id".to_owned(),
        deduplication_seconds: 0,
    }
}

#[test]
fn each_kind_gets_its_document_at_the_path_of_its_url() {
    for (kind, field) in [("slack", "blocks"), ("teams", "attachments"), ("generic", "schema_version")] {
        let fixture = Fixture::of_kind(kind, vec![ServerAnswer::status(200)]);
        fixture.send().unwrap();
        let requests = fixture.server.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].line, format!("POST /{SECRET} HTTP/1.1"));
        assert_eq!(requests[0].headers["content-type"], "application/json");
        assert_eq!(requests[0].headers["host"], format!("{HOST}:{}", fixture.server.port()));
        let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
        assert!(!body[field].is_null(), "{kind}: {body}");
    }
}

#[test]
fn a_name_is_resolved_once_for_each_connection() {
    let fixture = Fixture::new(vec![ServerAnswer::status(204)]);
    fixture.send().unwrap();
    assert_eq!(*fixture.names.asked.lock().unwrap(), [HOST]);
}

#[test]
fn nothing_is_sent_if_one_address_of_the_host_is_not_allowed() {
    for host in ["both.example.test", "internal.example.test"] {
        let fixture =
            Fixture::new(vec![ServerAnswer::status(200)]).at(&format!("https://{host}:PORT/{SECRET}"));
        let error = fixture.error();
        assert_eq!(error.kind, PortErrorKind::Other);
        assert!(
            error.to_string().contains(&format!("`{host}` has the address 10.0.0.5, which is not public")),
            "{error}"
        );
        assert!(fixture.server.requests().is_empty());
        assert_eq!(fixture.slept(), 0, "it is not tried again");
    }
}

#[test]
fn the_default_policy_refuses_this_machine_by_name_and_by_address() {
    for host in
        [HOST, "127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"]
    {
        let fixture =
            Fixture::new(vec![ServerAnswer::status(200)]).at(&format!("https://{host}:PORT/{SECRET}"));
        let error = fixture.send_with(is_public).unwrap_err();
        assert!(error.to_string().contains("which is not public"), "{error}");
        assert_no_secret(&error);
        assert!(fixture.server.requests().is_empty());
    }
}

#[test]
fn a_redirect_repeats_the_request_and_is_checked_like_the_first_url() {
    let next = format!("https://{HOST}:PORT/elsewhere?a=b");
    for status in [301, 302, 307, 308] {
        let fixture = Fixture::new(vec![
            ServerAnswer::redirect(status, &next),
            ServerAnswer::redirect(308, "third"),
            ServerAnswer::status(200),
        ]);
        fixture.send().unwrap();
        let lines: Vec<String> = fixture.server.requests().into_iter().map(|request| request.line).collect();
        assert_eq!(lines[1..], ["POST /elsewhere?a=b HTTP/1.1", "POST /third HTTP/1.1"]);
        assert_eq!(fixture.names.asked.lock().unwrap().len(), 3);
        assert_eq!(fixture.server.requests()[2].body, fixture.server.requests()[0].body);
    }
    for (location, said) in [
        ("https://internal.example.test/x", "the address 10.0.0.5, which is not public"),
        ("https://169.254.169.254/latest/meta-data/", "the address 169.254.169.254, which is not public"),
        ("http://hooks.example.test/services/tOkEn", "redirects to a URL that is not one with `https`"),
        ("https://user@hooks.example.test/", "redirects to a URL that is not one with `https`"),
        ("file:///etc/passwd", "redirects to a URL that is not one with `https`"),
    ] {
        let fixture = Fixture::new(vec![ServerAnswer::redirect(307, location)]);
        let error = fixture.error();
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(fixture.server.requests().len(), 1);
    }
}

#[test]
fn three_redirects_are_followed_and_no_more() {
    let again = || ServerAnswer::redirect(307, "/again");
    Fixture::new(vec![again(), again(), again(), ServerAnswer::status(200)]).send().unwrap();
    let fixture = Fixture::new(vec![again(), again(), again(), again(), ServerAnswer::status(200)]);
    let error = fixture.error();
    assert!(error.to_string().contains("redirects once more after 3 redirects"), "{error}");
    assert_eq!(fixture.server.requests().len(), 4);
    // A redirect that asks for another request is a failure.
    let error = Fixture::new(vec![ServerAnswer::redirect(303, "/again")]).error();
    assert!(error.to_string().contains("answered 303"), "{error}");
}

#[test]
fn temporary_failures_are_tried_again_by_a_fixed_schedule() {
    let fixture = Fixture::new(vec![
        ServerAnswer::status(503),
        ServerAnswer::Disconnect,
        ServerAnswer::status(500),
        ServerAnswer::status(200),
    ]);
    fixture.send().unwrap();
    assert_eq!((fixture.server.requests().len(), fixture.slept()), (4, 1 + 2 + 4));
    let fixture = Fixture::new(vec![ServerAnswer::status(502); 5]);
    let error = fixture.error();
    assert_eq!(error.kind, PortErrorKind::Unavailable);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot post to the webhook `ops at {HOST}:{}`: `{HOST}` answered 502",
            fixture.server.port()
        )
    );
    assert_eq!(fixture.server.requests().len(), 4);
}

#[test]
fn the_service_decides_how_long_to_wait_within_the_time_that_is_left() {
    let throttled = |seconds: &str| ServerAnswer::status(429).with_header("retry-after", seconds);
    let fixture = Fixture::new(vec![throttled("9"), ServerAnswer::status(200)]);
    fixture.send().unwrap();
    assert_eq!(fixture.slept(), 9);
    // Without a number of seconds, the schedule applies.
    let fixture = Fixture::new(vec![throttled("tomorrow"), ServerAnswer::status(200)]);
    fixture.send().unwrap();
    assert_eq!(fixture.slept(), 1);
    // Longer than the sink may take: the run fails at once, and is retried.
    let fixture = Fixture::new(vec![throttled("3600"), ServerAnswer::status(200)]);
    let error = fixture.error();
    assert_eq!((error.kind, fixture.slept()), (PortErrorKind::Throttled, 0));
    // Longer than the run may take.
    let fixture = Fixture::new(vec![throttled("9"), ServerAnswer::status(200)]);
    fixture.clock.set_remaining(15);
    assert_eq!((fixture.error().kind, fixture.slept()), (PortErrorKind::Throttled, 0));
}

#[test]
fn a_refusal_is_not_tried_again_and_shows_only_the_error_code_of_slack() {
    for (body, shown) in [
        ("no_service", "answered 404 (no_service)"),
        ("the URL /services/T0/B0/tOkEn was not found", "answered 404"),
        ("", "answered 404"),
    ] {
        let fixture =
            Fixture::new(vec![ServerAnswer::status(404).with_body(body), ServerAnswer::status(200)]);
        let error = fixture.error();
        assert!(error.to_string().ends_with(shown), "{error}");
        assert_eq!((error.kind, fixture.server.requests().len()), (PortErrorKind::Other, 1));
    }
}

#[test]
fn an_answer_without_an_end_is_read_up_to_a_limit() {
    Fixture::new(vec![ServerAnswer::Endless]).send().unwrap();
}

#[test]
fn a_service_that_does_not_answer_is_given_up() {
    let mut fixture = Fixture::new(vec![ServerAnswer::Silence]);
    fixture.limit = Duration::from_millis(200);
    let error = fixture.error();
    assert_eq!(error.kind, PortErrorKind::Unavailable);
    assert!(error.to_string().ends_with("no answer within 0.2 seconds"), "{error}");
}

#[test]
fn a_certificate_of_another_host_is_refused() {
    let mut fixture = Fixture::new(vec![ServerAnswer::status(200); 4]);
    let names = Arc::get_mut(&mut fixture.names).unwrap();
    names.known.insert("other.example.test".to_owned(), vec![LOOPBACK]);
    let error = fixture.at(&format!("https://other.example.test:PORT/{SECRET}")).error();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[test]
fn a_name_without_an_address_is_an_error_that_may_pass() {
    for host in ["empty.example.test", "missing.example.test"] {
        let fixture = Fixture::new(vec![]).at(&format!("https://{host}:PORT/{SECRET}"));
        let error = fixture.error();
        assert_eq!(error.kind, PortErrorKind::Unavailable);
        assert!(error.to_string().contains(&format!("the name `{host}` cannot be resolved")), "{error}");
    }
}

#[test]
fn a_webhook_has_its_own_least_severity() {
    let mut webhooks = webhook("generic", "https://hooks.example.test/x");
    webhooks[0].minimum_severity = Some(RiskLevel::High);
    let server = HttpsServer::start(HOST, Vec::new());
    let (client, clock) = (WebhookClient::new(server.runtime()), FakeClock::at(Time(0)));
    let sinks = WebhookSink::all(&webhooks, &client, &clock, Duration::from_secs(1));
    assert_eq!(sinks[0].name(), "webhook-ops");
    assert!(sinks[0].accepts(RiskLevel::High) && !sinks[0].accepts(RiskLevel::Medium));
}

#[test]
fn a_webhook_that_fails_stops_no_other_sink_and_gets_the_notification_later() {
    use onlooker_core::{
        config::DeliveryPolicy,
        jobs::notifications::{NotificationError, Notifier},
        ports::NotificationSink,
    };
    let mut answers = vec![ServerAnswer::status(503); 4];
    answers.push(ServerAnswer::status(200));
    let fixture = Fixture::of_kind("slack", answers);
    let environment = TestEnvironment::new(Time(1_800_000_000));
    let (runtime, names) = (fixture.server.runtime(), Arc::clone(&fixture.names));
    let client = WebhookClient::with(runtime, names, is_loopback, fixture.server.client_tls());
    let webhooks = WebhookSink::all(&fixture.webhooks, &client, &environment.clock, fixture.limit);
    let sinks: [&dyn NotificationSink; 2] = [&webhooks[0], &environment.sns];
    let policy = DeliveryPolicy { deduplication_seconds: 3_600, ..DeliveryPolicy::IMMEDIATE };
    let notifier = Notifier { table: &environment.table, sinks: &sinks, clock: &environment.clock, policy };
    let error = notifier.notify(&notification()).unwrap_err();
    assert!(matches!(&error, NotificationError::NotSent { sink, .. } if sink == "webhook-ops"), "{error}");
    let counts =
        || (fixture.server.requests().len(), environment.sns.port.notifications.lock().unwrap().len());
    assert_eq!(counts(), (4, 1));
    let retried = notifier.notify(&notification()).unwrap();
    assert_eq!(
        (retried.sent, retried.already_sent),
        (vec!["webhook-ops".to_owned()], vec!["sns".to_owned()])
    );
    assert_eq!(counts(), (5, 1));
    // From now on the window of deduplication holds for both.
    let same = Notification { id: "another".to_owned(), ..notification() };
    assert_eq!(notifier.notify(&same).unwrap().repeated.len(), 2);
    assert_eq!(counts(), (5, 1));
}
