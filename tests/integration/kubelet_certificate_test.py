"""A real API server that verifies kubelets' certificates, and its real signer."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from site_fixture import SiteTest, host_pod, wait_for  # noqa: E402

from testsite.processes import Failed  # noqa: E402
from testsite.real_api import ROOT, missing  # noqa: E402


@unittest.skipIf(missing() or not os.environ.get("KUBE_CONTROLLER_MANAGER"), missing() or "KUBE_CONTROLLER_MANAGER signs")
class Certificate(SiteTest):
    stack_options = {"real_api": True, "verify_kubelets": True}
    # Under "kubelet:", which stands at the end of the file.
    controller_options = "  certificate: request\n"

    def requests(self):
        return self.stack.get("csr")["items"]

    def test_logs_work_when_the_request_is_approved_and_again_after_a_restart_with_the_right_to_approve(self):
        self.stack.apply(host_pod("said", ["/bin/sh", "-c", "echo hello"]))
        self.stack.wait_phase("said", ("Succeeded",), 90)
        request = wait_for("request", self.requests, 30)[0]
        self.assertEqual(request["spec"]["username"], "system:serviceaccount:slipway:slipway")
        with self.assertRaisesRegex(Failed, "certificate"):
            self.kubectl("logs", "said")
        self.kubectl("certificate", "approve", request["metadata"]["name"])
        wait_for("log", lambda: self.kubectl("logs", "said") == "hello\n", 60, 0.5)

        # Now it approves by itself.
        self.kubectl("apply", "-f", ROOT / "deploy" / "kustomize" / "kubelet-certificate.yaml")
        config = self.dir / "controller.yaml"
        config.write_text(config.read_text().replace("certificate: request", "certificate: approve"))
        self.stack.processes["controller"].stop()
        self.stack.start_controller()
        wait_for("log", lambda: self.kubectl("logs", "said") == "hello\n", 60, 0.5)
        self.assertEqual(len(self.requests()), 2)


if __name__ == "__main__":
    unittest.main()
