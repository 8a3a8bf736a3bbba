"""Datadog custom check: /etc/datadog-agent/checks.d/onlooker_health.py.

Runs `onlooker health --nagios`, and sends its exit code as a service check and its line as the message.
"""

import subprocess

try:
    from datadog_checks.base import AgentCheck
except ImportError:  # Agent 5
    from checks import AgentCheck

# Seconds after which the command is ended, and the health unknown.
TIMEOUT = 60


def read_health(command, state):
    """The exit code, 0 to 3 as of a Nagios plugin, and the line of `onlooker health`."""
    arguments = [command, "health", "--nagios", "--state", state]
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return 3, "cannot run {}: {}".format(command, error)
    line = (done.stdout or done.stderr).strip().split("\n")[0]
    return (done.returncode if done.returncode in (0, 1, 2) else 3), line


class OnlookerHealthCheck(AgentCheck):
    def check(self, instance):
        code, line = read_health(instance.get("command", "onlooker"), instance.get("state", "/var/lib/onlooker"))
        # The constants OK, WARNING, CRITICAL and UNKNOWN of the agent are 0 to 3.
        self.service_check("onlooker.health", code, message=line if code else None)
