#!/usr/bin/env python3
"""Checks that Onlooker's own roles have no permissions beyond their declared purposes.

Enters: the `onlooker` binary, the templates, the values of their parameters and `shared/data/own_roles.toml`. Leaves: exit code
0 if `onlooker permissions` finds no permission beyond the declared purposes, in every deployment of `parameters.toml`. Law:
each declared purpose names a resource of the deployment; every permission without a purpose is excessive.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib

import roles

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
TEMPLATES = {"template": ROOT / "template.yaml", "member": ROOT / "member.yaml"}


def deployments(texts):
    """Every deployment to check, as its name, its stack and its roles. `texts` are the templates by name."""
    sets = tomllib.loads((HERE / "parameters.toml").read_text())
    for template, text in texts.items():
        branches = {}
        for name, parameters in sets[template].items():
            stack = roles.Stack(roles.load(text), "onlooker", parameters, branches)
            yield f"{template}.{name}", stack, stack.roles()
        one_sided = roles.one_sided_conditions(branches)
        if one_sided:
            raise roles.Unresolved(f"{template}: the deployments test only one value of {', '.join(one_sided)}")


def named_resources(stack):
    """ARNs of the stack's resources, by their names in the purposes."""
    here = f"{roles.REGION}:{roles.ACCOUNT}"
    found = {
        "logs": f"arn:aws:logs:{here}:log-group:/aws/lambda/{stack.name}-*",
        "functions": f"arn:aws:lambda:{here}:function:{stack.name}-*",
        "batches": f"arn:aws:states:{here}:execution:{stack.name}-backfill/*",
    }
    if "BucketName" in stack.resources:
        found["bucket"] = f"arn:aws:s3:::{stack.attribute('BucketName', 'Value')}"
        found["table"] = f"arn:aws:dynamodb:{here}:table/{stack.attribute('TableName', 'Value')}"
    named = {"topic": "Topic", "bus": "Bus",
             "dead-letter-queue": "DeadLetterQueue", "log-queue": "LogQueue", "backfill": "Backfill",
             "first-report": "FirstReport"}
    for name, resource in named.items():
        if resource in stack.resources:
            condition = stack.resources[resource].get("Condition")
            if not condition or stack.condition(condition):
                found[name] = stack.arn(resource)
    given = {"key": "KmsKeyArn", "state-key": "StateKmsKeyArn", "trail-key": "TrailKmsKeyArn",
             "signing-key": "SigningKeyArn", "bus": "BusArn"}
    found.update({name: stack.parameters[key] for name, key in given.items() if stack.parameters.get(key)})
    if "bucket" in found:
        found["backups"] = f"{found['bucket']}/backups/"
    for name, parameter in {"backups": "BackupBucket", "second-backups": "SecondBackupBucket"}.items():
        if stack.parameters.get(parameter):
            found[name] = f"arn:aws:s3:::{stack.parameters[parameter]}/{stack.name}/"
    if stack.parameters.get("LookupRole"):
        found["lookup-role"] = f"arn:aws:iam::*:role/{stack.parameters['LookupRole']}"
    return found


def role_purpose_name(name):
    """The name of a role in the purposes: the function or service that uses it."""
    return name.removesuffix("Role").lower() or "member"


def configuration(stack, found):
    """An onlooker.toml that watches the roles and tolerates their purposes. It leaves out the purposes without a resource."""
    own, have = tomllib.loads((ROOT / "shared/data/own_roles.toml").read_text()), named_resources(stack)
    text = "[permissions]\nreads = []\nsimulate = false\n"
    for role in found.values():
        text += f"\n[[watch]]\nprincipal = {json.dumps(role['Arn'])}\n"
    count = 0
    for purpose in own["override"]:
        name, after = purpose["resource"].removeprefix("${").split("}", 1)
        if name not in have:
            continue
        for role in (role for key, role in found.items() if role_purpose_name(key) in purpose["roles"]):
            for operation in purpose["operations"]:
                count += 1
                entry = {"id": f"own-{count}", "principal": role["Arn"], "operation": operation,
                         "resource": have[name] + after, "owner": own["owner"], "reason": purpose["reason"],
                         "expires": own["expires"]}
                text += "\n[[override]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in entry.items())
    return text


def audit(binary, texts=None, report=print):
    """The worst exit code of `onlooker permissions` over all deployments."""
    texts = texts or {name: path.read_text() for name, path in TEMPLATES.items()}
    worst = 0
    for name, stack, found in deployments(texts):
        if not found:
            continue
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "iam.json").write_text(json.dumps(roles.details(found.values())))
            (folder / "onlooker.toml").write_text(configuration(stack, found))
            command = [binary, "permissions", "--authorization-details", "iam.json", "--config", "onlooker.toml", "--all"]
            environment = {key: value for key, value in os.environ.items() if not key.startswith("ONLOOKER_")}
            ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if ran.returncode:
            report(ran.stdout + ran.stderr)
        report(f"{name}: {len(found)} roles, exit code {ran.returncode}")
        # A killed process has a negative exit code. It has evaluated nothing.
        worst = max(worst, ran.returncode if ran.returncode >= 0 else 4)
    return worst


if __name__ == "__main__":
    sys.exit(audit(str(pathlib.Path(sys.argv[1]).resolve())))
