#!/bin/sh
# py-ocsf-models 0.10.0, which says of itself that it models OCSF 1.5.0; the schema of 1.5.0 as ocsf-json-schema 1.2.0 brings it.
#
# Guessed: an event that is valid by the schema of OCSF 1.5.0 is read by a model of OCSF 1.5.0.
# Seen: the model has 23 of the 48 types of an observable. It ends at 30 (Fingerprint), and lacks 11 to 19 too, so it refuses a valid event
# about an observable that is a port (11), a command line (13), a user agent (16), the id of an account (35) or a script (36).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check py-ocsf-models==0.10.0 ocsf-json-schema==1.2.0
venv/bin/python - <<'PY'
from ocsf_json_schema import get_ocsf_schema
from py_ocsf_models import OCSF_VERSION
from py_ocsf_models.objects.observable import Observable, TypeID
from pydantic import ValidationError

types = get_ocsf_schema(version="1.5.0")["objects"]["observable"]["attributes"]["type_id"]["enum"]
missing = sorted({int(number) for number in types} - {one.value for one in TypeID})
print(f"OCSF {OCSF_VERSION}: {len(types)} types, the model has {len(TypeID)}, and lacks", missing)
try:
    Observable(name="cloud.account.uid", type_id=35, value="111122223333")
    refused = False
except ValidationError as error:
    refused = True
    print(error.errors()[0]["msg"])
assert OCSF_VERSION == "1.5.0" and refused and {11, 13, 16, 35, 36} <= set(missing), missing
assert (len(types), len(TypeID)) == (48, 23), (len(types), len(TypeID))
PY
