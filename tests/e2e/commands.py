"""The commands of a document, and a shell that runs them one after the other, as an operator does."""

import os
import re
import select
import shlex
import subprocess
from dataclasses import dataclass

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A limit for a stuck command and not an expected duration.
COMMAND_SECONDS = 600


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it printed."""

    code: int
    output: str
    errors: str


def blocks(text):
    """The blocks of shell commands of a Markdown document."""
    return BLOCK.findall(text)


def syntax_error(script):
    """What bash says against the syntax of a script, or an empty string."""
    return subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True).stderr


def commands(block):
    """The commands of a block. A command ends with the first line at which it is complete for bash."""
    found, lines = [], []
    for line in block.splitlines():
        lines.append(line)
        text = "\n".join(lines)
        if text.strip() and not line.endswith("\\") and not syntax_error(text + "\n"):
            found.append(text)
            lines = []
    if lines:
        raise ValueError(f"a command does not end: {lines}")
    return found


class Shell:
    """A bash in a folder. Variables and functions of a command stay for those that follow."""

    def __init__(self, folder, environment):
        self.folder, self.count = folder, 0
        self.codes, self.end = os.pipe()
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=folder, env=environment, pass_fds=[self.end], text=True, start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.codes)
        os.close(self.end)

    def run(self, command, answer=""):
        """Runs a command with a text on its standard input, and returns its result."""
        self.count += 1
        given, output, errors = (self.folder / f".{self.count}.{name}" for name in ("in", "out", "err"))
        given.write_text(answer)
        files = f"<{shlex.quote(str(given))} >{shlex.quote(str(output))} 2>{shlex.quote(str(errors))}"
        self.process.stdin.write(f"{{ {command}\n}} {files}\necho $? >&{self.end}\n")
        self.process.stdin.flush()
        if not select.select([self.codes], [], [], COMMAND_SECONDS)[0]:
            raise TimeoutError(f"after {COMMAND_SECONDS} s still running: {command}")
        code = int(os.read(self.codes, 16))
        result = Result(code, output.read_text(errors="replace"), errors.read_text(errors="replace"))
        for path in (given, output, errors):
            path.unlink()
        return result
