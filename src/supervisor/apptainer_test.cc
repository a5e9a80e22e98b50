// A pod in Apptainer, where it is installed: on Debian only sid has it, so this runs on the test site with that root.
#include <gtest/gtest.h>

#include "async/loop.h"
#include "container/pick_runtime.h"
#include "supervisor/testing/test_pod.h"

namespace slipway::supervisor {
namespace {

namespace fs = std::filesystem;

struct Apptainer : testing::Test {
  TestPod pod;
  fs::path image = pod.state.path() / "busybox";

  void SetUp() override {
    if (container::findProgram("apptainer", "/usr/bin:/usr/local/bin").empty() || !fs::exists("/bin/busybox")) {
      GTEST_SKIP() << "apptainer or busybox is not installed";
    }
    for (const char* each : {"bin", "dev", "proc", "sys", "tmp", "etc", "var/tmp"}) {
      fs::create_directories(image / each);
    }
    fs::copy_file("/bin/busybox", image / "bin/busybox");
    for (const char* each : {"sh", "cat", "echo"}) fs::create_symlink("busybox", image / "bin" / each);
    ASSERT_TRUE(writeFileAtomic(image / "etc/passwd", "root:x:0:0::/root:/bin/sh\n"));
    ASSERT_TRUE(writeFileAtomic(image / "etc/group", "root:x:0:\n"));
    pod.plan.set_runtime("apptainer");
  }
};

TEST_F(Apptainer, RunsInTheImage) {
  auto& main = pod.add("main", "echo \"$V\"; echo x > /new && cat /new; exit 3");
  main.set_image(image.string());
  auto* variable = main.add_env();
  variable->set_name("V");
  variable->set_value("a\n$(id)");
  EXPECT_EQ(async::runToEnd(runSupervisor(pod.options())), 3);
  EXPECT_EQ(pod.log("main"), "a\n$(id)\nx\n");
}

TEST_F(Apptainer, AProgramThatIsNotThereHasNotStarted) {
  auto& main = pod.add("main", "");
  main.set_image(image.string());
  main.set_command(0, "/no/such");
  EXPECT_EQ(async::runToEnd(runSupervisor(pod.options())), 127);
  EXPECT_EQ(pod.report().containers(0).terminated().reason(), "ContainerCannotRun");
  EXPECT_EQ(pod.report().containers(0).terminated().message(), "exec: \"/no/such\": No such file or directory");
  EXPECT_EQ(pod.count("Started"), 0);
}

TEST_F(Apptainer, AWorkingDirectoryIsMadeAndEntered) {
  auto& main = pod.add("main", "pwd; echo \"$PWD\"");
  main.set_image(image.string());
  main.set_working_dir("/not/there");
  EXPECT_EQ(async::runToEnd(runSupervisor(pod.options())), 0);
  EXPECT_EQ(pod.log("main"), "/not/there\n/not/there\n");
}

}  // namespace
}  // namespace slipway::supervisor
