"""CloudTrail's event history: LookupEvents as AWS documents it.

The newest events come first, at most 50 on a page. A token is valid only with the parameters of its request. A request has
at most one lookup attribute. The history has the management events of one account and Region, of the last 90 days, and allows
two requests per second for each account and Region. An event is visible when its delivery is due, not when it happened. The
history reads the clock of this machine, as the functions do.
"""

import calendar
import json
import threading
import time
import uuid
from collections import defaultdict, deque
from dataclasses import dataclass

PAGE = 50
RETENTION_SECONDS = 90 * 86_400
RATE = 2


@dataclass(frozen=True)
class RecordedEvent:
    """A record, and the time from which the history shows it."""

    record: dict
    delivered: float


class ApiError(Exception):
    """An error response of the service."""

    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code, self.status = code, status


class EventHistory:
    """The events that CloudTrail has, and the faults to inject."""

    def __init__(self, account_of):
        self.account_of = account_of
        self.lock = threading.RLock()
        self.reset()

    def reset(self):
        with self.lock:
            self.events = defaultdict(list)
            self.tokens = {}
            self.request_times = defaultdict(deque)
            self.faults = deque()
            self.calls = 0
            self.limited = True

    def add(self, record, delivered=None):
        """Adds a record. The history shows it from the time `delivered` on, or at once without that time."""
        if record.get("managementEvent", True) is False:
            raise ValueError("data events are not part of the event history")
        account_region = record["recipientAccountId"], record["awsRegion"]
        with self.lock:
            self.events[account_region].append(RecordedEvent(record, delivered or 0.0))

    def fail(self, *faults):
        """Injects one fault into each of the next calls: `expired-token`, `timeout`, or an error code."""
        with self.lock:
            self.faults.extend(faults)

    def reset_faults(self):
        with self.lock:
            self.faults.clear()

    def respond(self, account, region, body):
        """Status and content of the response to a request. The status is None if there is no response."""
        try:
            content = self.lookup(account, region, json.loads(body or b"{}"))
        except ApiError as error:
            return error.status, {"__type": error.code, "message": str(error)}
        return (None, None) if content is None else (200, content)

    def lookup(self, account, region, request):
        with self.lock:
            self.calls += 1
            fault = self.faults.popleft() if self.faults else None
            if fault == "timeout":
                return None
            if fault and fault != "expired-token":
                status = 500 if fault in ("InternalFailure", "ServiceUnavailable") else 400
                raise ApiError(fault, f"{fault} on demand", status)
            self.throttle(account, region)
            return self.page(account, region, request, time.time(), fault == "expired-token")

    def throttle(self, account, region):
        window, now = self.request_times[account, region], time.monotonic()
        while window and window[0] <= now - 1.0:
            window.popleft()
        if self.limited and len(window) >= RATE:
            raise ApiError("ThrottlingException", "Rate exceeded")
        window.append(now)

    def page(self, account, region, request, now, expired):
        parameters = json.dumps({k: v for k, v in request.items() if k != "NextToken"}, sort_keys=True)
        limit = request.get("MaxResults", PAGE)
        if not 1 <= limit <= PAGE:
            raise ApiError("InvalidMaxResultsException", "MaxResults must be between 1 and 50")
        attributes = request.get("LookupAttributes", [])
        if len(attributes) > 1:
            raise ApiError("InvalidLookupAttributesException", "one lookup attribute at a time")
        since, until = request.get("StartTime", 0), request.get("EndTime", now)
        if since > until:
            raise ApiError("InvalidTimeRangeException", "the start is after the end")
        token, skip = request.get("NextToken"), 0
        if token is not None:
            issued_for, skip = self.tokens.get(token, (None, 0))
            if expired or issued_for != (account, region, parameters):
                raise ApiError("InvalidNextTokenException", "the token is not valid")
        visible = self.visible_events(account, region, since, until, now, attributes)
        content = {"Events": [event(recorded.record) for recorded in visible[skip:skip + limit]]}
        if len(visible) > skip + limit:
            content["NextToken"] = str(uuid.uuid4())
            self.tokens[content["NextToken"]] = (account, region, parameters), skip + limit
        return content

    def visible_events(self, account, region, since, until, now, attributes):
        def is_visible(recorded):
            at = seconds(recorded.record["eventTime"])
            return (
                recorded.delivered <= now
                and max(since, now - RETENTION_SECONDS) <= at <= until
                and all(matches(recorded.record, one) for one in attributes)
            )

        found = [recorded for recorded in self.events[account, region] if is_visible(recorded)]
        return sorted(found, key=lambda one: (one.record["eventTime"], one.record["eventID"]), reverse=True)


def seconds(text):
    """Seconds since 1970 of a time in UTC, in any time zone of this machine."""
    return float(calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")))


def matches(record, attribute):
    names = {"EventName": "eventName", "EventSource": "eventSource", "EventId": "eventID"}
    if attribute["AttributeKey"] == "ReadOnly":
        return str(record.get("readOnly", False)).lower() == attribute["AttributeValue"]
    name = names.get(attribute["AttributeKey"])
    if name is None:
        raise ApiError("InvalidLookupAttributesException", attribute["AttributeKey"])
    return record.get(name) == attribute["AttributeValue"]


def event(record):
    """An event of the response: the record as a JSON string, and some of its fields."""
    identity = record.get("userIdentity", {})
    return {
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "ReadOnly": str(record.get("readOnly", False)).lower(),
        "EventTime": seconds(record["eventTime"]),
        "EventSource": record["eventSource"],
        "Username": identity.get("userName") or identity.get("principalId", "").split(":")[-1],
        "AccessKeyId": identity.get("accessKeyId", ""),
        "Resources": [],
        "CloudTrailEvent": json.dumps(record),
    }
