"""Reads a certificate with readers of others: securesystemslib (the signature) and in-toto-attestation (the statement).

    python3 -m venv target/readers && target/readers/bin/pip install securesystemslib[crypto]==1.6.0 in-toto-attestation==0.9.3
    target/readers/bin/python tests/certificate_readers/read.py certificate.json public.pem

The key is an Ed25519 key, or an ECDSA key of AWS KMS. Prints what they read, and ends with 1 if one of them refuses the certificate or
accepts a changed one. Runs outside continuous integration, because it installs packages.
"""

import base64
import json
import pathlib
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf.json_format import MessageToDict, ParseDict
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey


def main():
    envelope = json.loads(pathlib.Path(sys.argv[1]).read_text())
    public = load_pem_public_key(pathlib.Path(sys.argv[2]).read_bytes())
    # securesystemslib computes the id of the key, and finds the signature by it.
    key = SSlibKey.from_crypto(public)
    if key.keyid != envelope["signatures"][0]["keyid"]:
        print(f"securesystemslib: the key has the id {key.keyid}, which is not the one that the signature names")
        return 1
    accepted = Envelope.from_dict(json.loads(json.dumps(envelope))).verify([key], 1)
    print("securesystemslib: signed by", ", ".join(accepted))

    payload = json.loads(base64.b64decode(envelope["payload"]))
    statement = Statement.copy_from_pb(ParseDict(payload, statement_pb2.Statement()))
    statement.validate()
    # Numbers are doubles for this reader. They are equal if they are below 2^53.
    read = MessageToDict(statement.pb)["predicate"]
    different = [name for name, value in payload["predicate"].items() if read.get(name) != value]
    print("in-toto-attestation: valid;", f"fields that it reads otherwise: {different}")

    payload["predicate"]["calls"]["writes"] += 1
    changed = {**envelope, "payload": base64.b64encode(json.dumps(payload).encode()).decode()}
    try:
        Envelope.from_dict(changed).verify([key], 1)
    except VerificationError as error:
        print("securesystemslib refuses the changed certificate:", error)
        return 1 if different else 0
    print("securesystemslib accepts a changed certificate")
    return 1


sys.exit(main())
