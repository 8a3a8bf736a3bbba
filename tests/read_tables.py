"""Reads the tables of a report with programs of other people, and compares them with its JSON.

    python tests/read_tables.py target/debug/onlooker

pyarrow and DuckDB read the Parquet, the csv module and DuckDB the CSV, DuckDB the JSON lines, prometheus_client the OpenMetrics. There are two
reports: that of the demo, and one on a trail with texts that try to be formulas, cells and lines of their own. Ends with 1 if a value differs.
"""

import csv
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile

import duckdb
from prometheus_client.openmetrics.parser import text_string_to_metric_families
import pyarrow.parquet

FORMATS = "json,csv,parquet,openmetrics"
TABLES = ("findings", "principals", "calls", "operations")
SESSIONS = ["=1+1", "-2+3", "@SUM(A1)", "+x", "a,b", 'q"q', "l1\r\nl2", "!\u202egpj", "'", "a;=b", "|", "x\ty", "\u00e9\U0001f600"]
FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20"
OUTCOMES = ("succeeded", "denied", "failed")

problems = []


def check(what, found, expected):
    if found != expected:
        problems.append(f"{what}: {found!r} instead of {expected!r}")


def time(text):
    """A time of the report as pyarrow and DuckDB give it."""
    return text and datetime.datetime.fromisoformat(text)


def origin_words(origin):
    """An origin as the tables write it."""
    mfa = {True: ", with MFA", False: ", without MFA", None: ""}[origin["mfa_authenticated"]]
    agent = origin["user_agent"]
    if agent is not None:
        agent = agent.replace("`", "'")
        agent = agent if len(agent) <= 100 else agent[:100] + "…"
    address = origin["source_ip"] if origin["source_ip"] is not None else "an address that is not recorded"
    return f"{address}{mfa}" + ("" if agent is None else f", user agent `{agent}`")


def expected_tables(report):
    """The rows of each Parquet table, without the columns that name the report."""
    result = report["result"]
    times = ("first_seen", "last_seen")
    findings = [
        {("rule" if key == "id" else key): time(value) if key in times else value for key, value in one.items()}
        | {"origins": [origin_words(origin) for origin in report["run"].get("origins", {}).get(one["fingerprint"], [])]}
        for one in result["findings"]
    ]
    plain = (
        "arn kind account watched_as status behavior calls allowed_by_override writes_through_roles other_events risk_level accounts "
        "regions sessions session_names source_identities on_behalf_of findings status_reasons"
    ).split()
    principals = [
        {key: one[key] for key in plain}
        | {key: time(one[key]) for key in times}
        | {"compliance_score": one["compliance"]["score"], "permitted": one["compliance"]["permitted"]}
        for one in result["principals"]
    ]
    calls = [
        {
            "principal": one["arn"], "account": one["account"], "watched": one["watched_as"] is not None, "operation_type": kind,
            "outcome": outcome, "calls": count,
        }
        for one in result["principals"] for kind, outcomes in one["counts"].items() for outcome, count in outcomes.items() if count
    ]
    same = (
        "event_source service operation operation_type mutates access_level risk_level provenance source_conflict principals reason"
    ).split()
    operations = [
        {key: one[key] for key in same}
        | {outcome: one["counts"].get(outcome, 0) for outcome in OUTCOMES}
        | {"capabilities": sorted(one["capabilities"])}
        for one in result["operations"]
    ]
    return {"findings": findings, "principals": principals, "calls": calls, "operations": operations}


def check_parquet(folder, report):
    status = report["result"]["summary"]["overall_compliance"]
    for name, expected in expected_tables(report).items():
        path = folder / f"{name}.parquet"
        table = pyarrow.parquet.read_table(path)
        rows = table.to_pylist()
        check(f"{path} rows", len(rows), len(expected))
        for row, one in zip(rows, expected):
            check(f"{path} report_id", row.pop("report_id"), report["id"])
            check(f"{path} report_status", row.pop("report_status"), status)
            check(f"{path} generated_at", row.pop("generated_at"), time(report["run"]["generated_at"]))
            since, until = row.pop("since"), row.pop("until")
            check(f"{path} since < until", since < until, True)
            if "capabilities" in row:
                row["capabilities"] = sorted(row["capabilities"])
            check(f"{path} columns", sorted(row), sorted(one))
            for key in one:
                check(f"{path} {key}", row[key], one[key])
        kinds = {str(field.type) for field in table.schema if field.name in ("generated_at", "first_seen")}
        check(f"{path} type of a time", kinds, {"timestamp[ms, tz=UTC]"})
        # DuckDB reads the same values.
        for key in expected[0] if expected else []:
            if isinstance(expected[0][key], datetime.datetime):
                column = f'epoch_ms("{key}")'
                values = [one[key] and int(one[key].timestamp() * 1000) for one in expected]
            elif key == "capabilities":
                column, values = 'list_sort("capabilities")', [one[key] for one in expected]
            else:
                column, values = f'"{key}"', [one[key] for one in expected]
            read = duckdb.sql(f"SELECT {column} FROM read_parquet('{path}')").fetchall()
            check(f"{path} {key} in DuckDB", [value for (value,) in read], values)
    # A question that a data lake is asked.
    denied = duckdb.sql(
        f"SELECT coalesce(sum(calls), 0) FROM read_parquet('{folder}/calls.parquet') WHERE outcome = 'denied'"
    ).fetchall()[0][0]
    check(f"{folder} denied calls", denied, report["result"]["totals"]["denied"])


def plain(cell):
    """A cell without the apostrophe that makes it text."""
    return cell[1:] if cell.startswith("'") else cell


def check_csv(folder, report):
    result = report["result"]
    tables = sorted(folder.glob("*.csv"))
    check(f"{folder} tables", len(tables) >= 7, True)
    for path in tables:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file, strict=True)
        widths = {len(row) for row in rows} | {len(header)}
        check(f"{path} widths", widths, {len(header)})
        check(f"{path} lines", len(path.read_bytes().split(b"\r\n")), len(rows) + 2)
        for cell in (cell for row in rows for cell in row):
            begins = cell.lstrip(' "')[:1]
            if begins and begins in FORMULA:
                problems.append(f"{path}: the cell {cell!r} begins a formula")
        read = duckdb.sql(
            f"SELECT * FROM read_csv('{path}', header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"')"
        )
        check(f"{path} columns in DuckDB", read.columns, header)
        check(f"{path} in DuckDB", [["" if cell is None else cell for cell in row] for row in read.fetchall()], rows)
        if path.name == "findings.csv":
            for row, one in zip([dict(zip(header, row)) for row in rows], result["findings"]):
                check(f"{path} fingerprint", row["fingerprint"], one["fingerprint"])
                check(f"{path} count", int(row["count"]), one["count"])
                check(f"{path} first_seen", time(row["first_seen"]) or None, time(one["first_seen"]))
            check(f"{path} rows", len(rows), len(result["findings"]))
        if path.name == "principals.csv":
            for row, one in zip([dict(zip(header, row)) for row in rows], result["principals"]):
                check(f"{path} arn", plain(row["arn"]), one["arn"])
                names = plain(row["session_names"]).split("|") if row["session_names"] else []
                check(f"{path} session_names", len(names), len(one["session_names"]))
                check(f"{path} calls", int(row["calls"]), one["calls"])


def check_openmetrics(folder, report):
    result = report["result"]
    text = (folder / "report.prom").read_text()
    samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, *sorted(sample.labels.items())
            # prometheus_client takes a series that is there twice.
            check(f"{folder} series {key} before", samples.get(key), None)
            samples[key] = sample.value
    check(f"{folder} score", samples.get(("onlooker_compliance_score",)), result["compliance"]["score"])
    check(f"{folder} risk", samples.get(("onlooker_risk_score",)), result["summary"]["risk_score"])
    for severity in ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"):
        count = sum(one["severity"] == severity for one in result["findings"])
        check(f"{folder} findings {severity}", samples[("onlooker_findings", ("severity", severity))], count)
    for status in ("COMPLIANT", "INSUFFICIENT_EVIDENCE", "NON_COMPLIANT"):
        count = sum(one["status"] == status for one in result["principals"])
        check(f"{folder} {status}", samples[("onlooker_principals_by_status", ("status", status))], count)
    generated_at = time(report["run"]["generated_at"]).timestamp()
    check(f"{folder} seconds", samples[("onlooker_report_generated_timestamp_seconds",)], generated_at)


def check_json_lines(home, lines):
    """DuckDB guesses the columns from 32 files: a key that is not in these is lost from all others without a word."""
    keys = set(json.loads(lines[0]))
    folder = home / "lines"
    folder.mkdir()
    for n, line in enumerate(lines):
        (folder / f"{n:04}.jsonl").write_text(line + "\n")
    read = duckdb.sql(f"SELECT * FROM read_json('{folder}/*.jsonl', format = 'newline_delimited')")
    check("JSON lines: columns", set(read.columns), set().union(*(json.loads(line) for line in lines)))
    check("JSON lines: rows", len(read.fetchall()), len(lines))
    for line in lines:
        check("JSON lines: keys", set(json.loads(line)), keys)
    check("JSON lines: more files than DuckDB looks at", len(lines) > 32, True)


def hostile_trail():
    """A log file with names of sessions that are formulas, cells, lines or turn the direction of text."""
    records = []
    for n, session in enumerate(SESSIONS):
        role = "arn:aws:iam::111122223333:role/Auditor"
        records.append({
            "eventVersion": "1.11", "eventID": f"00000000-0000-4000-8000-{n:012}", "eventTime": f"2026-03-01T07:{n:02}:00Z",
            "eventType": "AwsApiCall", "eventCategory": "Management", "managementEvent": True, "readOnly": False,
            "eventSource": "s3.amazonaws.com", "eventName": "PutBucketPolicy", "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "sourceIPAddress": "192.0.2.1", "userAgent": session, "errorCode": None,
            "requestParameters": {"bucketName": session}, "resources": [{"ARN": f"arn:aws:s3:::{session}", "type": "AWS::S3::Bucket"}],
            "userIdentity": {
                "type": "AssumedRole", "principalId": f"AROAEXAMPLE:{session}", "accountId": "111122223333",
                "arn": f"arn:aws:sts::111122223333:assumed-role/Auditor/{session}",
                "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": "AROAEXAMPLE", "arn": role, "accountId": "111122223333", "userName": "Auditor"}},
            },
        })
    return json.dumps({"Records": records})


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        home = pathlib.Path(name)

        def run(*args):
            done = subprocess.run([binary, *args], cwd=home, capture_output=True, text=True)
            if done.returncode not in (0, 1, 3):
                sys.exit(f"onlooker {' '.join(args)} ended with {done.returncode}: {done.stderr}")
            return done.stdout

        run("demo")
        run("report", "--state", "onlooker-demo/state", "--fail-on", "none", "--format", FORMATS, "--out", "demo")
        (home / "hostile.json").write_text(hostile_trail())
        watch = "arn:aws:iam::*:role/Auditor"
        run("sweep", "hostile.json", "--no-state", "--watch", watch, "--format", FORMATS, "--out", "hostile")
        rows = 0
        for folder in (home / "demo", home / "hostile"):
            report = json.loads((folder / "report.json").read_text())
            check_parquet(folder, report)
            check_csv(folder, report)
            check_openmetrics(folder, report)
            rows += sum(pyarrow.parquet.read_metadata(folder / f"{table}.parquet").num_rows for table in TABLES)
        hostile = json.loads((home / "hostile" / "report.json").read_text())
        names = {name for one in hostile["result"]["principals"] for name in one["session_names"]}
        check("the hostile names are in the report", names >= {"=1+1", "@SUM(A1)", "!\u202egpj", "l1\r\nl2"}, True)
        details = next(home.glob("onlooker-demo/**/*authorization*.json"))
        lines = run("permissions", str(details), "--list", "--json").splitlines()
        check_json_lines(home, lines[:400])
    for problem in problems[:50]:
        print(problem)
    print(f"pyarrow, DuckDB, csv and prometheus_client read 2 reports, {rows} rows of Parquet and {len(lines)} JSON lines: {len(problems)} problems")
    sys.exit(1 if problems else 0)


main()
