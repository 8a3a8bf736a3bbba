"""Measures the released functions: start, size, throughput, memory, requests, and the API under load.

    python bench.py HELLO BUILD LOAD STORES

HELLO is the binary of the smallest Lambda function, BUILD the folder of `sam build`, LOAD and STORES the examples `load` and
`stores` of the function api. Prints tables, and exits with 1 if a function misses a target.
"""

import contextlib
import gzip
import io
import json
import queue
import statistics
import subprocess
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import deployment as deployments
import trail

# An hour in the past: a report on a future hour has no evidence.
BEGIN = 1_790_000_000 // 3600 * 3600
END = BEGIN + 3600
STARTS = 40
FUNCTIONS = ["Pull", "Ingest", "Watch", "Permissions", "Report", "Maintain", "Api"]
# Largest processor time of a start, as a multiple of HELLO's.
MAX_START_RATIO = 2.5
MAX_ZIP_BYTES = 8_000_000
MAX_MEMORY_BYTES = 128 << 20
# The load of the function api: requests a second, seconds of a round, rounds, processes. A process has one request at a time.
LOAD = [1_000, 10, 5, 4]


class Runtime:
    """A Lambda runtime API for one process."""

    def __init__(self):
        self.payloads, self.results, self.polls = queue.Queue(), queue.Queue(), threading.Semaphore(0)
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                runtime.polls.release()
                payload = runtime.payloads.get()
                if payload is None:
                    self.close_connection = True
                    return
                self.send_response(200)
                for name, value in {
                    "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
                    "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 300_000),
                    "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:{trail.REGION}:{trail.HOME_ACCOUNT}:function:bench",
                    "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
                    "Content-Type": "application/json",
                    "Content-Length": str(len(payload)),
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(payload)

            def do_POST(self):
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                runtime.results.put((self.path.rsplit("/", 1)[-1], content))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.payloads.put(None)
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def process(binary, environment):
    """The process of a function with a runtime API of its own, after it has polled for the first invocation."""
    runtime = Runtime()
    child = subprocess.Popen(
        [binary], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"AWS_LAMBDA_RUNTIME_API": runtime.address, "AWS_LAMBDA_FUNCTION_NAME": "bench",
             "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"} | environment,
    )
    try:
        if not runtime.polls.acquire(timeout=120):
            raise RuntimeError(f"{binary} did not poll for an invocation")
        yield runtime, child.pid
    finally:
        child.kill()
        child.wait()
        runtime.close()


def cpu(pid):
    """Processor time of all threads, in seconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def memory(pid, name="VmHWM"):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def start(binary, environment):
    """Median processor time and memory at the first poll for an invocation."""
    seen = []
    for _ in range(STARTS):
        with process(binary, environment) as (_, pid):
            seen.append((cpu(pid), memory(pid)))
    return statistics.median(one for one, _ in seen), statistics.median(one for _, one in seen)


def zip_size(binary):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(binary, "bootstrap")
    return len(content.getvalue())


def large_object(bytes_):
    """A log file of so many bytes when decompressed: its number of records, and its content."""
    one = trail.Trail("large", BEGIN, END, 2_000)
    text = json.dumps(one.records[0], separators=(",", ":"))
    made = trail.Trail("large", BEGIN, END, bytes_ // len(text))
    return len(made.records), trail.gzip_log_file(made.records)


def invoke(runtime, payload):
    began = time.monotonic()
    runtime.payloads.put(json.dumps(payload).encode())
    kind, content = runtime.results.get(timeout=300)
    if kind != "response":
        raise RuntimeError(f"the function failed: {content.decode()}")
    return time.monotonic() - began, json.loads(content)


def item(key, content):
    return {"bucket": deployments.TRAIL_BUCKET, "key": key, "etag": "", "size": len(content)}


def main(hello, build, load, stores):
    build, missed = Path(build), []
    binaries = {name: build / name / "bootstrap" for name in FUNCTIONS}
    with deployments.Deployment() as deployment:
        environment = create_resources(deployment)
        base, _ = start(hello, environment)
        print(f"{'function':10} {'start, CPU ms':>14} {'x hello':>8} {'RSS MB':>7} {'zip MB':>7}")
        print(f"{'hello':10} {base * 1e3:14.2f} {1:8.2f} {'':7} {zip_size(hello) / 1e6:7.2f}")
        for name, binary in binaries.items():
            spent, resident = start(binary, environment)
            size = zip_size(binary)
            print(f"{name:10} {spent * 1e3:14.2f} {spent / base:8.2f} {resident / 1e6:7.1f} {size / 1e6:7.2f}")
            if spent > MAX_START_RATIO * base:
                missed.append(f"{name} starts at {spent / base:.1f} x hello")
            if size > MAX_ZIP_BYTES:
                missed.append(f"{name} is {size / 1e6:.1f} MB")

        records, content = large_object(50_000_000)
        key = trail.key(trail.HOME_ACCOUNT, trail.REGION, BEGIN)
        deployment.deliver({key: content})
        with process(binaries["Ingest"], environment) as (runtime, pid):
            invoke(runtime, item(key, content))
            before = cpu(pid)
            took, _ = invoke(runtime, item(key, content))
            spent, peak = cpu(pid) - before, memory(pid)
        inflated = len(gzip.decompress(content))
        print(f"\ningest of one log file, {inflated / 1e6:.0f} MB decompressed, {records} records: {took:.2f} s, "
              f"{spent:.2f} s CPU, {records / took:,.0f} records/s, peak {peak / 1e6:.0f} MB")
        if peak > MAX_MEMORY_BYTES:
            missed.append(f"ingest takes {peak / 1e6:.0f} MB")

        deployment.proxy.reset()
        made = trail.Trail("many", BEGIN, END, 100_000, [
            (f"{account:012}", region) for account in range(1, 11) for region in (trail.REGION, trail.GLOBAL_REGION)
        ])
        objects = made.objects()
        deployment.deliver(objects)
        keys = sorted(objects)
        with process(binaries["Ingest"], environment) as (runtime, _):
            for first in range(0, len(keys), 50):
                invoke(runtime, {"Items": [item(key, objects[key]) for key in keys[first:first + 50]]})
        print_requests(deployment, "ingest", len(objects), len(made.records))
        deployment.proxy.reset()
        with process(binaries["Report"], environment) as (runtime, pid):
            invoke(runtime, {"since": trail.stamp(BEGIN), "until": trail.stamp(END)})
            print(f"report: peak {memory(pid) / 1e6:.0f} MB")
        print_requests(deployment, "report", len(objects), len(made.records))
    print("\nthe API under load", flush=True)
    if subprocess.run([load, build / "Api" / "bootstrap", hello, stores, *map(str, LOAD)], check=False).returncode:
        missed.append("the function api under load, see above")
    for one in missed:
        print(f"missed: {one}", file=sys.stderr)
    return 1 if missed else 0


def print_requests(deployment, name, objects, records):
    """Prints the requests that the proxy counted."""
    print(f"\n{name}, {objects} log files, {records} events: requests, and requests for a million events")
    for (service, action), count in sorted(deployment.proxy.calls.items()):
        print(f"  {service:10} {action:20} {count:6} {count * 1e6 / records:10.0f}")


def create_resources(deployment):
    """Creates a table, buckets, a topic and a bus. Returns the environment variables of the functions."""
    s3, dynamodb = deployment.client("s3"), deployment.client("dynamodb")
    for bucket in (deployments.TRAIL_BUCKET, "evidence"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": deployment.region})
    dynamodb.create_table(
        TableName="state", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    topic = deployment.client("sns").create_topic(Name="notifications")["TopicArn"]
    deployment.client("events").create_event_bus(Name="notifications")
    return {
        "AWS_ENDPOINT_URL": deployment.endpoint, "AWS_ACCESS_KEY_ID": deployment.home, "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": deployment.region, "ONLOOKER_TABLE": "state", "ONLOOKER_BUCKET": "evidence", "ONLOOKER_TOPIC": topic,
        "ONLOOKER_BUS": "notifications", "ONLOOKER_DEPLOYMENT": "bench", "ONLOOKER_WATCH": trail.WATCHED, "ONLOOKER_LOG": "error",
        "ONLOOKER_DELIVERY_AUTHORITATIVE_FROM": "2020-01-01T00:00:00Z",
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
