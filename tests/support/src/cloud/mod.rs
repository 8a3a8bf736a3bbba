//! An AWS of our own, on loopback: as much of it as Onlooker asks for, and faults on demand.
//!
//! It speaks HTTP, so that what is tried is what is shipped: the SDKs, signing, retries, timeouts and all. What it does not
//! know it refuses. Accounts are told apart by access key, regions by what was signed for.

mod dynamodb;
mod http;
pub mod lambda;
mod messages;
mod s3;
pub mod trail;

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use serde_json::Value;

pub use self::{
    http::{Answer, Request},
    s3::etag,
};

pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "eu-west-1";

/// What it does with a request instead of, or after, answering it.
#[derive(Clone)]
pub enum Fault {
    /// Answers this and does nothing.
    Answer(Answer),
    /// Does what was asked and hangs up without an answer.
    Lose,
    /// Hangs up before anything was done.
    HangUp,
}

type Plan = Box<dyn FnMut(&Request) -> Option<Fault> + Send>;

/// All there is in it.
#[derive(Default)]
pub struct State {
    pub tables: BTreeMap<String, dynamodb::Table>,
    pub buckets: BTreeMap<String, s3::Bucket>,
    /// Events as LookupEvents knows them.
    pub events: Vec<trail::Event>,
    /// What was published to topics.
    pub published: Vec<BTreeMap<String, String>>,
    /// What was put on buses.
    pub put: Vec<Value>,
    /// Requests so far: operation, account, region.
    pub requests: Vec<(String, String, String)>,
    plan: Option<Plan>,
}

/// A running AWS.
pub struct Cloud {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Cloud {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                thread::spawn(move || converse(&stream, &state));
            }
        });
        Self { address, state }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What goes wrong from now on.
    pub fn plan(&self, plan: impl FnMut(&Request) -> Option<Fault> + Send + 'static) {
        self.state().plan = Some(Box::new(plan));
    }

    /// Requests so far whose operation is this.
    pub fn count(&self, operation: &str) -> usize {
        self.state().requests.iter().filter(|(name, ..)| name == operation).count()
    }

    /// The variables a program needs to find it; nothing else of this machine's AWS is found.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
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

fn converse(stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = std::io::BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader) {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let name = request.operation();
        state.requests.push((name.clone(), request.account(), request.region()));
        let mut plan = state.plan.take();
        let fault = plan.as_mut().and_then(|plan| plan(&request));
        if state.plan.is_none() {
            state.plan = plan;
        }
        let answer = match fault {
            Some(Fault::Answer(answer)) => answer,
            Some(Fault::HangUp) => return,
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

impl State {
    fn serve(&mut self, name: &str, request: &Request) -> Answer {
        match name {
            "Query" | "UpdateItem" | "DeleteItem" => dynamodb::serve(self, name, request),
            "LookupEvents" => trail::lookup(self, request),
            "PutEvents" => messages::put_events(self, request),
            "Publish" => messages::publish(self, request),
            "GetCallerIdentity" => messages::caller(request),
            "AssumeRole" => messages::assume(request),
            _ => s3::serve(self, name, request),
        }
    }

    /// Adds an event to the history of an account and region.
    pub fn happened(&mut self, account: &str, region: &str, time: u32, record: Value) {
        let (account, region) = (account.to_owned(), region.to_owned());
        self.events.push(trail::Event { account, region, time, record });
    }

    /// A bucket, made where there is none.
    pub fn bucket(&mut self, name: &str) -> &mut s3::Bucket {
        self.buckets.entry(name.to_owned()).or_default()
    }
}
