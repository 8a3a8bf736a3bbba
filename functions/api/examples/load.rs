//! Measures the function `api` under load, side by side with the smallest Lambda function of the same runtime, and with the smallest
//! one that stores an object before it answers.
//!
//! Enters: the binaries of the three, requests a second, seconds of a round, rounds, and processes of each. Leaves: a table with the 50th
//! and 99th percentile of the time from the arrival of a request to its answer, processor time of a request, the peak of the memory of a
//! process, and the ratios to the smallest function; the exit code is 1 if a request failed, a verdict is not in the audit trail, or a ratio is above its limit. Laws:
//! requests arrive by the clock and not by the answers, so that a slow answer delays no arrival; all functions get the same payload, the
//! same number of processes and alternating rounds; a process has one request at a time, as in Lambda. The audit trail is in a fake S3 on
//! loopback, so what is measured is the code and not the network.
//!
//! `cargo run --profile dist -p api --example load -- API HELLO STORES 1000 10 3 4`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement may fail"
)]

use std::{
    collections::{HashMap, VecDeque},
    env, fs,
    io::BufReader,
    net::{TcpListener, TcpStream},
    process::{Child, Command, ExitCode, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant, SystemTime},
};

use onlooker_core::{
    audit::{AuditBatch, BatchKey},
    record::Inflater,
};
use serde_json::{Value, json};
use test_support::fake_aws::{FakeAws, HttpRequest, HttpResponse};

/// Largest 99th percentile, as a multiple of that of the smallest function.
const MAX_RATIO: f64 = 2.0;

/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [api, hello, stores, numbers @ ..] = &args[..] else {
        eprintln!("usage: load API HELLO STORES [requests a second] [seconds] [rounds] [processes]");
        return ExitCode::from(2);
    };
    let number =
        |at: usize, default: u32| numbers.get(at).map_or(default, |text| text.parse().expect("a number"));
    let (rate, seconds, rounds, processes) = (number(0, 1_000), number(1, 10), number(2, 3), number(3, 4));
    let cloud = FakeAws::start();
    cloud.state().tables.entry("t".to_owned()).or_default();
    cloud.state().bucket("b");
    let mut subjects = [("hello", hello), ("stores", stores), ("api", api)]
        .map(|(name, binary)| Subject::start(name, binary, &cloud, processes));
    for subject in &mut subjects {
        // The first requests of each process load what it needs.
        subject.run(rate.min(50), 2);
        subject.times.clear();
        subject.spent_before = subject.cpu_seconds();
    }
    for _ in 0..rounds {
        for subject in &mut subjects {
            subject.run(rate, seconds);
        }
    }
    println!("{rate} requests a second, {processes} processes, {rounds} rounds of {seconds} s");
    println!(
        "{:8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}",
        "function", "requests", "p50, ms", "p99, ms", "CPU, ms", "peak MB", "errors"
    );
    let rows: Vec<[f64; 2]> = subjects.iter_mut().map(Subject::print).collect();
    let of = |other: usize, at: usize| rows[2][at] / rows[other][at];
    let ratio = |at: usize| of(0, at);
    println!("{:8} {:>9} {:9.2} {:9.2}", "x hello", "", ratio(0), ratio(1));
    println!("{:8} {:>9} {:9.2} {:9.2}", "x stores", "", of(1, 0), of(1, 1));
    let (stored, asked) = (decisions(&cloud), subjects[2].answered);
    println!("{stored} verdicts in the audit trail, {asked} given");
    let failed: usize = subjects.iter().map(|subject| subject.errors).sum();
    let mut missed = Vec::new();
    if failed > 0 || stored != asked {
        missed.push(format!(
            "{failed} requests failed, and {stored} of {asked} verdicts are in the audit trail"
        ));
    }
    if ratio(1) > MAX_RATIO {
        missed.push(format!("p99 is {:.2} x hello, and at most {MAX_RATIO} x is wanted", ratio(1)));
    }
    missed.iter().for_each(|one| eprintln!("missed: {one}"));
    ExitCode::from(u8::from(!missed.is_empty()))
}

/// A function under load.
struct Subject {
    name: &'static str,
    processes: Vec<Child>,
    runtime: Arc<Runtime>,
    times: Vec<Duration>,
    errors: usize,
    answered: usize,
    /// Processor time of its processes before the first round, in seconds.
    spent_before: f64,
}

impl Subject {
    fn start(name: &'static str, binary: &str, cloud: &FakeAws, processes: u32) -> Self {
        let runtime = Arc::<Runtime>::default();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let shared = Arc::clone(&runtime);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let runtime = Arc::clone(&shared);
                thread::spawn(move || runtime.serve(&stream));
            }
        });
        let process = |_| {
            Command::new(binary)
                .env_clear()
                .envs(cloud.environment())
                .env("AWS_LAMBDA_RUNTIME_API", &address)
                .env("AWS_LAMBDA_FUNCTION_NAME", "function")
                .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
                .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
                .env("ONLOOKER_TABLE", "t")
                .env("ONLOOKER_BUCKET", "b")
                .env("ONLOOKER_DEPLOYMENT", "load")
                .stdout(Stdio::null())
                .spawn()
                .expect("the function starts")
        };
        let processes = (0..processes).map(process).collect();
        Self { name, processes, runtime, times: Vec::new(), errors: 0, answered: 0, spent_before: 0.0 }
    }

    /// Sends requests for so many seconds, and waits for the answers.
    fn run(&mut self, rate: u32, seconds: u32) {
        let payload = payload();
        let begin = Instant::now() + Duration::from_millis(50);
        let count = rate * seconds;
        for number in 0..count {
            let arrival = begin + Duration::from_secs(1) * number / rate;
            thread::sleep(arrival.saturating_duration_since(Instant::now()));
            self.runtime.arrive(payload.clone(), arrival);
        }
        let answers = self.runtime.take(count as usize);
        self.answered += answers.len();
        let wrong = answers.iter().filter(|(_, is_right)| !is_right).count();
        self.errors += count as usize - answers.len() + wrong;
        self.times.extend(answers.into_iter().map(|(time, _)| time));
    }

    /// Processor time of its processes so far, in seconds.
    fn cpu_seconds(&self) -> f64 {
        self.processes.iter().map(|process| cpu_seconds(process.id())).sum()
    }

    /// Prints its row. Returns the percentiles in milliseconds.
    fn print(&mut self) -> [f64; 2] {
        self.times.sort_unstable();
        let percentile = |share: usize| {
            let at = (self.times.len() * share).div_ceil(100).saturating_sub(1);
            self.times.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
        };
        let found = [50, 99].map(percentile);
        let peak = self.processes.iter().map(|process| peak_memory(process.id())).max().unwrap_or_default();
        let spent = self.cpu_seconds() - self.spent_before;
        println!(
            "{:8} {:9} {:9.3} {:9.3} {:9.3} {:9.1} {:7}",
            self.name,
            self.times.len(),
            found[0],
            found[1],
            spent * 1e3 / self.times.len() as f64,
            peak as f64 / 1e6,
            self.errors
        );
        found
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A runtime API that all processes of a function poll.
#[derive(Default)]
struct Runtime {
    state: Mutex<RuntimeState>,
    changed: Condvar,
}

#[derive(Default)]
struct RuntimeState {
    /// Requests that wait for a process: id and payload.
    waiting: VecDeque<(String, String)>,
    arrivals: HashMap<String, Instant>,
    /// How long each answer took, and whether it is one.
    answers: Vec<(Duration, bool)>,
    sent: u64,
}

impl Runtime {
    fn arrive(&self, payload: String, at: Instant) {
        let mut state = self.state.lock().unwrap();
        state.sent += 1;
        let id = format!("00000000-0000-0000-0000-{:012}", state.sent);
        state.arrivals.insert(id.clone(), at);
        state.waiting.push_back((id, payload));
        drop(state);
        self.changed.notify_all();
    }

    /// The answers to this many requests, or those that came in time.
    fn take(&self, count: usize) -> Vec<(Duration, bool)> {
        let is_short = |state: &mut RuntimeState| state.answers.len() < count;
        let state = self.state.lock().unwrap();
        let (mut state, _) = self.changed.wait_timeout_while(state, PATIENCE, is_short).unwrap();
        std::mem::take(&mut state.answers)
    }

    fn next(&self) -> (String, String) {
        let state = self.state.lock().unwrap();
        let mut state = self.changed.wait_while(state, |state| state.waiting.is_empty()).unwrap();
        state.waiting.pop_front().unwrap()
    }

    fn serve(&self, stream: &TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut reader = BufReader::new(stream);
        while let Some(request) = HttpRequest::read(&mut reader) {
            let response = match request.path.rsplit('/').next().unwrap_or_default() {
                "next" => {
                    let (id, payload) = self.next();
                    let deadline = SystemTime::now() + Duration::from_secs(30);
                    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
                    let arn = "arn:aws:lambda:eu-west-1:111122223333:function:load";
                    HttpResponse::new(200, payload)
                        .with_header("lambda-runtime-aws-request-id", id)
                        .with_header("lambda-runtime-deadline-ms", deadline.to_string())
                        .with_header("lambda-runtime-invoked-function-arn", arn)
                }
                kind => {
                    self.answer(&request, kind == "response");
                    HttpResponse::new(202, "{\"status\":\"OK\"}")
                }
            };
            if response.write(stream, false).is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: &HttpRequest, is_response: bool) {
        let now = Instant::now();
        let id = request.path.split('/').rev().nth(1).unwrap_or_default();
        // The smallest function returns the event, which has no status.
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let is_right = is_response && body.get("statusCode").is_none_or(|status| *status == 200);
        let mut state = self.state.lock().unwrap();
        if let Some(arrival) = state.arrivals.remove(id) {
            state.answers.push((now.saturating_duration_since(arrival), is_right));
        }
        drop(state);
        self.changed.notify_all();
    }
}

/// The event of a function URL with one operation.
fn payload() -> String {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/validate", "rawQueryString": "",
        "headers": {
            "content-type": "application/json", "host": "id.lambda-url.eu-west-1.on.aws", "user-agent": "load",
        },
        "requestContext": {
            "accountId": "111122223333", "apiId": "id",
            "authorizer": { "iam": {
                "accessKey": "ASIA111122223333", "accountId": "111122223333", "callerId": "AROA1:session",
                "userArn": "arn:aws:sts::111122223333:assumed-role/ci/session", "userId": "AROA1:session",
            } },
            "domainName": "id.lambda-url.eu-west-1.on.aws", "domainPrefix": "id",
            "http": {
                "method": "POST", "path": "/validate", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1",
                "userAgent": "load",
            },
            "requestId": "r", "routeKey": "$default", "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1,
        },
        "body": "{\"operation\": \"s3:DeleteObject\", \"resource_arn\": \"arn:aws:s3:::bucket/key\"}",
        "isBase64Encoded": false,
    })
    .to_string()
}

/// Number of verdicts in the audit trail.
fn decisions(cloud: &FakeAws) -> usize {
    cloud.with_bucket(|bucket| {
        let batches = bucket.objects.iter().filter(|(key, _)| BatchKey::parse(key).is_some());
        let of_batch = |(_, versions): (&String, &Vec<Vec<u8>>)| {
            let batch = AuditBatch::decode(&versions[0], &mut Inflater::default()).expect("a batch");
            batch.lines.lines().filter(|line| line.contains("\"kind\":\"decision\"")).count()
        };
        batches.map(of_batch).sum()
    })
}

/// Processor time of a process and its threads, in seconds: `utime` and `stime` (proc(5)), which Linux counts in hundredths.
fn cpu_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("Linux");
    let (_, after_name) = stat.rsplit_once(')').expect("the name of the program");
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / 100.0
}

/// Peak of the resident memory of a process, in bytes.
fn peak_memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("its peak");
    line.split_whitespace().nth(1).expect("a number").parse::<u64>().expect("a number") * 1_024
}
