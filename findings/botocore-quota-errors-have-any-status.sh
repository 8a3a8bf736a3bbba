#!/bin/sh
# botocore 1.43.127 (AWS's own models of its services).
#
# Guessed: the HTTP status says what kind of error a response is, and an error code has one status; so a client may judge an
# unknown code by its status, and 429 is always a rate.
# Seen: ServiceQuotaExceededException, the code of AWS's guidelines for a quota that is used up, is 402 in 139 services, but 400
# in four and 429 in one. LimitExceededException, its older name, has seven statuses: 400, 403, 409, 410, 412, 429, or none that the
# model tells. In ten services it is 429, which clients take for a rate and try again, though a quota does not pass by itself.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check botocore==1.43.127
venv/bin/python - <<'PY'
import collections, glob, gzip, json, os
import botocore

statuses = collections.defaultdict(collections.Counter)
for path in glob.glob(os.path.dirname(botocore.__file__) + "/data/*/*/service-2.json*"):
    opened = gzip.open if path.endswith(".gz") else open
    for name, shape in json.loads(opened(path, "rb").read())["shapes"].items():
        if shape.get("exception") or shape.get("error"):
            error = shape.get("error", {})
            statuses[error.get("code", name)][error.get("httpStatusCode")] += 1
for code in ("ServiceQuotaExceededException", "LimitExceededException"):
    print(code, dict(sorted(statuses[code].items(), key=lambda one: -one[1])))
quota, limit = statuses["ServiceQuotaExceededException"], statuses["LimitExceededException"]
assert (quota[402], quota[400], quota[429]) == (139, 4, 1), quota
assert set(limit) == {None, 400, 403, 409, 410, 412, 429} and limit[429] == 10, limit
PY
