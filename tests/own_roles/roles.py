"""The roles of a template, as `aws iam get-account-authorization-details` would print them.

Enters: a CloudFormation template and the values of its parameters. Leaves: the roles and their policies, with the ARNs of a
fictional account. Laws: a part of the template that cannot be resolved is an error and never left out; the deployments
together use both branches of every `Fn::If` in a role; a resource that could grant permissions in another way is an error.
"""

import re

import yaml

PARTITION, REGION, ACCOUNT = "aws", "eu-central-1", "111122223333"

# Types of resources that grant permissions in ways this module does not read.
UNSUPPORTED_TYPES = {
    "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy", "AWS::IAM::GroupPolicy",
    "AWS::IAM::User", "AWS::IAM::Group", "AWS::CloudFormation::Stack", "AWS::CloudFormation::Macro",
}

# Types of events for which the Serverless transform creates no role, if the function names a role.
POLLED_EVENT_TYPES = {"SQS"}


class Unresolved(Exception):
    """A part of a template cannot be resolved."""


class Loader(yaml.SafeLoader):
    """YAML with the short forms of CloudFormation's functions."""


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
# `2012-10-17` is a version, not a date.
Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text):
    return yaml.load(text, Loader)


# The value of `AWS::NoValue`, which removes a property or a list item.
NO_VALUE = object()


def snake_case(name):
    """The name of a CloudFormation function as part of a Python name: `FindInMap` is `find_in_map`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


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
            raise Unresolved(f"the template has no parameter {', '.join(sorted(unknown))}")

    def resolve(self, value):
        if isinstance(value, list):
            resolved = [self.resolve(item) for item in value]
            return [item for item in resolved if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (key, argument), = value.items()
            if key in ("Ref", "Condition") and isinstance(argument, str) and (key == "Ref" or argument in self.conditions):
                return self.ref(argument) if key == "Ref" else self.condition(argument)
            if key.startswith("Fn::"):
                function = getattr(self, "fn_" + snake_case(key[4:]), None)
                if function is None:
                    raise Unresolved(f"{key} is not supported")
                return function(argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    @property
    def conditions(self):
        return self.template.get("Conditions", {})

    def condition(self, name):
        if name not in self.conditions:
            raise Unresolved(f"the template has no condition {name}")
        return self.evaluate_condition(self.conditions[name])

    def evaluate_condition(self, value):
        (key, argument), = value.items()
        if key == "Condition":
            return self.condition(argument)
        if key == "Fn::Not":
            return not self.evaluate_condition(argument[0])
        if key == "Fn::And":
            return all(self.evaluate_condition(part) for part in argument)
        if key == "Fn::Or":
            return any(self.evaluate_condition(part) for part in argument)
        if key == "Fn::Equals":
            left, right = (self.resolve(part) for part in argument)
            return left == right
        raise Unresolved(f"{key} is not a supported condition")

    def fn_if(self, argument):
        name, then, otherwise = argument
        value = self.condition(name)
        self.branches.setdefault(name, set()).add(value)
        return self.resolve(then if value else otherwise)

    def fn_join(self, argument):
        glue, parts = argument
        return glue.join(self.text(part) for part in self.resolve(parts))

    def fn_split(self, argument):
        glue, text = argument
        return self.text(self.resolve(text)).split(glue)

    def fn_select(self, argument):
        position, parts = argument
        return self.resolve(parts)[int(self.resolve(position))]

    def fn_find_in_map(self, argument):
        name, first, second = (self.resolve(part) for part in argument)
        return self.template["Mappings"][name][str(first)][second]

    def fn_get_att(self, argument):
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
            return self.text(self.fn_get_att(name.split(".", 1)) if "." in name else self.ref(name))

        return re.sub(r"\$\{([^}]*)\}", value, text)

    @staticmethod
    def text(value):
        if not isinstance(value, (str, int)):
            raise Unresolved(f"{value!r} is not a string")
        return str(value)

    def ref(self, name):
        if name in self.parameters:
            return self.parameters[name]
        pseudo = {"AWS::Partition": PARTITION, "AWS::Region": REGION, "AWS::AccountId": ACCOUNT,
                  "AWS::StackName": self.name, "AWS::NoValue": NO_VALUE, "AWS::URLSuffix": "amazonaws.com"}
        if name in pseudo:
            return pseudo[name]
        resource_type = self.resource_type(name)
        if resource_type == "AWS::SNS::Topic":
            return self.arn(name)
        if resource_type == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self.physical_id(name)}"
        if resource_type == "AWS::StepFunctions::StateMachine":
            return self.arn(name)
        return self.physical_id(name)

    def resource_type(self, name):
        if name not in self.resources:
            raise Unresolved(f"the template has no resource {name}")
        condition = self.resources[name].get("Condition")
        if condition and not self.condition(condition):
            raise Unresolved(f"{name} does not exist, because the condition {condition} is false")
        return self.resources[name]["Type"]

    def physical_id(self, name):
        """The physical ID of a resource: its name in the template, or a name as CloudFormation generates it."""
        keys = {"AWS::S3::Bucket": "BucketName", "AWS::DynamoDB::Table": "TableName", "AWS::SQS::Queue": "QueueName",
                "AWS::SNS::Topic": "TopicName", "AWS::Events::EventBus": "Name", "AWS::Logs::LogGroup": "LogGroupName",
                "AWS::Serverless::Function": "FunctionName", "AWS::IAM::Role": "RoleName",
                "AWS::StepFunctions::StateMachine": "StateMachineName", "AWS::Glue::Database": None,
                "AWS::Events::Rule": "Name"}
        resource_type = self.resource_type(name)
        if resource_type not in keys:
            raise Unresolved(f"the physical ID of {name} is unknown, because {resource_type} is not supported")
        given = self.resources[name].get("Properties", {}).get(keys[resource_type]) if keys[resource_type] else None
        if given is not None:
            return self.text(self.resolve(given))
        generated = f"{self.name}-{name}-OWN0000"
        return generated.lower() if resource_type == "AWS::S3::Bucket" else generated

    def arn(self, name):
        here = f"{REGION}:{ACCOUNT}"
        formats = {"AWS::S3::Bucket": "s3:::{}", "AWS::DynamoDB::Table": f"dynamodb:{here}:table/{{}}",
                  "AWS::SQS::Queue": f"sqs:{here}:{{}}", "AWS::SNS::Topic": f"sns:{here}:{{}}",
                  "AWS::Events::EventBus": f"events:{here}:event-bus/{{}}",
                  "AWS::Events::Rule": f"events:{here}:rule/{{}}",
                  "AWS::Logs::LogGroup": f"logs:{here}:log-group:{{}}:*",
                  "AWS::Serverless::Function": f"lambda:{here}:function:{{}}",
                  "AWS::StepFunctions::StateMachine": f"states:{here}:stateMachine:{{}}",
                  "AWS::IAM::Role": f"iam::{ACCOUNT}:role/{{}}"}
        resource_type = self.resource_type(name)
        if resource_type not in formats:
            raise Unresolved(f"the ARN of {name} is unknown, because {resource_type} is not supported")
        return f"arn:{PARTITION}:" + formats[resource_type].format(self.physical_id(name))

    def attribute(self, name, attribute):
        if attribute == "Arn":
            return self.arn(name)
        if attribute == "QueueName" and self.resource_type(name) == "AWS::SQS::Queue":
            return self.physical_id(name)
        if attribute == "Value" and self.resource_type(name) == "AWS::SSM::Parameter":
            return self.text(self.resolve(self.resources[name]["Properties"]["Value"]))
        raise Unresolved(f"{name}.{attribute} is not supported")

    def check(self):
        """Raises an error for a resource that could grant permissions in another way."""
        for name, resource in self.resources.items():
            resource_type = resource["Type"]
            if resource_type == "AWS::IAM::ManagedPolicy" and not {"Roles", "Users", "Groups"} & set(resource["Properties"]):
                # A policy that the template attaches to nothing; an operator attaches it. No role of the stack may name it.
                continue
            if resource_type in UNSUPPORTED_TYPES:
                raise Unresolved(f"{name} of type {resource_type} grants permissions: write them into the role")
            if resource_type.startswith("AWS::Serverless::"):
                self.check_function(name, resource)

    @staticmethod
    def check_function(name, resource):
        properties = resource.get("Properties", {})
        if resource["Type"] != "AWS::Serverless::Function" or "Connectors" in resource:
            raise Unresolved(f"{name}: the roles that the transform creates for it are unknown")
        if "Role" not in properties or "Policies" in properties:
            raise Unresolved(f"{name}: the transform would create a role for it: name a role with `Role`")
        for event, declared in properties.get("Events", {}).items():
            if declared["Type"] not in POLLED_EVENT_TYPES:
                raise Unresolved(f"{name}.{event}: the roles that the transform creates for {declared['Type']} are unknown")

    def roles(self):
        """Roles, by their names in the template."""
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
        known = {"RoleName", "Description", "AssumeRolePolicyDocument", "Policies", "MaxSessionDuration", "Path", "Tags",
                 # The boundary is a policy of the user. It can only reduce what the role may do.
                 "PermissionsBoundary"}
        if set(properties) - known:
            raise Unresolved(f"{name}: {', '.join(sorted(set(properties) - known))} is not supported")
        resolved = self.resolve(properties)
        policies = resolved.get("Policies", [])
        return {
            "Path": resolved.get("Path", "/"),
            "RoleName": self.physical_id(name),
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
    """The output of `aws iam get-account-authorization-details`."""
    return {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": list(roles), "Policies": [],
            "IsTruncated": False}


def one_sided_conditions(branches):
    """Conditions that had only one value."""
    return sorted(name for name, met in branches.items() if len(met) < 2)
