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
    time::{Duration, SystemTime},
};

use serde_json::Value;

use super::{FakeAws, HttpRequest, HttpResponse};

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

/// Time limit of an invocation.
const TIMEOUT: Duration = Duration::from_secs(60);

impl RunningFunction {
    /// Starts the binary of a function with these variables, against a fake AWS with the table `t` and the bucket
    /// `b`.
    pub fn start(binary: &str, cloud: &FakeAws, variables: &[(&str, &str)]) -> Self {
        cloud.state().tables.entry("t".to_owned()).or_default();
        cloud.state().bucket("b");
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
            .env("ONLOOKER_TABLE", "t")
            .env("ONLOOKER_BUCKET", "b")
            .env("ONLOOKER_TOPIC", "arn:aws:sns:eu-west-1:111122223333:notifications")
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
        thread::sleep(Duration::from_millis(50));
        self.log.lock().unwrap().clone()
    }

    /// Invokes it, and waits for the result.
    pub fn invoke(&self, payload: Value) -> InvocationResult {
        self.invoke.send(payload).expect("the function is there");
        self.results.recv_timeout(TIMEOUT).unwrap_or_else(|_| panic!("no answer in time: {}", self.log()))
    }

    /// The metrics it has printed, one object for each run.
    pub fn metrics(&self) -> Vec<Value> {
        // They are printed before the response is sent; the pipe may be slower.
        thread::sleep(Duration::from_millis(50));
        let output = self.output.lock().unwrap();
        output.lines().map(|line| serde_json::from_str(line).expect("a line of metrics")).collect()
    }
}

impl Drop for RunningFunction {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
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
            let deadline = SystemTime::now() + TIMEOUT;
            let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
            HttpResponse::new(200, payload.to_string())
                .with_header("lambda-runtime-aws-request-id", "11111111-2222-3333-4444-555555555555")
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
