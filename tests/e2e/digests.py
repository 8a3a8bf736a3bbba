"""Digest files of a trail, signed with a key of the tests in the format of CloudTrail.

Enters: log files by key, hours. Leaves: digest files by key, with the metadata of their objects, and the answer of
ListPublicKeys. Source of the format: AWS CloudTrail User Guide, "CloudTrail digest file structure", read 2026-11.
"""

import base64
import gzip
import hashlib
import json
from datetime import datetime, timezone

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

import trail
from deployment import TRAIL_BUCKET


class DigestKey:
    """A key pair that the functions take for CloudTrail's."""

    def __init__(self):
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.public = self.private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
        self.fingerprint = hashlib.md5(self.public).hexdigest()

    def sign(self, text):
        return self.private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()).hex()

    def list_public_keys(self):
        """What CloudTrail answers to ListPublicKeys."""
        value = base64.b64encode(self.public).decode()
        validity = {"ValidityStartTime": 0, "ValidityEndTime": 4_000_000_000}
        return {"PublicKeyList": [{"Value": value, "Fingerprint": self.fingerprint, **validity}]}


def digest_files(log_files, key, since, until, account, region):
    """Digest files of each hour from `since` to `until`, as content and metadata by key."""
    delivered = {name: int(datetime.strptime(name.rsplit("_", 2)[1], "%Y%m%dT%H%MZ").replace(tzinfo=timezone.utc).timestamp())
                 for name in log_files}
    made, before = {}, None
    for start in range(since, until, 3600):
        end = start + 3600
        day = datetime.fromtimestamp(end, timezone.utc)
        name = (f"AWSLogs/{account}/CloudTrail-Digest/{region}/{day:%Y/%m/%d}/"
                f"{account}_CloudTrail-Digest_{region}_larkspur_{region}_{day:%Y%m%dT%H%M%SZ}.json.gz")
        listed = [
            {"s3Bucket": TRAIL_BUCKET, "s3Object": log, "hashAlgorithm": "SHA-256",
             "hashValue": hashlib.sha256(gzip.decompress(log_files[log])).hexdigest(),
             "newestEventTime": trail.stamp(at), "oldestEventTime": trail.stamp(at)}
            for log, at in sorted(delivered.items()) if start <= at < end
        ]
        content = {
            "awsAccountId": account, "digestStartTime": trail.stamp(start), "digestEndTime": trail.stamp(end),
            "digestS3Bucket": TRAIL_BUCKET, "digestS3Object": name, "digestPublicKeyFingerprint": key.fingerprint,
            "digestSignatureAlgorithm": "SHA256withRSA", "newestEventTime": None, "oldestEventTime": None,
            "previousDigestS3Bucket": before and TRAIL_BUCKET, "previousDigestS3Object": before and before["key"],
            "previousDigestHashValue": before and before["hash"], "previousDigestHashAlgorithm": before and "SHA-256",
            "previousDigestSignature": before and before["signature"], "logFiles": listed,
        }
        text = json.dumps(content, separators=(",", ":")).encode()
        digest = hashlib.sha256(text).hexdigest()
        signed = f"{trail.stamp(end)}\n{TRAIL_BUCKET}/{name}\n{digest}\n{before['signature'] if before else 'null'}"
        signature = key.sign(signed)
        made[name] = gzip.compress(text, mtime=0), {"signature": signature, "signature-algorithm": "SHA256withRSA"}
        before = {"key": name, "hash": digest, "signature": signature}
    return made
