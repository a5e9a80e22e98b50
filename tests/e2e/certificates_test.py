"""Certificates that are renewed or spoilt while everything runs."""

import unittest

from site_fixture import SiteTest, wait_for
from testsite.processes import run


class Certificates(SiteTest):
    stack_options = {"through_gate": True}

    def log(self, name):
        return (self.dir / "log" / f"{name}.log").read_text()

    def connect_anew(self):
        before = self.log("agent").count(": connected")
        self.stack.gate.cut()
        wait_for("new connection", lambda: self.log("agent").count(": connected") > before, 60)

    def test_new_certificates_need_no_restart_and_broken_files_change_nothing(self):
        agent, controller = self.dir / "agent.yaml", self.dir / "controller.yaml"
        old = agent.read_text()
        run([self.stack.slipway, "config", "renew", "--agent-config", agent, "--controller-config", controller,
             "--ca-key", self.dir / "ca.key"])
        self.assertNotEqual(agent.read_text(), old)
        self.connect_anew()
        for name in ("agent", "controller"):
            self.assertIn(f"{name}.yaml: new certificates are in use from now on", self.log(name))
        self.assertEqual(self.run_pod("renewed", "exit 0")["status"]["phase"], "Succeeded")

        good = agent.read_text()
        agent.write_text(good.replace("BEGIN CERTIFICATE", "BEGIN NONSENSE"))
        self.connect_anew()
        self.assertIn("agent.yaml: the certificates in use stay", self.log("agent"))
        agent.write_text(good)
        self.connect_anew()
        self.assertEqual(self.run_pod("mended", "exit 0")["status"]["phase"], "Succeeded")


if __name__ == "__main__":
    unittest.main(verbosity=2)
