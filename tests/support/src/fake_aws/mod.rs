//! A fake AWS on loopback: the part of AWS that Onlooker calls, and faults on demand.
//!
//! It speaks HTTP, so that tests run the shipped code: the SDKs, signing, retries and timeouts. It rejects requests
//! that it does not know. It takes the account from the access key, and the region from the signature.

mod dynamodb;
pub mod event_history;
mod http;
pub mod kms;
pub mod lambda;
mod messages;
mod public_keys;
pub mod s3;

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use onlooker_core::log_integrity::PublicKeys;
use serde_json::Value;

pub use self::{
    http::{HttpRequest, HttpResponse},
    s3::etag,
};

pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "eu-west-1";

/// A fault instead of the response to a request.
#[derive(Clone)]
pub enum HttpFault {
    /// Sends this response and has no effect.
    Respond(HttpResponse),
    /// Has its effect and disconnects without a response.
    DropResponse,
    /// Disconnects without an effect.
    Disconnect,
}

type FaultHook = Box<dyn FnMut(&HttpRequest) -> Option<HttpFault> + Send>;

/// The state of a fake AWS.
#[derive(Default)]
pub struct FakeAwsState {
    pub tables: BTreeMap<String, dynamodb::TableItems>,
    /// The time as of which the tables were restored, in seconds since 1970, if they are copies.
    pub restored_to: Option<u32>,
    pub buckets: BTreeMap<String, s3::FakeBucket>,
    /// Public keys that ListPublicKeys returns, by region: pages, each as `aws cloudtrail list-public-keys` prints it.
    pub public_keys: BTreeMap<String, Vec<PublicKeys>>,
    /// Keys of AWS KMS, by ARN.
    pub kms_keys: BTreeMap<String, kms::FakeKmsKey>,
    /// Outputs of CloudFormation stacks, by name of the stack.
    pub stacks: BTreeMap<String, Vec<(&'static str, &'static str)>>,
    /// Events that LookupEvents returns.
    pub events: Vec<event_history::HistoryEvent>,
    /// Messages published to SNS topics.
    pub published: Vec<BTreeMap<String, String>>,
    /// Events put on EventBridge buses.
    pub put_events: Vec<Value>,
    /// Findings that Security Hub imported, by id.
    pub imported_findings: BTreeMap<String, Value>,
    /// Requests so far: operation, account, region.
    pub requests: Vec<(String, String, String)>,
    fault_hook: Option<FaultHook>,
}

/// A running fake AWS.
pub struct FakeAws {
    address: SocketAddr,
    state: Arc<Mutex<FakeAwsState>>,
}

impl FakeAws {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<Mutex<FakeAwsState>>::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve_connection(&stream, &state));
            }
        });
        Self { address, state }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn state(&self) -> MutexGuard<'_, FakeAwsState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the faults from now on.
    pub fn inject_faults(&self, plan: impl FnMut(&HttpRequest) -> Option<HttpFault> + Send + 'static) {
        self.state().fault_hook = Some(Box::new(plan));
    }

    /// Denies an IAM action, such as `s3:PutObject`, from now on. Returns the message of the denial.
    pub fn deny(&self, action: &str) -> String {
        self.deny_key(action, "")
    }

    /// Denies an IAM action for keys of objects with this prefix. Returns the message of the denial.
    pub fn deny_key(&self, action: &str, prefix: &'static str) -> String {
        let (service, operation) = action.split_once(':').expect("service:operation");
        let operation = operation.to_owned();
        // SNS spells its name in capital letters.
        let denial = format!("User: x is not authorized to perform: {}", action.replacen("sns:", "SNS:", 1));
        let response = match service {
            "s3" => HttpResponse::s3_error(403, "AccessDenied", &denial),
            "sns" => HttpResponse::query_error(403, "AuthorizationError", &denial),
            _ => HttpResponse::error(400, "AccessDeniedException", &denial),
        };
        self.inject_faults(move |request| {
            let denied =
                request.operation() == operation && (prefix.is_empty() || request.key().starts_with(prefix));
            denied.then(|| HttpFault::Respond(response.clone()))
        });
        denial
    }

    /// Ends all faults.
    pub fn end_faults(&self) {
        self.state().fault_hook = None;
    }

    /// The number of requests so far for this operation.
    pub fn request_count(&self, operation: &str) -> usize {
        self.state().requests.iter().filter(|(name, ..)| name == operation).count()
    }

    /// The variables with which a program finds it, and no other AWS configuration of this machine.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", ACCOUNT.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret-of-the-test".to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
            ("NO_PROXY", "127.0.0.1".to_owned()),
        ]
    }
}

fn serve_connection(stream: &TcpStream, state: &Mutex<FakeAwsState>) {
    let mut reader = std::io::BufReader::new(stream);
    while let Some(request) = HttpRequest::read(&mut reader) {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let name = request.operation();
        state.requests.push((name.clone(), request.account(), request.region()));
        let mut plan = state.fault_hook.take();
        let fault = plan.as_mut().and_then(|plan| plan(&request));
        if state.fault_hook.is_none() {
            state.fault_hook = plan;
        }
        let answer = match fault {
            Some(HttpFault::Respond(answer)) => answer,
            Some(HttpFault::Disconnect) => return,
            fault => {
                let answer = state.serve(&name, &request);
                if fault.is_some() {
                    return;
                }
                answer
            }
        };
        drop(state);
        if answer.write(stream, request.method == "HEAD").is_err() {
            return;
        }
    }
}

impl FakeAwsState {
    fn serve(&mut self, name: &str, request: &HttpRequest) -> HttpResponse {
        match name {
            "Query" | "Scan" | "DescribeTable" | "UpdateItem" | "DeleteItem" => {
                dynamodb::serve(self, name, request)
            }
            "LookupEvents" => event_history::lookup_events(self, request),
            "GetPublicKey" | "Sign" => kms::serve(self, name, request),
            "ListPublicKeys" => public_keys::list_public_keys(self, request),
            "PutEvents" => messages::put_events(self, request),
            "Publish" => messages::publish(self, request),
            "BatchImportFindings" => messages::batch_import_findings(self, request),
            "DescribeStacks" => messages::describe_stacks(self, request),
            "GetCallerIdentity" => messages::get_caller_identity(request),
            "AssumeRole" => messages::assume_role(request),
            _ => s3::serve(self, name, request),
        }
    }

    /// Adds an event to the history of an account and region.
    pub fn add_event(&mut self, account: &str, region: &str, time: u32, record: Value) {
        let (account, region) = (account.to_owned(), region.to_owned());
        self.events.push(event_history::HistoryEvent { account, region, time, record });
    }

    /// A bucket, created if it does not exist.
    pub fn bucket(&mut self, name: &str) -> &mut s3::FakeBucket {
        self.buckets.entry(name.to_owned()).or_default()
    }
}
