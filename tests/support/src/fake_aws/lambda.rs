//! A fake of Lambda's runtime API, and the real binary of a function that polls it.

use std::{
    io::{BufReader, Read},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Value, json};

use crate::schemas::{published_path, schema_violation};

use super::{FakeAws, HttpRequest, HttpResponse, dynamodb::TableItems, s3::FakeBucket};

/// The table and the bucket of every function, and the topic that it notifies.
const TABLE: &str = "t";
const BUCKET: &str = "b";
pub const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:notifications";

/// The request id of every invocation.
pub const REQUEST_ID: &str = "11111111-2222-3333-4444-555555555555";

/// The result of an invocation: a response, or the type and message of an error.
pub type InvocationResult = Result<Value, (String, String)>;

/// A running function.
pub struct RunningFunction {
    process: Child,
    invoke: Sender<Value>,
    results: Receiver<InvocationResult>,
    output: Arc<Mutex<String>>,
    log: Arc<Mutex<String>>,
}

/// How long a test waits for the answer to an invocation.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Timeout of the function, from which it knows its deadline.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(900);

impl RunningFunction {
    /// Starts the binary of a function with these variables, against a fake AWS with its table and its bucket.
    pub fn start(binary: &str, cloud: &FakeAws, variables: &[(&str, &str)]) -> Self {
        cloud.state().tables.entry(TABLE.to_owned()).or_default();
        cloud.state().bucket(BUCKET);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (invoke, invocations) = channel();
        let (answers, answered) = channel();
        let invocations = Arc::new(Mutex::new(invocations));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (invocations, answers) = (Arc::clone(&invocations), answers.clone());
                thread::spawn(move || serve_runtime_api(&stream, &invocations, &answers));
            }
        });
        let mut command = Command::new(binary);
        command
            .env_clear()
            .envs(cloud.environment())
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "function")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("ONLOOKER_TABLE", TABLE)
            .env("ONLOOKER_BUCKET", BUCKET)
            .env("ONLOOKER_TOPIC", TOPIC)
            .env("ONLOOKER_BUS", "notifications")
            .env("ONLOOKER_DEPLOYMENT", "test")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().expect("the function starts");
        let output = collect_output(process.stdout.take().expect("its output"));
        let log = collect_output(process.stderr.take().expect("its log"));
        Self { process, invoke, results: answered, output, log }
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The first line of its log with this message, once the log has one.
    pub fn log_line(&self, message: &str) -> Value {
        let found = |lines: Vec<Value>| lines.into_iter().find(|line| line["message"] == message);
        self.wait_for(message, || found(json_lines(&self.log.lock().unwrap())))
    }

    /// Invokes it, and waits for the result.
    pub fn invoke(&self, payload: Value) -> InvocationResult {
        self.invoke.send(payload).expect("the function is there");
        let result = self.results.recv_timeout(TIMEOUT);
        let result = result.unwrap_or_else(|_| panic!("no answer in time: {}", self.log()));
        result.inspect(assert_published_shape)
    }

    /// Invokes it. Returns the message of the error that it must fail with.
    #[track_caller]
    pub fn invoke_failing(&self, payload: Value, error_type: &str) -> String {
        let (kind, message) = self.invoke(payload).expect_err(error_type);
        assert_eq!(kind, error_type, "{message}");
        message
    }

    /// The metrics it has printed, one object for each run, once there are those of this many runs.
    pub fn metrics(&self, runs: usize) -> Vec<Value> {
        let printed = self.wait_for("metrics", || {
            let lines = json_lines(&self.output.lock().unwrap());
            (lines.len() >= runs).then_some(lines)
        });
        assert_eq!(printed.len(), runs, "{printed:?}");
        printed
    }

    /// Waits until a pipe has delivered what the function wrote before it responded.
    fn wait_for<T>(&self, what: &str, found: impl Fn() -> Option<T>) -> T {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(found) = found() {
                return found;
            }
            assert!(Instant::now() < deadline, "no {what} in time: {}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl FakeAws {
    /// The items of the function's table.
    pub fn table(&self) -> TableItems {
        self.state().tables[TABLE].clone()
    }

    /// Puts an item into the function's table, as a function stores it.
    pub fn put_item(&self, partition: &str, sort: &str, body: &Value) {
        let text = |text: &str| json!({ "S": text });
        let item = json!({
            "pk": text(partition), "sk": text(sort), "rev": { "N": "1" }, "body": attribute(body), "write": text("test"),
        });
        let Value::Object(item) = item else { return };
        let mut state = self.state();
        let table = state.tables.entry(TABLE.to_owned()).or_default();
        table.insert((partition.to_owned(), sort.to_owned()), item);
    }

    /// The record of the latest run of a function.
    pub fn latest_run(&self, function: &str) -> Value {
        let key = (format!("RUN#{function}"), "LATEST".to_owned());
        self.table()[&key]["body"]["M"].clone()
    }

    /// What the function's bucket holds.
    pub fn with_bucket<T>(&self, read: impl FnOnce(&FakeBucket) -> T) -> T {
        read(self.state().bucket(BUCKET))
    }

    /// Keys of the objects in the function's bucket.
    pub fn stored_keys(&self) -> Vec<String> {
        self.with_bucket(|bucket| bucket.objects.keys().cloned().collect())
    }
}

/// A value as DynamoDB has it.
fn attribute(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(truth) => json!({ "BOOL": truth }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::Array(items) => json!({ "L": items.iter().map(attribute).collect::<Vec<_>>() }),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), attribute(value)));
            json!({ "M": members.collect::<serde_json::Map<_, _>>() })
        }
    }
}

impl Drop for RunningFunction {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The complete lines of an output in which every line is JSON.
fn json_lines(output: &str) -> Vec<Value> {
    let complete = output.rsplit_once('\n').map_or("", |(complete, _)| complete);
    complete.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The text that comes out of a pipe.
fn collect_output(mut pipe: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::<Mutex<String>>::default();
    let kept = Arc::clone(&text);
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut bytes) {
            kept.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    });
    text
}

fn serve_runtime_api(
    stream: &TcpStream,
    invocations: &Mutex<Receiver<Value>>,
    answers: &Sender<InvocationResult>,
) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = HttpRequest::read(&mut reader) {
        let answer = if request.path.ends_with("/next") {
            let Ok(payload) = invocations.lock().unwrap().recv() else { return };
            let deadline = SystemTime::now() + FUNCTION_TIMEOUT;
            let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
            HttpResponse::new(200, payload.to_string())
                .with_header("lambda-runtime-aws-request-id", REQUEST_ID)
                .with_header("lambda-runtime-deadline-ms", deadline.to_string())
                .with_header(
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:eu-west-1:111122223333:function:f",
                )
        } else {
            let said: Value = serde_json::from_slice(&request.body).expect("JSON");
            let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
            let is_error = request.path.ends_with("/error");
            let answered =
                if is_error { Err((text("errorType"), text("errorMessage"))) } else { Ok(said.clone()) };
            let _ = answers.send(answered);
            HttpResponse::new(202, "{\"status\":\"OK\"}")
        };
        if answer.write(stream, false).is_err() {
            return;
        }
    }
}

/// Asserts that an answer has the published shape. Answers of the API and to queues have another.
#[track_caller]
fn assert_published_shape(answer: &Value) {
    let is_other = |key: &str| answer.get(key).is_some();
    if answer.is_object() && !["statusCode", "content_type", "batchItemFailures"].into_iter().any(is_other) {
        let schema = std::fs::read_to_string(published_path("function-answers.schema.json")).unwrap();
        let schema: Value = serde_json::from_str(&schema).unwrap();
        assert_eq!(schema_violation(answer, &schema, &schema, "$"), None);
    }
}
