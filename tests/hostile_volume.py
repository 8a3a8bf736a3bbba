#!/usr/bin/env python3
"""Feeds the command line hostile volumes, and checks that it ends with a documented exit code within bounds.

    hostile_volume.py [--binary FILE] [--scale N] [--only WORD] [--memory-limit-mib N] [--timeout SECONDS] [--list]

Each case writes its input below target/hostile, runs the command under a limit on its address space, and removes
both. Checked are: the exit code and the status, which is never COMPLIANT except for the control of each kind; the
peak memory and the sizes of the outputs, against the bounds of the case; the words that say what was cut. Times are
printed and not compared. `--scale 0.01` makes a hundredth of the records.
"""
import argparse
import gzip
import itertools
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
ACCOUNT = "111122223333"
REGION = "us-east-1"
DOCUMENTED_CODES = {0, 1, 2, 3, 4}
FORMATS = "json,html,csv,markdown,terminal,ocsf,asff,sarif,oscal,junit,openmetrics"
RECORDS_PER_FILE = 50_000
CONFIGURATION = f"""
[coverage]
accounts = ["{ACCOUNT}"]
regions = ["{REGION}"]
event_classes = ["management-read", "management-write"]

[[watch]]
principal = "arn:aws:iam::*:role/Auditor*"
"""

PERIOD = ["--since", "2026-10-06T10:00:00Z", "--until", "2026-10-06T11:00:00Z"]

# A record, as text, because a million of them are made by formatting.
RECORD = (
    '{{"eventVersion":"1.11","userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLE:{session}",'
    '"arn":"arn:aws:sts::{account}:assumed-role/{role}/{session}","accountId":"{account}",'
    '"sessionContext":{{"sessionIssuer":{{"type":"Role","arn":"arn:aws:iam::{account}:role/{role}",'
    '"accountId":"{account}","userName":"{role}"}},"attributes":{{"creationDate":"2026-10-06T09:00:00Z",'
    '"mfaAuthenticated":"false"}}}}}},"eventTime":"2026-10-06T10:30:00Z","eventSource":"{source}",'
    '"eventName":"{name}","awsRegion":"{region}","sourceIPAddress":"{ip}","userAgent":"{agent}",'
    '"readOnly":{read_only},"eventID":"00000000-0000-4000-8000-{id:012d}","eventType":"AwsApiCall",'
    '"managementEvent":true,"recipientAccountId":"{account}","eventCategory":"Management"{more}}}'
)
READ = {
    "session": "session", "account": ACCOUNT, "role": "Auditor", "source": "ec2.amazonaws.com", "name": "DescribeInstances",
    "region": REGION, "ip": "198.51.100.7", "agent": "aws-cli/2.31.0", "read_only": "true", "id": 1, "more": "",
}
DENIED = ',"errorCode":"AccessDenied","errorMessage":"User is not authorized to perform this action"'
WRITE = {**READ, "name": "RunInstances", "read_only": "false"}
# What no record of a case has: the identities of the records that every case has.
FIRST_ID = 1_000


def record(**fields):
    return RECORD.format(**{**READ, **fields})


def log_path(folder, n, account=ACCOUNT, region=REGION):
    name = f"{account}_CloudTrail_{region}_20261006T1035Z_{n:016d}.json.gz"
    return folder / "AWSLogs" / account / "CloudTrail" / region / "2026" / "10" / "06" / name


def write_log(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b'{"Records":[')
        for n, text in enumerate(records):
            file.write((b"," if n else b"") + text.encode())
        file.write(b"]}")


def write_chunks(path, chunks):
    """One log file from pieces of bytes, none of which is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb", compresslevel=1) as file:
        for chunk in chunks:
            file.write(chunk)


def write_logs(folder, records, per_file=RECORDS_PER_FILE):
    """Files of records, and the evidence of a complete hour."""
    write_complete_hour(folder)
    iterator = iter(records)
    for n in itertools.count(1):
        part = list(itertools.islice(iterator, per_file))
        if not part:
            return
        write_log(log_path(folder, n), part)


def write_complete_hour(folder):
    """A read by the watched principal and a write by another: with nothing else the report is COMPLIANT."""
    write_log(log_path(folder, 0), [record(), record(role="Builder", name="RunInstances", read_only="false", id=2)])
    path = folder / "AWSLogs" / ACCOUNT / "CloudTrail-Digest" / REGION / "2026/10/06" / (
        f"{ACCOUNT}_CloudTrail-Digest_{REGION}_trail_{REGION}_20261006T110000Z.json.gz")
    digest = {
        "awsAccountId": ACCOUNT, "digestStartTime": "2026-10-06T10:00:00Z", "digestEndTime": "2026-10-06T11:00:00Z",
        "digestS3Bucket": "audit-logs", "digestS3Object": str(path.relative_to(folder)), "logFiles": [],
    }
    write_chunks(path, [json.dumps(digest).encode()])


def ids(count):
    return range(FIRST_ID, FIRST_ID + count)


def long_text(size, piece=b"a" * (1 << 20)):
    """`size` bytes in pieces of one MiB."""
    for _ in range(size // len(piece)):
        yield piece
    yield piece[:size % len(piece)]


def with_long_value(marker, size, **fields):
    """A log of one record in which `marker` is replaced with a text of `size` bytes."""
    head, tail = record(id=FIRST_ID, **fields).encode().rsplit(marker.encode(), 1)
    yield b'{"Records":[' + head
    yield from long_text(size)
    yield tail + b"]}"


class Case:
    """What is written, what is run, and what has to hold afterwards."""

    def __init__(self, name, write, statuses, *, said=(), memory=2_000, output=400, configuration=CONFIGURATION):
        self.name = name
        self.write = write
        self.statuses = statuses
        self.said = said
        self.memory = memory
        self.output = output
        self.configuration = configuration


CODE_OF = {"COMPLIANT": 0, "NON_COMPLIANT": 1, "INSUFFICIENT_EVIDENCE": 3}
BAD, UNPROVEN, GOOD = ("NON_COMPLIANT",), ("INSUFFICIENT_EVIDENCE",), ("COMPLIANT",)


def sweeps(scale):
    million, hundred_thousand = int(1_000_000 * scale), int(100_000 * scale)
    gib = int((1 << 30) * scale)
    cases = []

    def case(name, records, statuses, **options):
        cases.append(Case(name, lambda folder: write_logs(folder, records()), statuses, **options))

    def file_case(name, chunks, statuses=UNPROVEN, **options):
        def write(folder):
            write_complete_hour(folder)
            write_chunks(log_path(folder, 1), chunks())
        cases.append(Case(name, write, statuses, **options))

    case("control: a complete hour of reads", lambda: (record(id=n) for n in ids(10)), GOOD)
    case("control: one write in it", lambda: [record(id=FIRST_ID, name="RunInstances", read_only="false")], BAD)

    # One principal.
    case("sessions, reads", lambda: (record(id=n, session=f"s{n}") for n in ids(million)), GOOD)
    case("sessions, the last one wrote", lambda: itertools.chain(
        (record(id=n, session=f"s{n}") for n in ids(million)),
        [record(id=FIRST_ID + million, name="RunInstances", read_only="false")]), BAD)
    case("source addresses and user agents, reads", lambda: (
        record(id=n, ip=f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", agent=f"agent/{n}") for n in ids(million)), GOOD)
    # Names that begin with a verb that reads, in records with `readOnly=true`: reads outside the catalog.
    listed = ["10,000 of "] if million > 10_000 else []
    case("operations outside the catalog, reads", lambda: (record(id=n, name=f"DescribeThing{n}") for n in ids(million)), GOOD, said=listed)
    case("operations outside the catalog, unknown", lambda: (
        record(id=n, name=f"Frobnicate{n}").replace('"readOnly":true,', "") for n in ids(million)), UNPROVEN + BAD, said=listed)
    case("services outside the catalog, reads", lambda: (
        record(id=n, source=f"s{n}.amazonaws.com") for n in ids(million)), GOOD, said=listed)
    # Names whose spelling is near that of operations of the catalog, for which suggestions are looked up.
    case("operations near those of the catalog", lambda: (
        record(id=n, name="RunInstances"[:n % 11 + 1] + f"x{n}", read_only="false") for n in ids(million)), BAD + UNPROVEN, said=listed)

    # Many principals, accounts and regions.
    pairs = max(1, int(hundred_thousand ** 0.5))
    case("accounts and regions, reads", lambda: (
        record(id=n, account=f"{222200000000 + (n - FIRST_ID) % pairs:012d}", region=f"xx-{(n - FIRST_ID) // pairs}")
        for n in ids(pairs * pairs)), UNPROVEN)
    case("accounts, a hundred thousand", lambda: (
        record(id=n, account=f"{222200000000 + n:012d}") for n in ids(hundred_thousand)), UNPROVEN)
    case("regions, a hundred thousand", lambda: (
        record(id=n, region=f"xx-{n}") for n in ids(hundred_thousand)), GOOD, said=listed)
    case("principals, reads", lambda: (record(id=n, role=f"Auditor{n}") for n in ids(million)), GOOD, said=listed)
    case("principals that are not watched, writes", lambda: (
        record(id=n, role=f"Other{n}", name="RunInstances", read_only="false") for n in ids(million)), GOOD, said=listed)

    # Findings.
    case("findings: principals that wrote", lambda: (
        record(id=n, role=f"Auditor{n}", name="RunInstances", read_only="false") for n in ids(million)), BAD, memory=4_500, said=listed)
    # All but one read; the one that wrote is last by name.
    case("findings: one of many principals wrote", lambda: itertools.chain(
        (record(id=n, role=f"Auditor{n}") for n in ids(million)),
        [record(id=FIRST_ID + million, role="Auditorz", name="RunInstances", read_only="false")]), BAD, said=[*listed, "role/Auditorz"])
    case("findings: principals that were denied", lambda: (
        record(id=n, role=f"Auditor{n}", name="RunInstances", read_only="false", more=DENIED) for n in ids(million)), GOOD, memory=4_500, said=listed)
    case("findings: resources that were written", lambda: (
        record(id=n, name="DeleteBucket", source="s3.amazonaws.com", read_only="false",
               more=f',"requestParameters":{{"bucketName":"b{n}"}},"resources":[{{"ARN":"arn:aws:s3:::b{n}","type":"AWS::S3::Bucket"}}]')
        for n in ids(million)), BAD)
    case("findings: one call of each operation, denied", lambda: (
        record(id=n, name=f"DeleteThing{n}", read_only="false", more=DENIED) for n in ids(million)), GOOD + UNPROVEN, memory=4_500, said=listed)

    # One record.
    resources = ',"resources":[' + ",".join(f'{{"ARN":"arn:aws:s3:::b{n}"}}' for n in range(million)) + "]"
    # The resources of a read are not kept. Those of a write are, so that the record cannot be read with too many of them.
    case("resources of one record, a read", lambda: [record(id=FIRST_ID, more=resources)], GOOD)
    case("resources of one record, a write", lambda: [record(id=FIRST_ID, name="RunInstances", read_only="false", more=resources)], UNPROVEN)
    case("keys of one record", lambda: [record(id=FIRST_ID, more="".join(f',"key{n}":{n}' for n in range(million)))], GOOD)
    case("keys of its requestParameters", lambda: [record(id=FIRST_ID, more=',"requestParameters":{' + ",".join(
        f'"key{n}":{n}' for n in range(million)) + "}")], GOOD)
    case("the same key of a record", lambda: [record(id=FIRST_ID, more=',"awsRegion":"us-east-1"' * million)], UNPROVEN)
    # Of what decides nothing, such as the user agent of a read, only the first bytes are kept.
    longest = dict(memory=2_500)
    for name, field, statuses in [
        ("userAgent", "agent", GOOD), ("sourceIPAddress", "ip", GOOD), ("eventName", "name", UNPROVEN),
        ("eventSource", "source", UNPROVEN), ("session in the ARN", "session", UNPROVEN), ("awsRegion", "region", UNPROVEN),
    ]:
        file_case(f"one text of 1 GB: {name}", lambda field=field: with_long_value("@@", gib - (1 << 16), **{field: "@@"}), statuses, **longest)
    for name, more, statuses in [
        ("errorMessage of a denied read", ',"errorCode":"AccessDenied","errorMessage":"@@"', GOOD), ("errorCode", ',"errorCode":"@@"', UNPROVEN),
        ("requestParameters", ',"requestParameters":{"bucketName":"@@"}', GOOD), ("resource ARN of a read", ',"resources":[{"ARN":"@@"}]', GOOD),
        ("a key", ',"@@":1', GOOD), ("a number that is none", ',"more":1@@', UNPROVEN),
    ]:
        file_case(f"one text of 1 GB: {name}", lambda more=more: with_long_value("@@", gib - (1 << 16), more=more), statuses, **longest)
    file_case("one text of 1 GB: resource ARN of a write", lambda: with_long_value(
        "@@", gib - (1 << 16), name="RunInstances", read_only="false", more=',"resources":[{"ARN":"@@"}]'), **longest)

    # One file.
    past_limit = ["inflates past `limits.log_file_mib`"] if 8 * gib > 1 << 30 else []
    file_case("inflates to 8 GiB of white space", lambda: itertools.chain([b'{"Records":['], long_text(8 * gib, b" " * (1 << 20)), [b"]}"]),
              said=past_limit)
    file_case("inflates to 8 GiB of records", lambda: itertools.chain(
        [b'{"Records":['], ((record(id=FIRST_ID + 1) + ",").encode() * 1_000 for _ in range(8 * gib // 900_000)), [b"]}"]),
        said=past_limit)
    file_case("inflates to 8 GiB of braces", lambda: long_text(8 * gib, b"{" * (1 << 20)))
    file_case("inflates to 8 GiB of brackets", lambda: long_text(8 * gib, b"[" * (1 << 20)), **longest)
    file_case("100,000,000 empty objects", lambda: itertools.chain(
        [b'{"Records":['], (b"{}," * 100_000 for _ in range(int(1_000 * scale))), [b"{}]}"]), memory=2_500)
    file_case("100,000,000 lines that are not JSON", lambda: ((b'{"a\n' * 100_000) for _ in range(int(1_000 * scale))), memory=2_500)
    file_case("10,000,000 different damaged records", lambda: itertools.chain(
        [b'{"Records":['], ("".join(f'{{"eventID":{m}{n}}},' for n in range(10_000)).encode() for m in range(int(1_000 * scale))), [b"{}]}"]),
        memory=2_500)
    file_case("requestParameters of 1,000,000 levels", lambda: itertools.chain(
        [b'{"Records":[' + record(id=FIRST_ID, more=',"requestParameters":').encode()[:-1]], [b'{"a":' * million, b"1", b"}" * million], [b"}]}"]))
    file_case("text in text: a LookupEvents page with records of 1 MB", lambda: itertools.chain(
        [b'{"Events":['],
        [b",".join(json.dumps({"CloudTrailEvent": record(id=n, more=',"requestParameters":{"a":"' + "b" * (1 << 20) + '"}')}).encode() for n in ids(int(500 * scale) + 1))],
        [b"]}"]), GOOD)

    def many_files(folder):
        write_complete_hour(folder)
        for n in range(1, 1 + int(10_000 * scale)):
            write_log(log_path(folder, n), [record(id=FIRST_ID + n)])
    cases.append(Case("10,000 files of one record", many_files, GOOD))

    def many_bad_files(folder):
        write_complete_hour(folder)
        for n in range(1, 1 + int(10_000 * scale)):
            write_chunks(log_path(folder, n), [b"no JSON %d" % n])
    cases.append(Case("10,000 files that cannot be read", many_bad_files, UNPROVEN))
    return cases


def policies_and_settings(scale):
    """Cases of other inputs: the name, what writes `input`, the arguments, the exit codes, and the words of the answer."""
    hundred_thousand = int(100_000 * scale)

    def policy(statements):
        return json.dumps({"Version": "2012-10-17", "Statement": statements})

    def write_json(text):
        return lambda path: path.write_text(text)

    allow = {"Effect": "Allow", "Action": "s3:GetObject"}
    statements = policy([{**allow, "Resource": f"arn:aws:s3:::b{n}/*"} for n in range(hundred_thousand)])
    conditions = policy([{**allow, "Resource": "*", "Condition": {"StringLike": {
        f"aws:RequestTag/t{n}": f"*v{n}*" for n in range(hundred_thousand)}}}])
    watches = "".join(f'[[watch]]\nprincipal = "arn:aws:iam::*:role/W{n}*x"\n' for n in range(hundred_thousand))
    overrides = '[[watch]]\nprincipal = "arn:aws:iam::*:role/Auditor*"\n' + "".join(
        f'[[override]]\nid = "o{n}"\nprincipal = "arn:aws:iam::*:role/*{n}"\noperation = "ec2:RunInstances"\nowner = "o"\n'
        'reason = "r"\nexpires = "2026-12-01T00:00:00Z"\n' for n in range(hundred_thousand))
    sweep = ["sweep", "trail", *PERIOD, "--no-state", "--format", "json,html", "--out", "out", "--config", "input"]
    too_large = ["policy cannot be read"] if len(conditions) > 256 << 10 else []
    return [
        ("a policy of 100,000 statements", write_json(statements), ["permissions", "input"], {0, 3}, too_large),
        ("a policy of 100,000 conditions", write_json(conditions), ["permissions", "input"], {0, 3}, too_large),
        ("a policy of 2,000,000 levels", write_json('{"a":' * (20 * hundred_thousand) + "1"), ["permissions", "input"], {2}, ["recursion limit"]),
        ("a report of 100,000,000 levels", write_json('{"result":' + "[" * (1_000 * hundred_thousand)), ["gate", "input"], {2}, ["recursion limit"]),
        ("100,000 watch entries, one of them with a principal", write_json(
            watches + '[[watch]]\nprincipal = "arn:aws:iam::*:role/Auditor"\n'), sweep, {3}, []),
        ("100,000 overrides", write_json(overrides), sweep, {3}, []),
    ]


def run_other(arguments, scratch, name, write, command, codes, said):
    print(name, flush=True)
    folder = scratch / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write(folder / "input")
    write_complete_hour(folder / "trail")
    code, peak, cpu, wall = rss_and_code([arguments.binary, *command], folder, arguments.memory_limit_mib, arguments.timeout)
    print(f"  code {code:4} {peak:7.0f} MiB {cpu:7.1f} s CPU {wall:7.1f} s output {mib_of(folder):8.1f} MiB", flush=True)
    problems = [] if code in codes else [f"ended with {code}"]
    if peak > 1_500:
        problems.append(f"{peak:.0f} MiB of memory, more than 1500")
    problems += [f"does not say `{word}`" for word in said if not contains([folder / "stdout", folder / "stderr"], word)]
    for problem in problems:
        print(f"    PROBLEM: {problem}", flush=True)
    return [(name, problem) for problem in problems]


def rss_and_code(command, folder, limit_mib, timeout):
    """Runs `command`. Returns its exit code, peak memory in MiB, CPU and wall seconds. A negative code is a signal."""
    def limits():
        resource.setrlimit(resource.RLIMIT_AS, (limit_mib << 20, limit_mib << 20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    began = time.monotonic()
    with open(folder / "stdout", "wb") as out, open(folder / "stderr", "wb") as errors:
        child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, preexec_fn=limits)
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - began > timeout:
                child.send_signal(signal.SIGKILL)
                _, status, usage = os.wait4(child.pid, 0)
                break
            time.sleep(0.02)
        child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, time.monotonic() - began


def status_of(report):
    """The status in a report, of which only as much is read as is needed."""
    pattern = re.compile(rb'"overall_compliance":\s*("[A-Z_]+"|null)')
    kept = b""
    with open(report, "rb") as file:
        while part := file.read(1 << 20):
            found = pattern.search(kept + part)
            if found:
                return json.loads(found[1]) or "a discovery"
            kept = part[-100:]
    return "no status"


def mib_of(path):
    if path.is_file():
        return path.stat().st_size / (1 << 20)
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / (1 << 20)


def contains(files, word):
    for path in files:
        with open(path, "rb") as file:
            kept = b""
            while part := file.read(1 << 20):
                if word.encode() in kept + part:
                    return True
                kept = part[-len(word):]
    return False


def run_sweep(case, arguments, scratch, trail, state):
    folder = scratch / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "onlooker.toml").write_text(case.configuration)
    keep = ["--state", scratch / "state"] if state else ["--no-state"]
    command = [arguments.binary, "sweep", trail, *PERIOD, *keep, "--format", arguments.formats, "--out", folder / "out", "--config", folder / "onlooker.toml"]
    code, peak, cpu, wall = rss_and_code(command, folder, arguments.memory_limit_mib, arguments.timeout)
    reports = folder / "out"
    status = status_of(reports / "report.json") if (reports / "report.json").exists() else "no report"
    written = mib_of(reports) if reports.exists() else 0.0
    kept = mib_of(scratch / "state") if state and (scratch / "state").exists() else 0.0
    problems = []
    if code not in DOCUMENTED_CODES:
        problems.append(f"ended with {code}")
    elif status == "no report" or CODE_OF.get(status) != code:
        problems.append(f"exit code {code} with status {status}")
    if status not in case.statuses:
        problems.append(f"{status} instead of {' or '.join(case.statuses)}")
    if peak > case.memory:
        problems.append(f"{peak:.0f} MiB of memory, more than {case.memory}")
    if written > case.output:
        problems.append(f"{written:.0f} MiB of output, more than {case.output}")
    for word in case.said:
        if not contains([file for file in [folder / "stderr", reports / "report.json"] if file.exists()], word):
            problems.append(f"does not say `{word}`")
    print(f"  {'state' if state else 'no state':8} code {code:4} {status:22} {peak:7.0f} MiB {cpu:7.1f} s CPU {wall:7.1f} s "
          f"output {written:8.1f} MiB, state {kept:7.1f} MiB", flush=True)
    if arguments.sizes and reports.exists():
        for file in sorted(reports.rglob("*")):
            print(f"      {mib_of(file):9.1f} MiB {file.name}")
    for problem in problems:
        print(f"    PROBLEM: {problem}", flush=True)
    if problems or arguments.verbose:
        print("    " + (folder / "stderr").read_bytes()[:1_500].decode(errors="replace").replace("\n", "\n    "), flush=True)
    if arguments.keep:
        shutil.rmtree(scratch / "kept", ignore_errors=True)
        shutil.copytree(folder, scratch / "kept")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=TARGET / "release" / "onlooker")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", action="append", default=[], help="cases with this word in their names; repeatable")
    parser.add_argument("--memory-limit-mib", type=int, default=6_144)
    parser.add_argument("--timeout", type=int, default=3_600, help="seconds after which a run counts as hung")
    parser.add_argument("--formats", default=FORMATS)
    parser.add_argument("--no-state", action="store_true", help="leave out the runs with a state")
    parser.add_argument("--sizes", action="store_true", help="print the size of each output")
    parser.add_argument("--keep", action="store_true", help="keep the outputs of the last run")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    arguments.binary = arguments.binary.resolve()
    scratch = ROOT / "target" / "hostile"
    failed = []
    cases = [case for case in sweeps(arguments.scale) if not arguments.only or any(word in case.name for word in arguments.only)]
    for case in cases:
        print(case.name, flush=True)
        if arguments.list:
            continue
        shutil.rmtree(scratch / "trail", ignore_errors=True)
        shutil.rmtree(scratch / "state", ignore_errors=True)
        (scratch / "trail").mkdir(parents=True)
        began = time.monotonic()
        case.write(scratch / "trail")
        print(f"  wrote {mib_of(scratch / 'trail'):.1f} MiB in {time.monotonic() - began:.0f} s", flush=True)
        for state in [False] if arguments.no_state else [False, True]:
            failed += [(case.name, problem) for problem in run_sweep(case, arguments, scratch, scratch / "trail", state)]
    others = policies_and_settings(arguments.scale)
    others = [case for case in others if not arguments.only or any(word in case[0] for word in arguments.only)]
    for case in others:
        failed += [] if arguments.list else run_other(arguments, scratch, *case)
    if not arguments.keep:
        shutil.rmtree(scratch, ignore_errors=True)
    if failed:
        sys.exit(f"{len(failed)} problems in {len({name for name, _ in failed})} of {len(cases) + len(others)} cases")


if __name__ == "__main__":
    main()
