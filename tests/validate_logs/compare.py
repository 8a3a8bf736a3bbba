"""Compares `onlooker verify trail` with `aws cloudtrail validate-logs` on the same files.

    cargo run -p test-support --example tampered_trails -- target/tampered-trails
    cargo build
    python3 -m venv target/validate-logs && target/validate-logs/bin/pip install awscli==1.46.3
    target/validate-logs/bin/python tests/validate_logs/compare.py target/tampered-trails target/debug/onlooker

Serves each folder as a bucket, with the part of S3 and CloudTrail that `validate-logs` calls, on loopback. Prints the table
of docs/log-integrity.md. Runs outside continuous integration, because it installs the AWS CLI.
"""

import hashlib
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import urllib.parse
from xml.sax.saxutils import escape

BUCKET = "audit-logs"
# Cases that are tests of this program alone.
OWN_CASES = {"log-planted", "digest-has-a-second-copy-that-differs", "digest-gzip-member-appended"}
START, END = "2026-10-05T01:00:00Z", "2026-10-05T05:00:00Z"


class Bucket(http.server.BaseHTTPRequestHandler):
    """One folder as a bucket: GetBucketLocation, ListObjects, GetObject; and ListPublicKeys."""

    folder: pathlib.Path

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/xml", headers=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        keys = json.loads((self.folder / "keys.json").read_text())
        for key in keys["PublicKeyList"]:
            key["ValidityStartTime"], key["ValidityEndTime"] = 1790812800, 1822348800
        self.answer(200, json.dumps(keys).encode(), "application/x-amz-json-1.1")

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        _, _, key = url.path.lstrip("/").partition("/")
        if "location" in query:
            self.answer(200, b"<LocationConstraint>eu-west-1</LocationConstraint>")
        elif key:
            self.get(urllib.parse.unquote(key))
        else:
            self.list(query)

    def get(self, key):
        path = self.folder / "bucket" / key
        if not path.is_file():
            self.answer(404, b"<Error><Code>NoSuchKey</Code><Message>absent</Message></Error>")
            return
        metadata = json.loads((self.folder / "metadata.json").read_text()).get(key, {})
        headers = {f"x-amz-meta-{name}": value for name, value in metadata.items()}
        body = path.read_bytes()
        headers["ETag"] = f'"{hashlib.md5(body).hexdigest()}"'
        self.answer(200, body, "application/json", headers)

    def list(self, query):
        root = self.folder / "bucket"
        prefix, marker = query.get("prefix", [""])[0], query.get("marker", [""])[0]
        keys = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        found = [key for key in keys if key.startswith(prefix) and key > marker]
        contents = "".join(f"<Contents><Key>{escape(key)}</Key><Size>1</Size></Contents>" for key in found)
        self.answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>".encode())


def validate_logs(port, region="eu-west-1", start=START, end=END):
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    aws = pathlib.Path(sys.executable).with_name("aws")
    run = subprocess.run(
        [aws, "cloudtrail", "validate-logs", "--trail-arn", "arn:aws:cloudtrail:eu-west-1:111122223333:trail/audit",
         "--s3-bucket", BUCKET, "--start-time", start, "--end-time", end, "--region", region],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )
    said = re.findall(r"(Digest|Log) file\ts3://\S*?_(\d{8}T\d{4,6}Z)\S*\t(?:INVALID: )?(.+)", run.stderr)
    words = [f"{kind.lower()} {time[9:-1]}: {what.split(' for fingerprint')[0]}" for kind, time, what in said]
    words += re.findall(r"No (?:valid )?digests found(?: in range)?|No log files were delivered", run.stdout + run.stderr)
    if run.returncode not in (0, 1):
        words.append(run.stderr.strip().splitlines()[-1])
    # The same sentence about several files is one.
    by_what = {}
    for word in words or [", ".join(re.findall(r"\d+/\d+ (?:digest|log) files valid", run.stdout))]:
        name, _, what = word.rpartition(": ")
        by_what.setdefault(what, []).append(name)
    text = "; ".join(f"{', '.join(names)}: {what}" if names[0] else what for what, names in by_what.items())
    return run.returncode, text


def verify_trail(binary, folder, *more, start=START, end=END, signatures=True):
    arguments = [binary, "verify", "trail", folder / "bucket", "--public-keys", folder / "keys.json", "--no-state",
                 "--format", "json", "--since", start, "--until", end, *more]
    if signatures:
        arguments += ["--signatures", folder / "signatures.json"]
    run = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    result = json.loads(run.stdout)
    kinds = {}
    for chain in result["chains"]:
        for digest in chain["digests"]:
            for problem in digest["problems"]:
                name = re.search(r"_(\d{8}T\d{4,6}Z)[^/]*$", problem["file"])
                time = name[1][9:-1] if name else digest["until"][11:19].replace(":", "")
                kinds.setdefault(problem["kind"], []).append(time)
    said = [f"{', '.join(dict.fromkeys(times))}: {kind}" for kind, times in sorted(kinds.items())]
    if result["unlisted"]["count"]:
        said.append(f"{result['unlisted']['count']} not listed")
    return run.returncode, f"{result['result']}" + (f" ({'; '.join(said)})" if said else "")


def main():
    root, binary = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def row(name, theirs, ours):
        print(f"| {name} | {theirs[0]} | {theirs[1]} | {ours[0]} | {ours[1]} |", flush=True)

    print("| what was done | `validate-logs` | says | `verify trail` | says |\n|---|---|---|---|---|")
    for name in (root / "cases.txt").read_text().splitlines():
        if name in OWN_CASES:
            continue
        Bucket.folder = root / name
        signatures = "lost" not in name
        row(name, validate_logs(port), verify_trail(binary, root / name, signatures=signatures))
    nothing = root / "nothing"
    Bucket.folder = nothing
    row("nothing; another region is asked for", validate_logs(port, "us-east-1"),
        verify_trail(binary, nothing, "--region", "us-east-1"))
    Bucket.folder = newest = root / "newest-digests-deleted"
    row("newest-digests-deleted; asked for up to 06:15:30", validate_logs(port, end="2026-10-05T06:15:30Z"),
        verify_trail(binary, newest, end="2026-10-05T06:15:30Z"))
    Bucket.folder = changed = root / "log-record-changed"
    window = {"start": "2026-10-05T00:30:00Z", "end": "2026-10-05T02:00:00Z"}
    row("log-record-changed, at 02:20; asked for up to 02:00", validate_logs(port, **window),
        verify_trail(binary, changed, **window))


if __name__ == "__main__":
    main()
