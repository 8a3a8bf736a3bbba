"""The API: requests to the function URL, signed as a caller signs them, and direct invocations."""

import gzip
import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import botocore.auth
import botocore.awsrequest
import botocore.credentials

from case import StackTestCase
from trail import Trail


class Api(StackTestCase):
    def request(self, method, path, body=None, signed=True, key=None):
        """Sends a request to the function URL. Returns status, headers and body. `key` is the access key of another caller."""
        # The emulator serves all function URLs itself, by their host name.
        url = urllib.parse.urlsplit(self.deployment.outputs["ApiUrl"])
        content = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "host": url.netloc}
        request = botocore.awsrequest.AWSRequest(method, f"https://{url.netloc}{path}", headers, content)
        if signed:
            credentials = botocore.credentials.Credentials(*(key or (self.deployment.home, "test")))
            botocore.auth.SigV4Auth(credentials, "lambda", self.deployment.region).add_auth(request)
        sent = urllib.request.Request(
            f"{self.deployment.upstream}{path}", content, dict(request.headers), method=method
        )
        try:
            with urllib.request.urlopen(sent, timeout=120) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def decisions(self):
        """The decisions in the audit trail by their ids."""
        found = {}
        for key in self.deployment.keys("audit/dt="):
            for line in gzip.decompress(self.deployment.read(key)).splitlines()[1:]:
                entry = json.loads(line)
                if entry["kind"] == "decision":
                    found[entry["event_id"]] = entry
        return found

    def test_14_a_signed_request_gets_a_verdict_that_the_audit_trail_has(self):
        status, headers, body = self.request(
            "POST", "/validate", {"operation": "s3:DeleteObject", "resource_arn": "arn:aws:s3:::bucket/key"}
        )
        self.assertEqual((status, headers["content-type"]), (200, "application/json"), body)
        [verdict] = json.loads(body)["verdicts"]
        self.assertFalse(verdict["is_valid"])
        self.assertEqual(verdict["operation_type"], "mutating")
        entry = self.decisions()[verdict["decision_id"]]
        self.assertEqual((entry["operation"], entry["outcome"]), ("s3:DeleteObject", "denied"))
        self.assertEqual(entry["recorded_by"], "api")
        self.assertEqual(entry["resource_arns"], ["arn:aws:s3:::bucket/key"])

    def test_14_a_request_without_a_signature_is_refused(self):
        status, _, body = self.request("GET", "/status", signed=False)
        self.assertEqual(status, 403, body)

    def test_14_a_caller_needs_the_policy_of_callers_and_no_other(self):
        iam = self.deployment.client("iam")
        iam.create_user(UserName="caller")
        try:
            made = iam.create_access_key(UserName="caller")["AccessKey"]
            key = made["AccessKeyId"], made["SecretAccessKey"]
            status, _, body = self.request("GET", "/openapi.json", key=key)
            self.assertEqual(status, 403, body)
            policy = self.deployment.outputs["ApiCallerPolicyArn"]
            iam.attach_user_policy(UserName="caller", PolicyArn=policy)
            status, _, body = self.request("GET", "/openapi.json", key=key)
            self.assertEqual(status, 200, body)
            iam.detach_user_policy(UserName="caller", PolicyArn=policy)
            iam.delete_access_key(UserName="caller", AccessKeyId=key[0])
        finally:
            iam.delete_user(UserName="caller")

    def test_14_a_thousand_operations_have_a_verdict_and_an_entry_each(self):
        operations = [{"operation": name} for name in ("s3:GetObject", "s3:PutObject")] * 500
        answer = self.invoke("api", {"route": "POST /validate", "body": {"operations": operations}})
        self.assertEqual(answer["status"], 200, answer)
        given = answer["body"]
        self.assertEqual((given["valid"], given["refused"]), (500, 500))
        ids = [verdict["decision_id"] for verdict in given["verdicts"]]
        self.assertEqual(len(set(ids)), 1_000)
        self.assertLessEqual(set(ids), set(self.decisions()))
        too_many = self.invoke("api", {"route": "POST /validate", "body": {"operations": operations + operations[:1]}})
        self.assertEqual((too_many["status"], too_many["content_type"]), (400, "application/problem+json"))

    def test_14_figures_are_those_of_the_newest_report(self):
        window = self.hour - 7200, self.hour - 3600
        self.deployment.deliver(Trail("api", *window, 60).objects())
        self.deployment.wait_until_drained()
        missing = self.invoke("api", {"route": "GET /reports/latest"})
        self.assertEqual((missing["status"], missing["body"]["type"]), (404, "urn:onlooker:problem:no-report"))
        self.fix_window()
        self.invoke("report")
        report = json.loads(self.deployment.read("latest/report.json"))
        answers = {
            route: self.invoke("api", {"route": f"GET /{route}"})
            for route in ("reports/latest", "dashboard", "status", "metrics", "health")
        }
        self.assertEqual(answers["reports/latest"]["body"]["id"], report["id"])
        dashboard, status = answers["dashboard"]["body"], answers["status"]["body"]
        self.assertEqual(dashboard["report"]["id"], report["id"])
        self.assertEqual(dashboard["overall_status"], report["result"]["summary"]["overall_compliance"])
        self.assertEqual(status["status"], report["result"]["summary"]["overall_compliance"])
        self.assertEqual(status["current_status"]["report"]["id"], report["id"])
        self.assertIn("report", {run["name"] for run in status["runs"]})
        self.assertGreater(status["audit"]["counts"]["entries"], 0)
        self.assertTrue(answers["metrics"]["body"].endswith("# EOF\n"))
        self.assertIn("inventag_compliance_score", answers["metrics"]["body"])
        self.assertEqual(answers["health"]["status"], 200)
        self.assertEqual(answers["health"]["body"]["status"], status["health"])

    def test_14_a_failure_is_a_problem_over_http_and_a_function_error_otherwise(self):
        body = {"operation": "s3:GetObject"}
        self.invoke("api", {"route": "POST /validate", "body": body})
        before = set(self.decisions())
        with self.without_permission("api", "s3:PutObject"):
            status, headers, content = self.request("POST", "/validate", body)
            problem = json.loads(content)
            self.assertEqual((status, headers["content-type"]), (500, "application/problem+json"), content)
            self.assertEqual((problem["status"], problem["error_type"]), (500, "AccessDenied"))
            _, error = self.deployment.invoke("api", {"route": "POST /validate", "body": body})
            self.assertEqual(error["errorType"], "AccessDenied")
            self.assertIn("s3:PutObject", error["errorMessage"])
        self.assertEqual(set(self.decisions()), before)

    def test_14_a_missing_permission_for_the_table_is_named(self):
        error = self.assert_permission_is_required("api", "dynamodb:Query", {"route": "GET /status"})
        self.assertEqual(error["errorType"], "AccessDenied")
        self.assertIn("dynamodb:Query", error["errorMessage"])

    def test_14_the_document_is_the_published_one(self):
        status, _, body = self.request("GET", "/openapi.json")
        self.assertEqual(status, 200)
        published = (Path(__file__).resolve().parents[2] / "docs/openapi.json").read_bytes()
        self.assertEqual(json.loads(body), json.loads(published))
