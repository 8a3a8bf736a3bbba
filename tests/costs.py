#!/usr/bin/env python3
"""Computes what a deployment costs a month, by size of the organization, and prints the table of docs/deployment.md.

    costs.py                 prints the table
    costs.py --check FILE    exits with 1 if FILE does not contain it

Enters: prices, measured figures and assumptions, all below with their source; the numbers of alarms and metrics, from
template.yaml and docs/metrics.md. Leaves: a Markdown table. The figures of a large organization scale those that docs/state.md
works out; they are estimates, not bills.
"""
import dataclasses
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

DAYS = 30
MILLION = 1_000_000

# List prices of us-east-1 in US dollars, without free tiers and discounts. They were not fetched from AWS's price list: those of
# S3, DynamoDB, Lambda and SQS are the ones of docs/state.md, as known in November 2026. Check them before you rely on them.
S3_PUT = 5.00 / MILLION
S3_GET = 0.40 / MILLION
S3_GB_MONTH = 0.023
DYNAMODB_WRITE = 0.625 / MILLION
DYNAMODB_READ = 0.125 / MILLION
# A GB-month of the table and of its point-in-time recovery, as known in November 2026.
DYNAMODB_GB_MONTH = 0.25 + 0.20
LAMBDA_GB_SECOND = 0.0000166667
LAMBDA_REQUEST = 0.20 / MILLION
SQS_REQUEST = 0.40 / MILLION
# Events that another account or Region forwards, at the price of custom events, as known in November 2026. It is the upper price:
# AWS may bill management events that are delivered to another account at less.
EVENTBRIDGE_EVENT = 1.00 / MILLION
# CloudWatch: guides of February 2026 (signoz.io: $0.30 a metric) and June 2026 (factualminds.com: $0.50 a GB of logs, $3 a
# dashboard), which cite AWS's price page; $0.10 an alarm as known in November 2026.
METRIC_MONTH = 0.30
ALARM_MONTH = 0.10
DASHBOARD_MONTH = 3.00
LOGS_GB = 0.50

# Measured, README.md: CPU seconds of a sweep for each million records with one thread. A vCPU of Lambda has 1.769 GB.
CPU_SECONDS_A_MILLION = 2.49
GB_A_VCPU = 1.769
# Measured, docs/state.md: bytes of evidence for each event in small and in large shards; bytes of an index item.
BYTES_AN_EVENT_SMALL, BYTES_AN_EVENT_LARGE = 30, 17
# Worked out, docs/state.md, for 4,000 busy pairs of account and Region: for each pair and hourly report, and for each part.
READS_A_PAIR, GETS_A_PAIR, PUTS_A_PAIR = 300_000 / 4_000, (2.3 + 4.0) * MILLION / 24 / 4_000, 0.25 * MILLION / 24 / 4_000
REPORT_GB_SECONDS_A_PAIR = 25_000 / 24 / 4_000
COMPACTION_PUTS, COMPACTION_WRITES = 0.1 / 1.5, 1.6 / 1.5
INDEX_GB_A_PART = 0.05 / (1.5 * MILLION)
SQS_REQUESTS_A_MESSAGE = 2.3 / 1.9
# Figure of docs/deployment.md: time of `watch` for a million events.
WATCH_TIME = 0.20 / MILLION

# Assumed: a log file for each busy pair every five minutes, or every 670 events (docs/state.md); a digest file an hour for each of
# 17 Regions of an account; seconds that a batch waits for S3 and DynamoDB; seconds of the shortest report and of a run of
# `permissions`; bytes of log for a run; idle requests of Lambda's five pollers, one every 20 seconds each.
LOG_FILES_A_PAIR, EVENTS_A_LOG_FILE, DIGEST_FILES_AN_ACCOUNT = 288, 670, 17 * 24
WAIT_SECONDS_A_BATCH = 2
REPORT_SECONDS, PERMISSIONS_SECONDS = 10, 60
# Assumed: seconds of a run of `maintain` without a due task, and of its tasks of a day beside reading log files.
MAINTAIN_SECONDS, MAINTAIN_DAILY_SECONDS = 1, 120
LOG_BYTES_A_RUN, LOG_BYTES_A_WATCH = 4_000, 600
IDLE_SQS_REQUESTS = 5 * 86_400 / 20
EVIDENCE_DAYS = 400
# Assumed: a run writes a batch of the audit trail about itself, and every second one a batch about calls; bytes of a batch.
AUDIT_PUTS_A_RUN, AUDIT_BYTES_A_BATCH = 1.5, 1_500
# CloudTrail allows pull 1.5 requests a second, and an answer has 50 events (docs/deployment.md).
LOOKUPS_A_SECOND, EVENTS_A_LOOKUP = 1.5, 50
SLICES = 288


@dataclasses.dataclass(frozen=True)
class Size:
    """An organization, by the day."""

    name: str
    accounts: int
    # Busy pairs of account and Region.
    pairs: int
    events: float
    # Management events, each of which invokes `watch`, and those that another account or Region forwards.
    management: float
    forwarded: float
    # Profile: messages in a batch, seconds a batch is waited for, memory of `ingest` and `report` in GB. None: no trail.
    profile: tuple | None


BALANCED, HIGH_TRAFFIC = (50, 20, 0.5, 1.769), (200, 30, 1.769, 3.538)
SIZES = (
    Size("1 account, event history, 0.1 million events a day", 1, 3, 0.1e6, 0.1e6, 0.0, None),
    Size("20 accounts, 5 million", 20, 80, 5e6, 2e6, 1.9e6, BALANCED),
    Size("200 accounts, 100 million", 200, 800, 100e6, 20e6, 19.9e6, HIGH_TRAFFIC),
    Size("1,000 accounts, 1 billion", 1_000, 4_000, 1e9, 100e6, 99.9e6, HIGH_TRAFFIC),
)


def distinct(kinds, drawn):
    """How many of `kinds` are expected among `drawn` at random."""
    return kinds * (1 - (1 - 1 / kinds) ** drawn)


def alarms():
    """The number of alarms in the template."""
    return (ROOT / "template.yaml").read_text().count("Type: AWS::CloudWatch::Alarm")


def metrics(size):
    """Metrics that are billed, in full months. A metric is billed for the hours in which it has a value."""
    rows = re.findall(r"^\| (?:`(\w+)`|(all)) \| `\w+` \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    common = sum(1 for _, word in rows if word)
    own = {name: common + sum(1 for function, _ in rows if function == name)
           for name in ("pull", "ingest", "report", "maintain", "permissions")}
    # `permissions` runs in one hour of a day; `watch` has values only in hours with alerts.
    source = own["pull"] if size.profile is None else own["ingest"]
    return source + own["report"] + own["maintain"] + own["permissions"] / 24


def evidence(size):
    """Cost of reading and storing evidence, runs and parts of a day. With a trail the event history is not looked up."""
    if size.profile is None:
        slices = size.pairs * SLICES
        seconds = (size.events / EVENTS_A_LOOKUP + slices) / LOOKUPS_A_SECOND
        cost = seconds * 0.5 * LAMBDA_GB_SECOND + SLICES * LAMBDA_REQUEST
        cost += slices * (2 * S3_PUT + 4 * DYNAMODB_WRITE + 4 * DYNAMODB_READ)
        return cost, SLICES, slices
    most, window, memory, _ = size.profile
    logs = max(size.pairs * LOG_FILES_A_PAIR, size.events / EVENTS_A_LOG_FILE)
    messages = logs + size.accounts * DIGEST_FILES_AN_ACCOUNT
    in_batch = min(most, max(1, messages / 86_400 * window))
    batches = messages / in_batch
    log_files = in_batch * logs / messages
    parts = batches * distinct(size.pairs, log_files)
    puts = batches * (1 + distinct(size.accounts, log_files))
    writes = parts + batches * (1.6 + max(1, in_batch * 50 / 1_024))
    gb_seconds = size.events / MILLION * CPU_SECONDS_A_MILLION * GB_A_VCPU + batches * WAIT_SECONDS_A_BATCH * memory
    cost = messages * (S3_GET + SQS_REQUESTS_A_MESSAGE * SQS_REQUEST) + IDLE_SQS_REQUESTS * SQS_REQUEST
    cost += puts * S3_PUT + writes * DYNAMODB_WRITE + batches * DYNAMODB_READ
    cost += gb_seconds * LAMBDA_GB_SECOND + batches * LAMBDA_REQUEST
    return cost, batches, parts


def parts_of(size):
    """The cost of each part of the deployment in a month."""
    read, runs, parts = evidence(size)
    memory = size.profile[3] if size.profile else BALANCED[3]
    report = 24 * size.pairs * (READS_A_PAIR * DYNAMODB_READ + GETS_A_PAIR * S3_GET + PUTS_A_PAIR * S3_PUT)
    report += 24 * max(REPORT_SECONDS * memory, size.pairs * REPORT_GB_SECONDS_A_PAIR) * LAMBDA_GB_SECOND
    report += parts * (S3_GET + COMPACTION_PUTS * S3_PUT + COMPACTION_WRITES * DYNAMODB_WRITE)
    bytes_an_event = BYTES_AN_EVENT_LARGE if size.events / size.pairs > 100_000 else BYTES_AN_EVENT_SMALL
    storage = EVIDENCE_DAYS * (size.events * bytes_an_event / 1e9 * S3_GB_MONTH + parts * INDEX_GB_A_PART * DYNAMODB_GB_MONTH)
    logs = ((runs + 24 + 1) * LOG_BYTES_A_RUN + size.management * LOG_BYTES_A_WATCH) / 1e9 * LOGS_GB
    batches = (runs + 24 + 1) * AUDIT_PUTS_A_RUN
    # `maintain` reads the audit trail of a week, all log files once, and the whole table. Reading a log file to verify it takes less
    # time than reading it for evidence.
    table_gb = EVIDENCE_DAYS * parts * INDEX_GB_A_PART
    maintain = (24 * MAINTAIN_SECONDS + MAINTAIN_DAILY_SECONDS) * memory * LAMBDA_GB_SECOND + 8 * batches * S3_GET
    maintain += table_gb * 1e9 / 4_096 * DYNAMODB_READ
    if size.profile:
        logs_read = max(size.pairs * LOG_FILES_A_PAIR, size.events / EVENTS_A_LOG_FILE)
        maintain += logs_read * S3_GET + size.events / MILLION * CPU_SECONDS_A_MILLION * GB_A_VCPU * LAMBDA_GB_SECOND
    audit = batches * (DAYS * S3_PUT + EVIDENCE_DAYS * AUDIT_BYTES_A_BATCH / 1e9 * S3_GB_MONTH)
    return {
        "evidence: `pull`, or `ingest` with a trail": DAYS * read,
        "hourly `report`, and compaction": DAYS * report,
        "daily `permissions`": DAYS * PERMISSIONS_SECONDS * LAMBDA_GB_SECOND,
        "hourly `maintain`": DAYS * maintain,
        "`watch`": DAYS * size.management * (LAMBDA_REQUEST + WATCH_TIME),
        "forwarded events": DAYS * size.forwarded * EVENTBRIDGE_EVENT,
        f"evidence and index of {EVIDENCE_DAYS} days": storage,
        f"audit trail, and its batches of {EVIDENCE_DAYS} days": audit,
        "logs": DAYS * logs,
        "custom metrics": metrics(size) * METRIC_MONTH,
        f"{alarms()} alarms and a dashboard": alarms() * ALARM_MONTH + DASHBOARD_MONTH,
    }


def amount(cost):
    """Dollars with as many digits as an estimate has."""
    return f"{cost:,.2f}" if cost < 10 else f"{cost:,.0f}"


def table():
    columns = [parts_of(size) for size in SIZES]
    lines = ["| dollars a month | " + " | ".join(size.name for size in SIZES) + " |", "|---|" + "---|" * len(SIZES)]
    lines += [f"| {part} | " + " | ".join(amount(column[part]) for column in columns) + " |" for part in columns[0]]
    lines.append("| **together** | " + " | ".join(f"**{amount(sum(column.values()))}**" for column in columns) + " |")
    return "\n".join(lines) + "\n"


def main(arguments):
    if not arguments:
        print(table(), end="")
        return 0
    option, path = arguments
    if option != "--check":
        raise SystemExit(__doc__)
    if table() in pathlib.Path(path).read_text():
        return 0
    print(f"{path} does not contain this table:\n\n{table()}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
