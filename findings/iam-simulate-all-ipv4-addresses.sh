#!/bin/sh
# @cloud-copilot/iam-simulate 0.1.173 (an evaluator of IAM policies).
#
# Guessed: a condition `IpAddress` on `aws:SourceIp` with the range `0.0.0.0/0` holds for every IPv4 address, as in AWS.
# Seen: it holds for 0.0.0.0 only. The halves `0.0.0.0/1` and `128.0.0.0/1` hold for their addresses. The mask of the range is
# made with a shift by 32 bits, which JavaScript takes as a shift by none.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes >/dev/null
npm install --silent --no-fund --no-audit @cloud-copilot/iam-simulate@0.1.173
cat > compare.mjs <<'JS'
import assert from "node:assert/strict";
import { runSimulation } from "@cloud-copilot/iam-simulate";

async function result(range, address) {
  const Condition = { IpAddress: { "aws:SourceIp": range } };
  const Statement = [{ Effect: "Allow", Action: "s3:ListAllMyBuckets", Resource: "*", Condition }];
  const simulated = await runSimulation(
    {
      request: {
        principal: "arn:aws:iam::111122223333:user/ann",
        action: "s3:ListAllMyBuckets",
        resource: { resource: "*", accountId: "111122223333" },
        contextVariables: { "aws:SourceIp": address },
      },
      identityPolicies: [{ name: "own", policy: { Version: "2012-10-17", Statement } }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    { simulationMode: "Strict" },
  );
  return simulated.overallResult;
}

for (const [range, address, expected] of [
  ["0.0.0.0/0", "203.0.113.7", "ImplicitlyDenied"],
  ["0.0.0.0/0", "0.0.0.0", "Allowed"],
  ["128.0.0.0/1", "203.0.113.7", "Allowed"],
  ["0.0.0.0/1", "103.0.113.7", "Allowed"],
]) {
  const found = await result(range, address);
  console.log(`${address} in ${range}: ${found}`);
  assert.equal(found, expected);
}
JS
node compare.mjs
