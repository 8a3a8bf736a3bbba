"""Measures the functions as they are shipped: start, size, throughput, memory, requests.

    python bench.py HELLO BUILD

HELLO is the smallest function there is, BUILD the folder of `sam build`. Prints tables; ends with 1 if a target is missed.
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

import stage as stages
import trail

# A past hour: reports know nothing of the future.
BEGIN = 1_790_000_000 // 3600 * 3600
END = BEGIN + 3600
STARTS = 40
FUNCTIONS = ["Sweep", "Ingest", "Watch", "Report"]
START_MOST = 2.5
ZIP_MOST = 8_000_000
MEMORY_MOST = 128 << 20


class Runtime:
    """A Lambda runtime API for one process."""

    def __init__(self):
        self.payloads, self.answers, self.asked = queue.Queue(), queue.Queue(), threading.Semaphore(0)
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                runtime.asked.release()
                payload = runtime.payloads.get()
                if payload is None:
                    self.close_connection = True
                    return
                self.send_response(200)
                for name, value in {
                    "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
                    "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 300_000),
                    "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:{trail.REGION}:{trail.HOME}:function:bench",
                    "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
                    "Content-Type": "application/json",
                    "Content-Length": str(len(payload)),
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(payload)

            def do_POST(self):
                said = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                runtime.answers.put((self.path.rsplit("/", 1)[-1], said))
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
    """A function on a runtime of its own, up to its first question."""
    runtime = Runtime()
    began = subprocess.Popen(
        [binary], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"AWS_LAMBDA_RUNTIME_API": runtime.address, "AWS_LAMBDA_FUNCTION_NAME": "bench",
             "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"} | environment,
    )
    try:
        if not runtime.asked.acquire(timeout=30):
            raise RuntimeError(f"{binary} never asked for work")
        yield runtime, began.pid
    finally:
        began.kill()
        began.wait()
        runtime.close()


def cpu(pid):
    """Seconds of processor time of all threads."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def memory(pid, name="VmHWM"):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def start(binary, environment):
    """Median processor time and memory at the first question."""
    seen = []
    for _ in range(STARTS):
        with process(binary, environment) as (_, pid):
            seen.append((cpu(pid), memory(pid)))
    return statistics.median(one for one, _ in seen), statistics.median(one for _, one in seen)


def zipped(binary):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(binary, "bootstrap")
    return len(held.getvalue())


def large(bytes_):
    """One log object that inflates to so much."""
    one = trail.Trail("large", BEGIN, END, 2_000)
    text = json.dumps(one.records[0], separators=(",", ":"))
    made = trail.Trail("large", BEGIN, END, bytes_ // len(text))
    return len(made.records), trail.pack(made.records)


def invoke(runtime, payload):
    began = time.monotonic()
    runtime.payloads.put(json.dumps(payload).encode())
    kind, said = runtime.answers.get(timeout=300)
    if kind != "response":
        raise RuntimeError(f"the function failed: {said.decode()}")
    return time.monotonic() - began, json.loads(said)


def item(key, content):
    return {"bucket": stages.TRAIL_BUCKET, "key": key, "etag": "", "size": len(content)}


def main(hello, build):
    build, missed = Path(build), []
    binaries = {name: build / name / "bootstrap" for name in FUNCTIONS}
    with stages.Stage() as stage:
        environment = play(stage)
        base, _ = start(hello, environment)
        print(f"{'function':10} {'start, CPU ms':>14} {'x hello':>8} {'RSS MB':>7} {'zip MB':>7}")
        print(f"{'hello':10} {base * 1e3:14.2f} {1:8.2f} {'':7} {zipped(hello) / 1e6:7.2f}")
        for name, binary in binaries.items():
            spent, resident = start(binary, environment)
            size = zipped(binary)
            print(f"{name:10} {spent * 1e3:14.2f} {spent / base:8.2f} {resident / 1e6:7.1f} {size / 1e6:7.2f}")
            if spent > START_MOST * base:
                missed.append(f"{name} starts at {spent / base:.1f} x hello")
            if size > ZIP_MOST:
                missed.append(f"{name} is {size / 1e6:.1f} MB")

        records, content = large(50_000_000)
        key = trail.key(trail.HOME, trail.REGION, BEGIN)
        stage.deliver({key: content})
        with process(binaries["Ingest"], environment) as (runtime, pid):
            invoke(runtime, item(key, content))
            before = cpu(pid)
            took, _ = invoke(runtime, item(key, content))
            spent, most = cpu(pid) - before, memory(pid)
        inflated = len(gzip.decompress(content))
        print(f"\ningest of one object, {inflated / 1e6:.0f} MB inflated, {records} records: {took:.2f} s, {spent:.2f} s CPU, "
              f"{records / took:,.0f} records/s, peak {most / 1e6:.0f} MB")
        if most > MEMORY_MOST:
            missed.append(f"ingest takes {most / 1e6:.0f} MB")

        stage.proxy.reset()
        made = trail.Trail("many", BEGIN, END, 100_000, [
            (f"{account:012}", region) for account in range(1, 11) for region in (trail.REGION, trail.GLOBAL)
        ])
        objects = made.objects()
        stage.deliver(objects)
        keys = sorted(objects)
        with process(binaries["Ingest"], environment) as (runtime, _):
            for first in range(0, len(keys), 50):
                invoke(runtime, {"Items": [item(key, objects[key]) for key in keys[first:first + 50]]})
        told(stage, "ingest", len(objects), len(made.records))
        stage.proxy.reset()
        with process(binaries["Report"], environment) as (runtime, pid):
            invoke(runtime, {"since": trail.stamp(BEGIN), "until": trail.stamp(END)})
            print(f"report: peak {memory(pid) / 1e6:.0f} MB")
        told(stage, "report", len(objects), len(made.records))
    for one in missed:
        print(f"missed: {one}", file=sys.stderr)
    return 1 if missed else 0


def told(stage, name, objects, records):
    """Requests, as the proxy counted them."""
    print(f"\n{name}, {objects} log objects, {records} events: requests, and for a million events")
    for (service, action), count in sorted(stage.proxy.calls.items()):
        print(f"  {service:10} {action:20} {count:6} {count * 1e6 / records:10.0f}")


def play(stage):
    """A table, a bucket, a topic and a bus; what the functions are told of them."""
    s3, dynamodb = stage.client("s3"), stage.client("dynamodb")
    for bucket in (stages.TRAIL_BUCKET, "evidence"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": stage.region})
    dynamodb.create_table(
        TableName="state", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    topic = stage.client("sns").create_topic(Name="news")["TopicArn"]
    stage.client("events").create_event_bus(Name="news")
    return {
        "AWS_ENDPOINT_URL": stage.endpoint, "AWS_ACCESS_KEY_ID": stage.home, "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": stage.region, "ONLOOKER_TABLE": "state", "ONLOOKER_BUCKET": "evidence", "ONLOOKER_TOPIC": topic,
        "ONLOOKER_BUS": "news", "ONLOOKER_DEPLOYMENT": "bench", "ONLOOKER_WATCH": trail.WATCHED, "ONLOOKER_LOG": "error",
        "ONLOOKER_DELIVERY_COUNTS_FROM": "2020-01-01T00:00:00Z",
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
