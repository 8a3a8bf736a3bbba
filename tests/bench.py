#!/usr/bin/env python3
"""Measures whole sweeps against inflating the same files alone, and prints a table.

    bench.py [--records N] [--rounds N] [--corpus DIR]

Whole processes, CPU seconds (user + sys), in alternation, medians. Without --corpus, a trail is generated
once into target/bench. With ONLOOKER_TEST_DATA set, a second corpus is made with the generator found there.
Nothing is asserted: figures depend on the machine.
"""
import argparse
import gzip
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROGRAMS = TARGET / "dist"


def measure(command):
    """CPU seconds, wall seconds and peak memory in MB of one process."""
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - began
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 1, 3):
        sys.exit(f"bench: {' '.join(map(str, command))} ended with {code}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024


def corpora(arguments):
    if arguments.corpus:
        yield "given", pathlib.Path(arguments.corpus)
        return
    own = TARGET / "bench" / f"own-{arguments.records}"
    if not (own / "AWSLogs").exists():
        subprocess.run([PROGRAMS / "examples" / "benchmark_trail", own, str(arguments.records)], check=True)
    yield "own", own
    data = os.environ.get("ONLOOKER_TEST_DATA")
    if not data:
        print("ONLOOKER_TEST_DATA is not set: the second corpus is skipped")
        return
    other = TARGET / "bench" / f"peers-{arguments.records}"
    if not other.exists():
        bases = [part for name in ("invictus", "stratus") for part in ("--base", f"{data}/events/{name}.json")]
        subprocess.run(
            [sys.executable, f"{data}/perf/gen_corpus.py", *bases, "--events", str(arguments.records), "--out", other,
             "--per-file", "4000", "--seed", "1", "--accounts", "8"],
            check=True, stdout=subprocess.DEVNULL)
    yield "peers", other


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--corpus")
    arguments = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="onlooker-bench-"))

    def sweep(threads, corpus, *more):
        return [PROGRAMS / "onlooker", "sweep", "--quiet", "--threads", str(threads), "--out", scratch / "out", *more, corpus]

    def fresh_state(threads, corpus):
        state = scratch / "state"
        shutil.rmtree(state, ignore_errors=True)
        return sweep(threads, corpus, "--state", state)

    print(f"{'corpus':7} {'job':34} {'CPU s':>7} {'x inflate':>9} {'wall s':>7} {'krec/s':>7} {'peak MB':>8}")
    for name, corpus in corpora(arguments):
        jobs = {
            "inflate alone, 1 thread": lambda: [PROGRAMS / "examples" / "gather_speed", "inflate", "1", corpus],
            "sweep to JSON + HTML, 1 thread": lambda: sweep(1, corpus, "--no-state"),
            "sweep to JSON + HTML, 2 threads": lambda: sweep(2, corpus, "--no-state"),
            "the same with kept state, 1 thread": lambda: fresh_state(1, corpus),
        }
        if shutil.which("gzip"):
            files = "find '%s' -name '*.json.gz' -print0 | xargs -0 gzip -dc | wc -c" % corpus
            jobs["gzip -dc | wc -c"] = lambda: ["sh", "-c", files]
        figures = {job: [] for job in jobs}
        for _ in range(arguments.rounds):
            for job, command in jobs.items():
                figures[job].append(measure(command()))
        inflate = statistics.median(cpu for cpu, _, _ in figures["inflate alone, 1 thread"])
        for job, rounds in figures.items():
            cpu, wall, peak = (statistics.median(column) for column in zip(*rounds))
            print(f"{name:7} {job:34} {cpu:7.2f} {cpu / inflate:9.2f} {wall:7.2f} {arguments.records / wall / 1000:7.0f} {peak:8.0f}")
        forms(corpus, scratch, arguments.rounds)
    large_reports(scratch)
    audit(scratch)
    print(subprocess.run([PROGRAMS / "examples" / "guard_speed"], check=True, capture_output=True, text=True).stdout, end="")
    shutil.rmtree(scratch, ignore_errors=True)


def forms(corpus, scratch, rounds, files=75):
    """The same records as log files, as pages of LookupEvents and as EventBridge events, none of them compressed."""
    def dump(value):
        return json.dumps(value, separators=(",", ":"))

    def lookup_event(record):
        named = {"EventId": "eventID", "EventName": "eventName", "EventTime": "eventTime", "EventSource": "eventSource"}
        event = {name: record.get(key) for name, key in named.items()}
        return {**event, "ReadOnly": str(record.get("readOnly")).lower(), "Resources": [], "CloudTrailEvent": dump(record)}

    def eventbridge_event(record):
        return {
            "version": "0", "id": record.get("eventID"), "detail-type": "AWS API Call via CloudTrail", "source": "aws.s3",
            "account": record.get("recipientAccountId"), "time": record.get("eventTime"), "region": record.get("awsRegion"),
            "resources": [], "detail": record,
        }

    texts = {
        "log files": lambda records: dump({"Records": records}),
        "pages of LookupEvents": lambda records: dump({"Events": [lookup_event(one) for one in records]}),
        "EventBridge events": lambda records: "".join(dump(eventbridge_event(one)) + "\n" for one in records),
    }
    count = 0
    for path in sorted(corpus.rglob("*.json.gz"))[:files]:
        document = json.loads(gzip.decompress(path.read_bytes()))
        if "Records" not in document:
            continue
        count += len(document["Records"])
        for form, text in texts.items():
            folder = scratch / form
            folder.mkdir(exist_ok=True)
            (folder / path.name.removesuffix(".gz")).write_text(text(document["Records"]))
    command = [PROGRAMS / "onlooker", "sweep", "--quiet", "--threads", "1", "--no-state", "--out", scratch / "out"]
    figures = {form: [] for form in texts}
    for _ in range(rounds):
        for form in texts:
            figures[form].append(measure([*command, scratch / form])[0])
    least = statistics.median(figures["log files"])
    for form, rounds_of in figures.items():
        cpu = statistics.median(rounds_of)
        print(f"{count} records as {form}: {cpu:.2f} CPU s, {cpu / least:.2f} x log files")
        shutil.rmtree(scratch / form)


def large_reports(scratch):
    """Formats of a report with many findings and principals."""
    command = [PROGRAMS / "examples" / "render_speed", scratch / "out" / "report.json", "10000", "5000", "html", "json", "markdown"]
    print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="")


def audit(scratch, entries=1_000_000):
    """The audit trail: writes, compression, queries; and the same question to zcat and jq, on the same batches."""
    program, trail = PROGRAMS / "examples" / "audit_speed", scratch / "trail"
    for arguments in (
        ("write", "1", "10000", trail), ("write", "20", str(entries), scratch / "other"), ("durable", "20", "20000", scratch / "other"),
        ("compression", "10000"), ("write", "1", str(entries), trail), ("query", "0", trail),
    ):
        print(subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout, end="")
    if not shutil.which("jq"):
        print("jq is not installed: its time is not measured")
        return
    for name, question in (("one principal", '.user_identity.principal // "" | endswith("role/Auditor7")'), ("every denied call", '.outcome == "denied"')):
        command = "find '%s' -name '*.gz' -print0 | xargs -0 zcat | jq -c 'select(%s)' | wc -l" % (trail, question)
        began = time.monotonic()
        subprocess.run(["sh", "-c", command], check=True, stdout=subprocess.DEVNULL)
        print(f'{{"what":"zcat | jq","for":"{name}","ms":{(time.monotonic() - began) * 1000:.0f}}}')


main()
