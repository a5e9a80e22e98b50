#pragma once

#include <unistd.h>

#include "base/files.h"
#include "pod/cri_log.h"
#include "pod/layout.h"
#include "supervisor/supervise.h"

extern char** environ;

namespace slipway::supervisor {

/// A pod in a directory of its own, for tests: fill `plan`, then run() or options().
class TestPod {
 public:
  TestPod() {
    static int count = 0;
    plan.set_pod_uid(fmt::format("test-{}-{}", ::getpid(), ++count));
    plan.set_namespace_("shop");
    plan.set_name("web");
    plan.set_hostname("web");
    plan.set_runtime("host");
    plan.set_restart_policy("Never");
    plan.set_grace_seconds(5);
  }

  site::v1::Container& add(const std::string& name, const std::string& script, bool init = false) {
    site::v1::Container& container = init ? *plan.add_init_containers() : *plan.add_containers();
    container.set_name(name);
    container.set_image("image");
    container.add_command("sh");
    container.add_args("-c");
    container.add_args(script);
    container.set_run_as_user(-1);
    return container;
  }

  SupervisorOptions options() {
    EXPECT_TRUE(makeDirectories(directory.path(), 0700));
    EXPECT_TRUE(pod::writePlan(directory, plan));
    SupervisorOptions out;
    out.directory = directory.path();
    out.scratch = state.path();
    out.memory = state.path() / "memory";
    out.images.root = state.path() / "images";
    out.images.local = {"/"};
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string text = *entry;
      out.env[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
    }
    out.timing.backoff_initial = std::chrono::milliseconds(20);
    out.timing.backoff_max = std::chrono::milliseconds(100);
    return out;
  }

  site::v1::PodReport report() const { return pod::readReport(directory).value(); }
  int count(const std::string& reason) const { return static_cast<int>(messages(reason).size()); }
  /// Of the events with this reason.
  std::vector<std::string> messages(const std::string& reason) const {
    std::vector<std::string> out;
    const site::v1::PodReport last = report();
    for (const auto& event : last.events()) {
      if (event.reason() == reason) out.push_back(event.message());
    }
    return out;
  }
  std::string log(const std::string& container, uint32_t restart = 0) const {
    auto file = pod::LogFile::open(directory.log(container, restart), {});
    if (!file) return "no log";
    std::string out;
    while (!file->atEnd()) out += file->read().value();
    return out;
  }

  TemporaryDirectory state{"slipway-test"};
  site::v1::PodPlan plan;
  pod::PodDirectory directory{state.path() / "pod"};
};

}  // namespace slipway::supervisor
