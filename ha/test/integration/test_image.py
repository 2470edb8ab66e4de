"""docker/Dockerfile without docker: its environment, its start and its health check, in a folder for ``/data``."""

from __future__ import annotations

import re
import shlex
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from ha.settings import TABLE
from ha.test.integration.nodes import READY_TIMEOUT_S, Node, children, die_with_parent, environment, eventually, listens
from ha.test.repository import repository


class DockerfileTests(SynchronousTestCase):
    """A node as the image starts it."""

    def setUp(self) -> None:
        """The Dockerfile's instructions."""
        self.folder = repository() / "docker"
        text = (self.folder / "Dockerfile").read_text().replace("\\\n", " ")
        self.steps = [line for line in text.splitlines() if line and not line.startswith("#")]

    def step(self, start: str) -> str:
        """What stands after these words, in the one instruction that starts with them."""
        (found,) = [step for step in self.steps if step.startswith(start)]
        return found[len(start) :].strip()

    def test_it_starts_is_healthy_and_ends(self) -> None:
        """With the image's variables, free ports, and another folder."""
        node = Node(self)
        told = dict(pair.split("=", 1) for pair in shlex.split(self.step("ENV ")))
        variables = {name: value.replace("/data", str(node.folder)) for name, value in told.items()}
        variables |= {
            "HA_BIND": "127.0.0.1",  # the image's 0.0.0.0 is for its own network
            "HA_PORT": str(node.http_port),
            "HA_PG_PORT": str(node.pg_port),
            "HA_ARGS": f"--name image --nats-port {node.nats_port}",
        }
        with open(node.log_path, "wb") as output:
            node.process = subprocess.Popen(
                ["/bin/sh", "-c", self.step("CMD ")],
                cwd=node.folder,
                env=environment() | variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )
        node.wait_ready()
        check = re.sub(r"^.*? CMD ", "", self.step("HEALTHCHECK "))
        self.assertEqual(subprocess.run(["/bin/sh", "-c", check], env=environment() | variables).returncode, 0)
        left = children(node.process.pid)
        self.assertTrue(left)
        node.stop()
        eventually(lambda: not listens(node.nats_port), "nats-server is gone", READY_TIMEOUT_S)
        sick = subprocess.run(["/bin/sh", "-c", check], env=environment() | variables, capture_output=True)
        self.assertEqual(sick.returncode, 1)

    def test_it_installs_what_the_readme_installs(self) -> None:
        """And nothing by another way."""
        runs = [step for step in self.steps if step.startswith("RUN ")]
        self.assertIn("pip install --no-cache-dir /source", runs[0])
        self.assertEqual([step for step in runs if re.search(r"curl|wget|apt-get|https?:", step)], [])

    def test_it_is_not_root(self) -> None:
        """Nor writes anywhere but in its volume."""
        self.assertEqual((self.step("USER "), self.step("WORKDIR "), self.step("VOLUME ")), ("ha", "/data", "/data"))

    def test_its_variables_exist(self) -> None:
        """In the image and in the compose file."""
        known = {setting.environment for setting in TABLE} | {"HA_ARGS"}
        for path in (self.folder / "Dockerfile", self.folder / "compose.yaml"):
            named = set(re.findall(r"\bHA_[A-Z_]+\b", path.read_text()))
            self.assertEqual(named - known, set(), path.name)
