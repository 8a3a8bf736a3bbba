"""CloudTrail evidence of a small organization, in CloudTrail's formats. The same seed gives the same evidence."""

import gzip
import hashlib
import json
import random
from collections import defaultdict
from datetime import datetime, timezone

HOME_ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
REGION = "eu-west-1"
# The Region in which CloudTrail records events of global services.
GLOBAL_REGION = "us-east-1"
ORGANIZATION = "o-exampleorgid"
WATCHED = "arn:aws:iam::*:role/Auditor,arn:aws:iam::*:role/Inventory"

# source, name, readOnly
READS = [
    ("ec2.amazonaws.com", "DescribeInstances", True),
    ("ec2.amazonaws.com", "DescribeSecurityGroups", True),
    ("iam.amazonaws.com", "ListRoles", True),
    ("iam.amazonaws.com", "GetRole", True),
    ("s3.amazonaws.com", "ListBuckets", True),
    ("s3.amazonaws.com", "GetBucketPolicy", True),
    ("sts.amazonaws.com", "GetCallerIdentity", True),
    ("logs.amazonaws.com", "DescribeLogGroups", True),
    ("cloudtrail.amazonaws.com", "DescribeTrails", True),
]
WRITES = [
    ("ec2.amazonaws.com", "RunInstances", False),
    ("s3.amazonaws.com", "CreateBucket", False),
    ("logs.amazonaws.com", "CreateLogGroup", False),
]
VIOLATION = ("s3.amazonaws.com", "PutBucketPolicy", False)
DENIED_CALL = ("iam.amazonaws.com", "CreateUser", False)
SECRET = ("secretsmanager.amazonaws.com", "GetSecretValue", True)


def stamp(at):
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def deterministic_uuid(*words):
    """A UUID that depends only on these words."""
    digits = hashlib.sha256("/".join(map(str, words)).encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"


def record(event_id, at, call, role="Auditor", account=HOME_ACCOUNT, region=REGION, denied=False):
    """The record of one call of a role."""
    source, operation, read_only = call
    made = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROAEXAMPLE{role.upper()}:session",
            "arn": f"arn:aws:sts::{account}:assumed-role/{role}/session",
            "accountId": account,
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": f"AROAEXAMPLE{role.upper()}",
                    "arn": f"arn:aws:iam::{account}:role/{role}",
                    "accountId": account,
                    "userName": role,
                },
                "attributes": {"creationDate": stamp(at - 60), "mfaAuthenticated": "false"},
            },
        },
        "eventTime": stamp(at),
        "eventSource": source,
        "eventName": operation,
        "awsRegion": region,
        "sourceIPAddress": "192.0.2.10",
        "userAgent": "aws-cli/2.27.0",
        "requestParameters": None,
        "responseElements": None,
        "requestID": deterministic_uuid("request", event_id),
        "eventID": event_id,
        "readOnly": read_only,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }
    if denied:
        made["errorCode"] = "AccessDenied"
        action = f"{source.split('.')[0]}:{operation}"
        made["errorMessage"] = (
            f"User: {made['userIdentity']['arn']} is not authorized to perform: {action} on resource: * "
            f"because no identity-based policy allows the {action} action"
        )
    return made


class Trail:
    """The records of a time span, in order."""

    def __init__(self, seed, since, until, count, account_regions=((HOME_ACCOUNT, REGION),), violations=0):
        self.since, self.until, self.account_regions = since, until, list(account_regions)
        chance = random.Random(f"{seed}/{count}")
        self.records = []
        for number in range(count):
            # Even steps with jitter: every hour of every account and Region has events.
            account, region = self.account_regions[number % len(self.account_regions)]
            at = since + (until - since) * number // count + chance.randrange(max(1, (until - since) // count))
            role = chance.choice(["Auditor", "Inventory", "Deployer", "Builder"])
            call = chance.choice(READS if role in ("Auditor", "Inventory") else READS + WRITES)
            at = min(at, until - 1)
            self.records.append(record(deterministic_uuid(seed, number), at, call, role, account, region))
        for number in range(violations):
            self.records[number * 7]["userIdentity"] = record("", 0, VIOLATION)["userIdentity"]
            changed = record(self.records[number * 7]["eventID"], since, VIOLATION, "Auditor", *self.account_regions[0])
            changed["eventTime"] = self.records[number * 7]["eventTime"]
            self.records[number * 7] = changed

    def objects(self, organization=None, prefix="", seconds=300):
        """Log files as a trail delivers them, by key: one for each account, Region and time span of `seconds`."""
        groups = defaultdict(list)
        for one in self.records:
            at = int(datetime.fromisoformat(one["eventTime"]).timestamp())
            groups[one["recipientAccountId"], one["awsRegion"], at // seconds * seconds].append(one)
        return {key(*group, organization, prefix): gzip_log_file(records) for group, records in sorted(groups.items())}


def key(account, region, at, organization=None, prefix="", mark=""):
    """The key of a log file."""
    day = datetime.fromtimestamp(at, timezone.utc)
    middle = f"{organization}/" if organization else ""
    unique = hashlib.sha256(f"{account}{region}{at}{mark}".encode()).hexdigest()[:16]
    return (
        f"{prefix}AWSLogs/{middle}{account}/CloudTrail/{region}/{day:%Y/%m/%d}/"
        f"{account}_CloudTrail_{region}_{day:%Y%m%dT%H%MZ}_{unique}.json.gz"
    )


def gzip_log_file(records):
    return gzip.compress(json.dumps({"Records": records}, separators=(",", ":")).encode(), 6, mtime=0)


def eventbridge_event(one):
    """A record as EventBridge delivers it."""
    return {
        "version": "0",
        "id": deterministic_uuid("eventbridge", one["eventID"]),
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws." + one["eventSource"].split(".")[0],
        "account": one["recipientAccountId"],
        "time": one["eventTime"],
        "region": one["awsRegion"],
        "resources": [],
        "detail": one,
    }
