"""CloudTrail's event history: LookupEvents as the service documents it.

Newest first, at most 50 a page; a token goes with the very parameters it was given for; one lookup attribute; management
events of one account and region, of the last 90 days; two requests a second per account and region. Events appear when
their delivery is due, not when they happened. Time is the server's own and can be set and run fast.
"""

import json
import threading
import time
import uuid
from collections import defaultdict, deque
from dataclasses import dataclass

PAGE = 50
KEPT_SECONDS = 90 * 86_400
RATE = 2

@dataclass(frozen=True)
class Recorded:
    """An event, and when the history begins to show it."""

    record: dict
    delivered: float


class Clock:
    """Seconds since 1970, at any speed."""

    def __init__(self):
        self.lock = threading.Lock()
        self.set(time.time(), 1.0)

    def set(self, now, speed):
        with self.lock:
            self.began, self.base, self.speed = time.monotonic(), now, speed

    def now(self):
        with self.lock:
            return self.base + (time.monotonic() - self.began) * self.speed


class Refused(Exception):
    """An answer that is an error of the service."""

    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code, self.status = code, status


class History:
    """What CloudTrail remembers, and how it fails today."""

    def __init__(self, account_of):
        self.account_of = account_of
        self.clock = Clock()
        self.lock = threading.RLock()
        self.reset()

    def reset(self):
        with self.lock:
            self.events = defaultdict(list)
            self.tokens = {}
            self.asked = defaultdict(deque)
            self.faults = deque()
            self.calls = []
            self.limited = True
            self.clock.set(time.time(), 1.0)

    def add(self, record, delivered=None):
        """Records an event; it is shown from `delivered` on, at once when that is not given."""
        if record.get("managementEvent", True) is False:
            raise ValueError("data events are not part of the event history")
        place = record["recipientAccountId"], record["awsRegion"]
        with self.lock:
            self.events[place].append(Recorded(record, delivered or 0.0))

    def fail(self, *faults):
        """The next calls end so, one each: `expired-token`, `timeout`, or the code of an error."""
        with self.lock:
            self.faults.extend(faults)

    def reset_faults(self):
        with self.lock:
            self.faults.clear()

    def answer(self, account, region, body):
        """The answer to a request: status and content. No status: there is none."""
        try:
            answer = self.lookup(account, region, json.loads(body or b"{}"))
        except Refused as refused:
            return refused.status, {"__type": refused.code, "message": str(refused)}
        return (None, None) if answer is None else (200, answer)

    def lookup(self, account, region, asked):
        with self.lock:
            now = self.clock.now()
            self.calls.append((account, region, now, asked))
            fault = self.faults.popleft() if self.faults else None
            if fault == "timeout":
                return None
            if fault and fault != "expired-token":
                status = 500 if fault in ("InternalFailure", "ServiceUnavailable") else 400
                raise Refused(fault, f"{fault} on demand", status)
            self.pace(account, region, now)
            return self.page(account, region, asked, now, fault == "expired-token")

    def pace(self, account, region, now):
        window = self.asked[account, region]
        while window and window[0] <= now - 1.0:
            window.popleft()
        if self.limited and len(window) >= RATE:
            raise Refused("ThrottlingException", "Rate exceeded")
        window.append(now)

    def page(self, account, region, asked, now, expired):
        parameters = json.dumps({k: v for k, v in asked.items() if k != "NextToken"}, sort_keys=True)
        most = asked.get("MaxResults", PAGE)
        if not 1 <= most <= PAGE:
            raise Refused("InvalidMaxResultsException", "MaxResults must be between 1 and 50")
        attributes = asked.get("LookupAttributes", [])
        if len(attributes) > 1:
            raise Refused("InvalidLookupAttributesException", "one lookup attribute at a time")
        since, until = asked.get("StartTime", 0), asked.get("EndTime", now)
        if since > until:
            raise Refused("InvalidTimeRangeException", "the start is after the end")
        token, skip = asked.get("NextToken"), 0
        if token is not None:
            belongs, skip = self.tokens.get(token, (None, 0))
            if expired or belongs != (account, region, parameters):
                raise Refused("InvalidNextTokenException", "the token is not valid")
        shown = self.shown(account, region, since, until, now, attributes)
        answer = {"Events": [event(recorded.record) for recorded in shown[skip:skip + most]]}
        if len(shown) > skip + most:
            answer["NextToken"] = str(uuid.uuid4())
            self.tokens[answer["NextToken"]] = (account, region, parameters), skip + most
        return answer

    def shown(self, account, region, since, until, now, attributes):
        def wanted(recorded):
            at = seconds(recorded.record["eventTime"])
            return (
                recorded.delivered <= now
                and max(since, now - KEPT_SECONDS) <= at <= until
                and all(matches(recorded.record, one) for one in attributes)
            )

        found = [recorded for recorded in self.events[account, region] if wanted(recorded)]
        return sorted(found, key=lambda one: (one.record["eventTime"], one.record["eventID"]), reverse=True)


def seconds(text):
    return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone


def matches(record, attribute):
    names = {"EventName": "eventName", "EventSource": "eventSource", "EventId": "eventID"}
    if attribute["AttributeKey"] == "ReadOnly":
        return str(record.get("readOnly", False)).lower() == attribute["AttributeValue"]
    name = names.get(attribute["AttributeKey"])
    if name is None:
        raise Refused("InvalidLookupAttributesException", attribute["AttributeKey"])
    return record.get(name) == attribute["AttributeValue"]


def event(record):
    """An event of the answer: the record as a JSON string, and a few of its fields beside it."""
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
