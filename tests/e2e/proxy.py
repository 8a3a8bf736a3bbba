"""A proxy in front of the emulator that counts every call of the functions and injects faults.

A fault rule names a service and an action, such as `s3 PutObject`, the matching calls that it applies to, and its effect:
`throttle`, `fail`, `deny`, `timeout`; `kill-before` and `kill-after` drop the connection and end the calling process,
before or after the call has taken effect. The proxy forwards calls of the tests themselves without counting them.

The proxy answers LookupEvents from the event history, after the emulator has authorized the caller.
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
# The role in the ARN of an assumed role.
ROLE = re.compile(r":assumed-role/([^/]+)/")
# Variables of the functions that the command line does not read.
FUNCTION_ONLY_VARIABLES = {
    "ONLOOKER_CONFIG", "ONLOOKER_TABLE", "ONLOOKER_BUCKET", "ONLOOKER_TOPIC", "ONLOOKER_BUS", "ONLOOKER_DEPLOYMENT",
    "ONLOOKER_LOG", "ONLOOKER_ROLES", "ONLOOKER_KEYS",
}
# Services with the query protocol, which respond in XML.
QUERY_SERVICES = ("sts", "sns", "iam", "ec2")
HOP_BY_HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection"}


@dataclass
class FaultRule:
    """The calls that a fault applies to, and its effect. `path` is a part of the path, or of `partition/sort key` in DynamoDB."""

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
    """The S3 operation of a request, for the operations that the functions use."""
    in_bucket = len([part for part in path.split("/") if part]) > 1
    if not in_bucket:
        return "ListObjectsV2" if method == "GET" and "list-type" in query else f"{method} bucket"
    return {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(method, method)


class Proxy:
    """Fault rules, counts of calls, and the address of the emulator, which `upstream` holds once the emulator runs."""

    def __init__(self, event_history=None):
        self.upstream, self.event_history = None, event_history
        # What CloudTrail answers to ListPublicKeys, which the emulator does not have.
        self.public_keys = None
        self.lock, self.never = threading.Lock(), threading.Event()
        # Roles by access key, and the partitions of the table that each access key used. All tests add to them.
        self.callers, self.partitions = {}, set()
        # Requests that the emulator has not answered yet.
        self.in_flight = 0
        self.reset()

    def reset(self):
        with self.lock:
            self.rules, self.calls, self.broken = [], Counter(), []
            self.fetched = set()

    def rule(self, service, action, effect, first=1, count=1, path=""):
        """Adds a fault rule and returns it. Its `seen` counts the matching calls."""
        rule = FaultRule(service, action, effect, first, count, path)
        with self.lock:
            self.rules.append(rule)
        return rule

    def remove_rule(self, rule):
        with self.lock:
            self.rules.remove(rule)

    def effect(self, service, action, path, access_key, table_key):
        """Counts a call, and returns the effect of the first rule that applies to it."""
        with self.lock:
            self.calls[service, action] += 1
            if action == "GetObject":
                self.fetched.add(unquote(urlsplit(path).path))
            if table_key:
                # A scan, and a description of the table, name no partition.
                if table_key[0]:
                    self.partitions.add((access_key, table_key[0]))
                path = "/".join(table_key)
            applying = [rule for rule in self.rules if rule.applies(service, action, path)]
            if applying:
                self.broken.append((service, action, applying[0].effect))
            return applying[0].effect if applying else None

    def forward(self, method, path, headers, body):
        connection = http.client.HTTPConnection(*self.upstream, timeout=300)
        with self.lock:
            self.in_flight += 1
        try:
            # The policies of the stack deny requests without encryption in transit.
            connection.request(method, path, body, headers | {"X-Forwarded-Proto": "https"})
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            with self.lock:
                self.in_flight -= 1
            connection.close()


def peer_process(client_port, own_port):
    """The ID of the process at the other end of a loopback connection, or None."""
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


def serve(proxy):
    """Serves the proxy on a free port of loopback, in threads of its own. Returns the server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            service, action = self.requested_action(body)
            effect, agent = None, self.headers.get("User-Agent", "")
            # The functions send probed reads without the SDK.
            if "aws-sdk-rust" in agent or agent.startswith("onlooker/"):
                effect = proxy.effect(service, action, self.path, self.access_key(), self.table_key(service, body))
            if effect in ("throttle", "fail", "deny"):
                return self.respond_with_error(service, effect)
            if effect == "timeout":
                return self.hang()
            if effect == "kill-before":
                return self.kill()
            headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP_HEADERS}
            status, received, content = proxy.forward(self.command, self.path, headers, body)
            if action == "GetCallerIdentity" and (role := ROLE.search(content.decode("utf-8", "replace"))):
                proxy.callers[self.access_key()] = role.group(1)
            if service == "cloudtrail" and action == "LookupEvents" and b"AccessDenied" not in content:
                status, received, content = self.forward_to_event_history(body)
                if status is None:
                    return self.hang()
            if service == "cloudtrail" and action == "ListPublicKeys" and b"AccessDenied" not in content:
                status, received = 200, [("Content-Type", "application/x-amz-json-1.1")]
                content = json.dumps(proxy.public_keys or {"PublicKeyList": []}).encode()
            if effect == "kill-after":
                return self.kill()
            return self.respond(status, received, content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = any

        def requested_action(self, body):
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

        def table_key(self, service, body):
            """Partition and sort key of a request to DynamoDB."""
            if service != "dynamodb":
                return None
            request = json.loads(body or b"{}")
            key, values = request.get("Key", {}), request.get("ExpressionAttributeValues", {})
            partition, sort = key.get("pk") or values.get(":pk") or {}, key.get("sk") or values.get(":sk") or {}
            return partition.get("S", ""), sort.get("S", "")

        def access_key(self):
            signed = CREDENTIAL.search(self.headers.get("Authorization", ""))
            return signed.group(1) if signed else ""

        def forward_to_event_history(self, body):
            signed = CREDENTIAL.search(self.headers["Authorization"])
            account = proxy.event_history.account_of(signed.group(1))
            status, content = proxy.event_history.respond(account, signed.group(2), body)
            return status, [("Content-Type", "application/x-amz-json-1.1")], json.dumps(content).encode()

        def hang(self):
            """Sends no response for longer than the read timeout of the functions, which is 30 seconds."""
            proxy.never.wait(65)
            self.close_connection = True

        def respond_with_error(self, service, effect):
            status, code = {
                "throttle": (503, "SlowDown") if service == "s3" else (400, "ThrottlingException"),
                "fail": (500, "InternalError"),
                "deny": (403, "AccessDenied") if service in ("s3", *QUERY_SERVICES) else (400, "AccessDeniedException"),
            }[effect]
            if service == "s3":
                content = f"<Error><Code>{code}</Code><Message>{code} on demand</Message></Error>"
                kind = "application/xml"
            elif service in QUERY_SERVICES:
                content = f"<ErrorResponse><Error><Code>{code}</Code><Message>{code} on demand</Message></Error></ErrorResponse>"
                kind = "text/xml"
            else:
                content, kind = json.dumps({"__type": code, "message": f"{code} on demand"}), "application/x-amz-json-1.0"
            self.respond(status, [("Content-Type", kind)], content.encode())

        def kill(self):
            process = peer_process(self.client_address[1], self.server.server_address[1])
            if process and process != os.getpid():
                os.kill(process, signal.SIGKILL)
            self.close_connection = True

        def respond(self, status, headers, content):
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP_HEADERS | {"content-length", "server", "date"}:
                    self.send_header(name, value)
            length = dict((n.lower(), v) for n, v in headers).get("content-length")
            self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(content)))
            try:
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)
            except (BrokenPipeError, ConnectionResetError):
                # The client has closed the connection.
                self.close_connection = True

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            """Prints errors, except for a client that has closed the connection or was killed."""
            if not isinstance(sys.exception(), ConnectionError):
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
