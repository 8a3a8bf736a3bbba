"""The template that deploys the zips beside it, for one architecture.

Enters: the text of `template.yaml`. Leaves: the same text, except that each function names its zip and not its source, that
`sam build` is told nothing, and that `Architecture` has the one value for which the zips are built.
"""

import re

FUNCTION = re.compile(
    r"^  (?P<resource>\w+):\n    Type: AWS::Serverless::Function\n(?P<build>    Metadata:\n      BuildMethod: rust-cargolambda\n)"
    r"(?P<body>    Properties:\n(?:      .*\n)*?)      CodeUri: functions/(?P<name>\w+)\n",
    re.MULTILINE,
)
ARCHITECTURES = "    Default: x86_64\n    AllowedValues: [x86_64, arm64]\n"


class Unknown(Exception):
    """The template has a form that the packing does not know."""


def functions(text):
    """The functions of a template: the names of their folders, by their resources."""
    found = {match["resource"]: match["name"] for match in FUNCTION.finditer(text)}
    if len(found) != text.count("Type: AWS::Serverless::Function") or not found:
        raise Unknown(
            "template.yaml: a function has another form than `Type`, `Metadata` with `BuildMethod`, and `Properties` with"
            " `CodeUri: functions/NAME`: write it like the others, or teach ship/template.py the form"
        )
    return found


def zip_name(function, architecture):
    """The file of a function's zip."""
    return f"{function}-{architecture}.zip"


def packed(text, architecture):
    """The template that deploys the zips of an architecture."""
    functions(text)
    if text.count(ARCHITECTURES) != 1:
        raise Unknown(f"template.yaml: the parameter Architecture does not read\n{ARCHITECTURES}: change ship/template.py too")

    def function(match):
        named = f"      CodeUri: ./{zip_name(match['name'], architecture)}\n"
        return f"  {match['resource']}:\n    Type: AWS::Serverless::Function\n{match['body']}{named}"

    one = f"    Default: {architecture}\n    AllowedValues: [{architecture}]\n"
    return FUNCTION.sub(function, text).replace(ARCHITECTURES, one)
