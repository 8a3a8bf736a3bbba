"""The roles of a template, as `aws iam get-account-authorization-details` would print them.

Enters: a CloudFormation template and values of its parameters. Leaves: users (none), roles and what they are granted,
with the ARNs of a fictional account. Laws: what cannot be resolved is an error, never left out; of every `Fn::If` in a
role both branches are met in one set of parameters or another; whatever else could give a role rights is refused.
"""

import re

import yaml

PARTITION, REGION, ACCOUNT = "aws", "eu-central-1", "111122223333"

# Resources that give rights in ways nobody looks at here.
REFUSED = {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy",
           "AWS::IAM::GroupPolicy", "AWS::IAM::User", "AWS::IAM::Group", "AWS::CloudFormation::Stack",
           "AWS::CloudFormation::Macro"}

# What the Serverless transform makes no role for, when the function names one.
EVENTS = {"SQS"}


class Unresolved(Exception):
    """What a template says cannot be told."""


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", short_form)
# `2012-10-17` is a version, not a day.
Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text):
    return yaml.load(text, Loader)


NOTHING = object()


class Stack:
    """A template with values for its parameters."""

    def __init__(self, template, name, parameters, branches=None):
        self.template, self.name = template, name
        self.branches = {} if branches is None else branches
        self.resources = template["Resources"]
        self.parameters = {}
        for key, declared in template.get("Parameters", {}).items():
            value = parameters.get(key, declared.get("Default"))
            if value is None:
                raise Unresolved(f"the parameter {key} has no value")
            if declared["Type"] == "CommaDelimitedList":
                value = [part.strip() for part in str(value).split(",")]
            self.parameters[key] = value if isinstance(value, list) else str(value)
        unknown = set(parameters) - set(self.parameters)
        if unknown:
            raise Unresolved(f"no such parameters: {', '.join(sorted(unknown))}")

    def resolve(self, value):
        if isinstance(value, list):
            resolved = [self.resolve(item) for item in value]
            return [item for item in resolved if item is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (key, argument), = value.items()
            if key in ("Ref", "Condition") and isinstance(argument, str) and (key == "Ref" or argument in self.conditions):
                return self.ref(argument) if key == "Ref" else self.condition(argument)
            if key.startswith("Fn::"):
                function = getattr(self, "fn_" + key[4:].lower(), None)
                if function is None:
                    raise Unresolved(f"{key} is not known here")
                return function(argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NOTHING}

    @property
    def conditions(self):
        return self.template.get("Conditions", {})

    def condition(self, name):
        if name not in self.conditions:
            raise Unresolved(f"no such condition: {name}")
        return self.truth(self.conditions[name])

    def truth(self, value):
        (key, argument), = value.items()
        if key == "Condition":
            return self.condition(argument)
        if key == "Fn::Not":
            return not self.truth(argument[0])
        if key == "Fn::And":
            return all(self.truth(part) for part in argument)
        if key == "Fn::Or":
            return any(self.truth(part) for part in argument)
        if key == "Fn::Equals":
            left, right = (self.resolve(part) for part in argument)
            return left == right
        raise Unresolved(f"{key} is no condition known here")

    def fn_if(self, argument):
        name, then, otherwise = argument
        truth = self.condition(name)
        self.branches.setdefault(name, set()).add(truth)
        return self.resolve(then if truth else otherwise)

    def fn_join(self, argument):
        glue, parts = argument
        return glue.join(self.text(part) for part in self.resolve(parts))

    def fn_split(self, argument):
        glue, text = argument
        return self.text(self.resolve(text)).split(glue)

    def fn_select(self, argument):
        position, parts = argument
        return self.resolve(parts)[int(self.resolve(position))]

    def fn_findinmap(self, argument):
        name, first, second = (self.resolve(part) for part in argument)
        return self.template["Mappings"][name][str(first)][second]

    def fn_getatt(self, argument):
        name, attribute = argument
        return self.attribute(name, attribute)

    def fn_sub(self, argument):
        text, own = argument if isinstance(argument, list) else (argument, {})

        def value(match):
            name = match.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in own:
                return self.text(self.resolve(own[name]))
            return self.text(self.fn_getatt(name.split(".", 1)) if "." in name else self.ref(name))

        return re.sub(r"\$\{([^}]*)\}", value, text)

    @staticmethod
    def text(value):
        if not isinstance(value, (str, int)):
            raise Unresolved(f"{value!r} is no text")
        return str(value)

    def ref(self, name):
        if name in self.parameters:
            return self.parameters[name]
        pseudo = {"AWS::Partition": PARTITION, "AWS::Region": REGION, "AWS::AccountId": ACCOUNT,
                  "AWS::StackName": self.name, "AWS::NoValue": NOTHING, "AWS::URLSuffix": "amazonaws.com"}
        if name in pseudo:
            return pseudo[name]
        kind = self.kind(name)
        if kind == "AWS::SNS::Topic":
            return self.arn(name)
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self.physical(name)}"
        if kind == "AWS::StepFunctions::StateMachine":
            return self.arn(name)
        return self.physical(name)

    def kind(self, name):
        if name not in self.resources:
            raise Unresolved(f"no such resource: {name}")
        condition = self.resources[name].get("Condition")
        if condition and not self.condition(condition):
            raise Unresolved(f"{name} is not there without {condition}")
        return self.resources[name]["Type"]

    def physical(self, name):
        """The name of a resource; CloudFormation makes one of stack and resource where the template says none."""
        keys = {"AWS::S3::Bucket": "BucketName", "AWS::DynamoDB::Table": "TableName", "AWS::SQS::Queue": "QueueName",
                "AWS::SNS::Topic": "TopicName", "AWS::Events::EventBus": "Name", "AWS::Logs::LogGroup": "LogGroupName",
                "AWS::Serverless::Function": "FunctionName", "AWS::IAM::Role": "RoleName",
                "AWS::StepFunctions::StateMachine": "StateMachineName", "AWS::Glue::Database": None,
                "AWS::Events::Rule": "Name"}
        kind = self.kind(name)
        if kind not in keys:
            raise Unresolved(f"the name of {name}, a {kind}, is not known here")
        given = self.resources[name].get("Properties", {}).get(keys[kind]) if keys[kind] else None
        if given is not None:
            return self.text(self.resolve(given))
        made = f"{self.name}-{name}-OWN0000"
        return made.lower() if kind == "AWS::S3::Bucket" else made

    def arn(self, name):
        here = f"{REGION}:{ACCOUNT}"
        shapes = {"AWS::S3::Bucket": f"s3:::{{}}", "AWS::DynamoDB::Table": f"dynamodb:{here}:table/{{}}",
                  "AWS::SQS::Queue": f"sqs:{here}:{{}}", "AWS::SNS::Topic": f"sns:{here}:{{}}",
                  "AWS::Events::EventBus": f"events:{here}:event-bus/{{}}",
                  "AWS::Events::Rule": f"events:{here}:rule/{{}}",
                  "AWS::Logs::LogGroup": f"logs:{here}:log-group:{{}}:*",
                  "AWS::Serverless::Function": f"lambda:{here}:function:{{}}",
                  "AWS::StepFunctions::StateMachine": f"states:{here}:stateMachine:{{}}",
                  "AWS::IAM::Role": f"iam::{ACCOUNT}:role/{{}}"}
        kind = self.kind(name)
        if kind not in shapes:
            raise Unresolved(f"the ARN of {name}, a {kind}, is not known here")
        return f"arn:{PARTITION}:" + shapes[kind].format(self.physical(name))

    def attribute(self, name, attribute):
        if attribute == "Arn":
            return self.arn(name)
        if attribute == "QueueName" and self.kind(name) == "AWS::SQS::Queue":
            return self.physical(name)
        raise Unresolved(f"{name}.{attribute} is not known here")

    def check(self):
        """Refuses whatever else gives rights."""
        for name, resource in self.resources.items():
            kind = resource["Type"]
            if kind in REFUSED:
                raise Unresolved(f"{name}, a {kind}, gives rights; write them into the role")
            if kind.startswith("AWS::Serverless::"):
                self.check_function(name, resource)

    @staticmethod
    def check_function(name, resource):
        properties = resource.get("Properties", {})
        if resource["Type"] != "AWS::Serverless::Function" or "Connectors" in resource:
            raise Unresolved(f"{name}: it is not known which roles the transform makes for it")
        if "Role" not in properties or "Policies" in properties:
            raise Unresolved(f"{name}: the transform would make a role for it; name one with `Role`")
        for event, declared in properties.get("Events", {}).items():
            if declared["Type"] not in EVENTS:
                raise Unresolved(f"{name}.{event}: it is not known which roles a {declared['Type']} makes")

    def roles(self):
        """Roles by their names in the template."""
        self.check()
        found = {}
        for name, resource in self.resources.items():
            if resource["Type"] != "AWS::IAM::Role":
                continue
            condition = resource.get("Condition")
            if condition:
                self.branches.setdefault(condition, set()).add(self.condition(condition))
                if not self.condition(condition):
                    continue
            found[name] = self.role(name, resource["Properties"])
        return found

    def role(self, name, properties):
        known = {"RoleName", "Description", "AssumeRolePolicyDocument", "Policies", "MaxSessionDuration", "Path", "Tags"}
        if set(properties) - known:
            raise Unresolved(f"{name}: {', '.join(sorted(set(properties) - known))} is not looked at here")
        resolved = self.resolve(properties)
        policies = resolved.get("Policies", [])
        return {
            "Path": resolved.get("Path", "/"),
            "RoleName": self.physical(name),
            "RoleId": "AROA" + "".join(filter(str.isalnum, name.upper()))[:16].ljust(16, "0"),
            "Arn": self.arn(name),
            "CreateDate": "2026-11-01T00:00:00+00:00",
            "AssumeRolePolicyDocument": resolved["AssumeRolePolicyDocument"],
            "InstanceProfileList": [],
            "RolePolicyList": [
                {"PolicyName": policy["PolicyName"], "PolicyDocument": policy["PolicyDocument"]} for policy in policies
            ],
            "AttachedManagedPolicies": [],
            "Tags": resolved.get("Tags", []),
        }


def details(roles):
    """What `get-account-authorization-details` prints."""
    return {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": list(roles), "Policies": [],
            "IsTruncated": False}


def one_sided(branches):
    """Conditions of which one branch was never met."""
    return sorted(name for name, met in branches.items() if len(met) < 2)
