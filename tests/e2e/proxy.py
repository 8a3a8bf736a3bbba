"""A proxy before the emulator that sees every call of the functions, counts it, and breaks those it is told to.

A rule names a service and an action, such as `s3 PutObject`, which of the matching calls it means, and what becomes of
them: `throttle`, `fail`, `deny`, `timeout`; `kill-before` and `kill-after` drop the connection and end the process that
asked, before or after the call has taken effect. Calls of the tests themselves pass without being seen.

CloudTrail's event history is answered here, once the emulator has said that the caller may ask.
"""

import http.client
import json
import os
import re
import signal
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")
# The role in an identity.
ROLE = re.compile(r":assumed-role/([^/]+)/")
# Variables of functions that are not for the command line.
RESERVED = {
    "ONLOOKER_CONFIG", "ONLOOKER_TABLE", "ONLOOKER_BUCKET", "ONLOOKER_TOPIC", "ONLOOKER_BUS", "ONLOOKER_DEPLOYMENT",
    "ONLOOKER_LOG", "ONLOOKER_ROLES", "ONLOOKER_KEYS",
}
# Services that answer in XML.
FORMS = ("sts", "sns", "iam", "ec2")
HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection"}


@dataclass
class Rule:
    """What becomes of which calls."""

    service: str
    action: str
    effect: str
    first: int = 1
    count: int = 1
    path: str = ""
    seen: int = field(default=0)

    def applies(self, service, action, path):
        if self.service != service or self.action not in ("*", action) or self.path not in path:
            return False
        self.seen += 1
        return self.first <= self.seen < self.first + self.count


def s3_action(method, path, query):
    """The operation a request to S3 stands for, as far as the functions use it."""
    in_bucket = len([part for part in path.split("/") if part]) > 1
    if not in_bucket:
        return "ListObjectsV2" if method == "GET" and "list-type" in query else f"{method} bucket"
    return {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(method, method)


class Proxy:
    """Rules, and what has been seen."""

    def __init__(self, host, port, history=None):
        self.upstream, self.history = (host, port), history
        self.lock, self.silence = threading.Lock(), threading.Event()
        # Whose keys are whose, and who used which partition of the table, in all tests.
        self.callers, self.partitions = {}, set()
        self.reset()

    def reset(self):
        with self.lock:
            self.rules, self.calls, self.broken = [], Counter(), []
            self.fetched = set()

    def rule(self, service, action, effect, first=1, count=1, path=""):
        """Adds a rule and gives it back, so that its caller can see whether it was met."""
        rule = Rule(service, action, effect, first, count, path)
        with self.lock:
            self.rules.append(rule)
        return rule

    def drop(self, rule):
        """Takes a rule back."""
        with self.lock:
            self.rules.remove(rule)

    def effect(self, service, action, path, partition):
        with self.lock:
            self.calls[service, action] += 1
            if action == "GetObject":
                self.fetched.add(unquote(urlsplit(path).path))
            if partition:
                self.partitions.add(partition)
            applying = [rule for rule in self.rules if rule.applies(service, action, path)]
            if applying:
                self.broken.append((service, action, applying[0].effect))
            return applying[0].effect if applying else None

    def forward(self, method, path, headers, body):
        connection = http.client.HTTPConnection(*self.upstream, timeout=180)
        try:
            # Policies ask for encryption in transit, as AWS would see it.
            connection.request(method, path, body, headers | {"X-Forwarded-Proto": "https"})
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


def peer_process(client_port, own_port):
    """The process at the other end of a loopback connection, or None."""
    local, remote = f":{client_port:04X}", f":{own_port:04X}"
    inode = None
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as lines:
            for line in lines:
                parts = line.split()
                if len(parts) > 9 and parts[1].endswith(local) and parts[2].endswith(remote):
                    inode = parts[9]
    if inode in (None, "0"):
        return None
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            for entry in os.scandir(f"/proc/{process}/fd"):
                if os.readlink(entry.path) == f"socket:[{inode}]":
                    return int(process)
        except OSError:
            continue
    return None


def serve(proxy, port):
    """Serves it on loopback, in threads of its own. Returns the server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            service, action = self.named(body)
            effect, agent = None, self.headers.get("User-Agent", "")
            # Reads that are tried out are made by no SDK.
            if "aws-sdk-rust" in agent or agent.startswith("onlooker/"):
                effect = proxy.effect(service, action, self.path, self.partition(service, body))
            if effect in ("throttle", "fail", "deny"):
                return self.refuse(service, effect)
            if effect == "timeout":
                return self.be_silent()
            if effect == "kill-before":
                return self.kill()
            headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP}
            status, answered, content = proxy.forward(self.command, self.path, headers, body)
            if action == "GetCallerIdentity" and (said := ROLE.search(content.decode("utf-8", "replace"))):
                proxy.callers[self.access_key()] = said.group(1)
            if service == "cloudtrail" and action == "LookupEvents" and b"AccessDenied" not in content:
                status, answered, content = self.look_up(body)
                if status is None:
                    return self.be_silent()
            if effect == "kill-after":
                return self.kill()
            return self.answer(status, answered, content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = any

        def named(self, body):
            signed = CREDENTIAL.search(self.headers.get("Authorization", ""))
            service = signed.group(3) if signed else "unsigned"
            target = self.headers.get("X-Amz-Target")
            if target:
                return service, target.rsplit(".", 1)[-1]
            url = urlsplit(self.path)
            if service == "s3":
                return service, s3_action(self.command, url.path, url.query)
            form = parse_qs(body.decode("utf-8", "replace")) if body else {}
            return service, form.get("Action", [f"{self.command} {url.path}"])[0]

        def partition(self, service, body):
            """Who uses which partition of a table."""
            if service != "dynamodb":
                return None
            asked = json.loads(body or b"{}")
            key = asked.get("Key", {}).get("pk") or asked.get("ExpressionAttributeValues", {}).get(":pk") or {}
            return self.access_key(), key.get("S", "")

        def access_key(self):
            signed = CREDENTIAL.search(self.headers.get("Authorization", ""))
            return signed.group(1) if signed else ""

        def look_up(self, body):
            signed = CREDENTIAL.search(self.headers["Authorization"])
            account = proxy.history.account_of(signed.group(1))
            status, answer = proxy.history.answer(account, signed.group(2), body)
            return status, [("Content-Type", "application/x-amz-json-1.1")], json.dumps(answer).encode()

        def be_silent(self):
            """Answers nothing for longer than anybody waits."""
            proxy.silence.wait(65)
            self.close_connection = True

        def refuse(self, service, effect):
            status, code = {
                "throttle": (503, "SlowDown") if service == "s3" else (400, "ThrottlingException"),
                "fail": (500, "InternalError"),
                "deny": (403, "AccessDenied") if service in ("s3", *FORMS) else (400, "AccessDeniedException"),
            }[effect]
            if service == "s3":
                content = f"<Error><Code>{code}</Code><Message>{code} on demand</Message></Error>"
                kind = "application/xml"
            elif service in FORMS:
                content = f"<ErrorResponse><Error><Code>{code}</Code><Message>{code} on demand</Message></Error></ErrorResponse>"
                kind = "text/xml"
            else:
                content, kind = json.dumps({"__type": code, "message": f"{code} on demand"}), "application/x-amz-json-1.0"
            self.answer(status, [("Content-Type", kind)], content.encode())

        def kill(self):
            process = peer_process(self.client_address[1], self.server.server_address[1])
            if process and process != os.getpid():
                os.kill(process, signal.SIGKILL)
            self.close_connection = True

        def answer(self, status, headers, content):
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in HOP | {"content-length", "server", "date"}:
                    self.send_header(name, value)
            length = dict((n.lower(), v) for n, v in headers).get("content-length")
            self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(content)))
            try:
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)
            except (BrokenPipeError, ConnectionResetError):
                # Who asked is gone.
                self.close_connection = True

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            """A client that is gone, or was killed, is nobody's error; anything else is told."""
            if not isinstance(sys.exception(), ConnectionError):
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
