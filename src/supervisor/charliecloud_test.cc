// Pods in real containers, where ch-run and busybox are installed and user namespaces are allowed.
#include <gtest/gtest.h>

#include "async/loop.h"
#include "container/pick_runtime.h"
#include "supervisor/testing/test_pod.h"

namespace slipway::supervisor {
namespace {

namespace fs = std::filesystem;

struct Charliecloud : testing::Test {
  TestPod pod;
  fs::path image = pod.state.path() / "busybox";

  void SetUp() override {
    if (container::findProgram("ch-run", "/usr/bin:/usr/local/bin").empty() || !fs::exists("/bin/busybox")) {
      GTEST_SKIP() << "ch-run or busybox is not installed";
    }
#if __has_feature(thread_sanitizer)
    GTEST_SKIP() << "the thread sanitizer starts a thread in forked processes, and who has two makes no user namespace";
#endif
    for (const char* each : {"bin", "dev", "proc", "sys", "tmp", "etc", "var/tmp", "usr/bin", "home", "mnt"}) {
      fs::create_directories(image / each);
    }
    fs::copy_file("/bin/busybox", image / "bin/busybox");
    for (const char* each :
         {"sh", "ls", "cat", "echo", "env", "id", "sleep", "true", "touch", "hostname", "mount", "grep"}) {
      fs::create_symlink("busybox", image / "bin" / each);
    }
    ASSERT_TRUE(writeFileAtomic(image / "etc/passwd", "root:x:0:0::/root:/bin/sh\n"));
    ASSERT_TRUE(writeFileAtomic(image / "etc/group", "root:x:0:\n"));
    ASSERT_TRUE(writeFileAtomic(image / "etc/hosts", ""));
    ASSERT_TRUE(writeFileAtomic(image / "etc/resolv.conf", ""));
    pod.plan.set_runtime("charliecloud");
  }

  site::v1::Container& add(const std::string& name, const std::string& script, bool init = false) {
    auto& container = pod.add(name, script, init);
    container.set_image(image.string());
    container.set_termination_message_path("/dev/termination-log");
    return container;
  }
  int run() { return async::runToEnd(runSupervisor(pod.options())); }
  /// Nothing is tried again before the end.
  void runSlowly() { runSlowly(pod); }
  static void runSlowly(TestPod& which) {
    SupervisorOptions options = which.options();
    options.timing.backoff_initial = std::chrono::seconds(60);
    options.timing.backoff_max = std::chrono::seconds(60);
    async::runToEnd(runSupervisor(std::move(options)));
  }
};

TEST_F(Charliecloud, RunsInTheImageWithItsEnvironmentOnly) {
  auto& main =
      add("main", "echo \"$V\"; cat /etc/passwd; echo path=$PATH; env | grep -c '^HOME_OF_NODE='; hostname; exit 5");
  auto* variable = main.add_env();
  variable->set_name("V");
  variable->set_value("a\n$(id) \"b\" 'c' \\ $HOME");
  EXPECT_EQ(run(), 5);
  const std::string log = pod.log("main");
  EXPECT_NE(log.find("a\n$(id) \"b\" 'c' \\ $HOME\nroot:x:0:0::/root:/bin/sh\n"), std::string::npos) << log;
  EXPECT_NE(log.find("\n0\nweb\n"), std::string::npos) << log;
}

TEST_F(Charliecloud, VolumesAreMountedAndReadOnlyOnesAre) {
  auto* config = pod.plan.add_volumes();
  config->set_name("conf");
  auto* file = config->mutable_files()->add_files();
  file->set_path("key");
  file->set_contents("value\n");
  file->set_mode(0644);
  auto* empty = pod.plan.add_volumes();
  empty->set_name("data");
  empty->mutable_empty_dir();
  auto& setup = add("setup", "echo from-init > /data/x", true);
  auto& main = add("main",
                   "cat /etc/app/key /data/x /one; echo part > /part/x; cat /data/deep/part/x > /dev/null || echo "
                   "lost; touch /etc/app/new 2>/dev/null && echo writable; echo y > /file && cat /file; "
                   "echo done > /dev/termination-log; cat /etc/hosts | grep web; echo z > /dev/null; ls /dev/shm");
  for (site::v1::Container* each : {&setup, &main}) {
    auto* mount = each->add_mounts();
    mount->set_volume("data");
    mount->set_path("/data");
  }
  auto* mount = main.add_mounts();
  mount->set_volume("conf");
  mount->set_path("/etc/app");
  mount->set_read_only(true);
  mount = main.add_mounts();
  mount->set_volume("conf");
  mount->set_path("/one");
  mount->set_read_only(true);
  mount->set_sub_path("key");
  mount = main.add_mounts();
  mount->set_volume("data");
  mount->set_path("/part");
  mount->set_sub_path("deep/part");
  EXPECT_EQ(run(), 0);
  const std::string log = pod.log("main");
  EXPECT_TRUE(log.starts_with("value\nfrom-init\nvalue\ny\n")) << log;
  EXPECT_EQ(log.find("writable"), std::string::npos) << log;
  EXPECT_EQ(log.find("lost"), std::string::npos) << log;
  EXPECT_NE(log.find("\tweb\n"), std::string::npos) << log;
  EXPECT_EQ(pod.report().containers(1).terminated().message(), "done\n");
  EXPECT_FALSE(fs::exists(image / "file"));
}

TEST_F(Charliecloud, AMessagePathThatLeavesTheContainerMakesNothing) {
  const fs::path outside = pod.state.path() / "home/message";
  auto& main = add("main", "true");
  main.set_termination_message_path("/tmp/../../../../../../../.." + outside.string());
  EXPECT_NE(run(), 0);
  EXPECT_NE(pod.report().containers(0).terminated().message().find("terminationMessagePath"), std::string::npos);
  EXPECT_FALSE(fs::exists(outside.parent_path()));
}

TEST_F(Charliecloud, AMountThroughALinkThatAContainerPlantedMakesNothing) {
  const fs::path home = pod.state.path() / "home";
  fs::create_directories(home);
  fs::permissions(home, fs::perms(0700));
  for (const char* name : {"outer", "inner"}) {
    auto* volume = pod.plan.add_volumes();
    volume->set_name(name);
    volume->mutable_empty_dir();
  }
  const auto mount = [](site::v1::Container& to, const char* volume, const char* path) {
    auto* added = to.add_mounts();
    added->set_volume(volume);
    added->set_path(path);
  };
  auto& setup = add("setup", fmt::format("/bin/busybox ln -s {} /v/link", home.string()), true);
  mount(setup, "outer", "/v");
  auto& main = add("main", "true");
  mount(main, "outer", "/v");
  mount(main, "inner", "/v/link/a/b");
  EXPECT_NE(run(), 0);
  const std::string message = pod.report().containers(1).terminated().message();
  EXPECT_NE(message.find("/v/link/a/b"), std::string::npos) << message;
  EXPECT_TRUE(fs::is_empty(home));
  EXPECT_EQ(fs::status(home).permissions(), fs::perms(0700));
}

TEST_F(Charliecloud, ProbesRunInsideTheContainer) {
  auto& main = add("main", "touch /here; while [ ! -e /data/probed ]; do sleep 0.1; done; sleep 1");
  auto& probe = *main.mutable_startup_probe();
  for (const std::string& word :
       std::vector<std::string>{"sh", "-c", "! ls /usr/lib && ls /bin/busybox && id > /data/probed"}) {
    probe.mutable_handler()->mutable_exec()->add_command(word);
  }
  probe.set_timeout_seconds(5);
  probe.set_period_seconds(1);
  probe.set_success_threshold(1);
  probe.set_failure_threshold(3);
  auto* data = pod.plan.add_volumes();
  data->set_name("data");
  fs::create_directories(pod.state.path() / "data");
  data->mutable_host_path()->set_path((pod.state.path() / "data").string());
  auto* mount = main.add_mounts();
  mount->set_volume("data");
  mount->set_path("/data");
  pod.plan.set_active_deadline_seconds(100);
  EXPECT_EQ(run(), 0);
  const auto report = pod.report();
  for (const auto& event : report.events()) EXPECT_NE(event.reason(), "Unhealthy") << event.message();
}

TEST_F(Charliecloud, AProgramThatCannotBeExecutedHasNotStarted) {
  const std::tuple<const char*, int, const char*> cases[] = {
      {"/no/such", 127, "exec: \"/no/such\": No such file or directory"},
      {"nothing", 127, "exec: \"nothing\": executable file not found in $PATH"},
      {"/etc/passwd", 126, "exec: \"/etc/passwd\": Permission denied"}};
  for (const auto& [program, code, message] : cases) {
    TestPod each;
    each.plan.set_runtime("charliecloud");
    auto& main = each.add("main", "");
    main.set_image(image.string());
    main.set_command(0, program);
    EXPECT_EQ(async::runToEnd(runSupervisor(each.options())), code);
    const auto ended = each.report().containers(0).terminated();
    EXPECT_EQ(ended.reason(), "ContainerCannotRun") << program;
    EXPECT_EQ(ended.exit_code(), code);
    EXPECT_EQ(ended.message(), message);
    EXPECT_EQ(each.count("Started"), 0) << program;
    EXPECT_EQ(each.count("Failed"), 1) << program;
  }
}

TEST_F(Charliecloud, ACommandBesideItSeesTheNameOfThePod) {
  auto& main = add("main", "while [ ! -e /probed ]; do sleep 0.05; done");
  auto& probe = *main.mutable_startup_probe();
  for (const std::string& word : std::vector<std::string>{"sh", "-c", "hostname > /probed; hostname; exit 1"})
    probe.mutable_handler()->mutable_exec()->add_command(word);
  probe.set_timeout_seconds(5);
  probe.set_period_seconds(60);
  probe.set_success_threshold(1);
  probe.set_failure_threshold(3);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(pod.messages("Unhealthy"), std::vector<std::string>{"Startup probe failed: web"});
}

TEST_F(Charliecloud, AnImageThatCannotComeKeepsItsReason) {
  auto& never = add("never", "true");
  never.set_image("registry.invalid/none:1");
  never.set_image_pull_policy("Never");
  add("invalid", "true").set_image("UPPER/Case:bad:tag");
  pod.plan.set_active_deadline_seconds(2);
  runSlowly();
  const auto report = pod.report();
  EXPECT_EQ(report.containers(0).waiting().reason(), "ErrImageNeverPull");
  EXPECT_EQ(report.containers(1).waiting().reason(), "InvalidImageName");
  EXPECT_EQ(pod.messages("BackOff"), std::vector<std::string>());
  const auto failed = pod.messages("Failed");
  EXPECT_EQ(std::count(failed.begin(), failed.end(), "Error: ErrImageNeverPull"), 1);
  EXPECT_EQ(std::count(failed.begin(), failed.end(), "Error: InvalidImageName"), 1);
}

TEST_F(Charliecloud, TheEventsOfAStartAreAKubelets) {
  add("main", "true");
  EXPECT_EQ(run(), 0);
  std::vector<std::string> said;
  const auto report = pod.report();
  for (const auto& event : report.events()) said.push_back(event.reason() + ": " + event.message());
  const std::string present = fmt::format("Pulled: Container image \"{}\" already present on machine", image.string());
  EXPECT_EQ(said,
            (std::vector<std::string>{present, "Created: Created container main", "Started: Started container main"}));
}

TEST_F(Charliecloud, EveryNameOfAVariablePassesAndNothingElseDoes) {
  auto& main = add("main", "");
  main.clear_args();
  main.set_command(0, "env");  // no shell, which passes none of these on
  main.set_termination_message_path("");
  for (const char* name : {"discovery.type", "a-b", "1x", "LD_PRELOAD", "IFS"}) {
    auto* variable = main.add_env();
    variable->set_name(name);
    variable->set_value("a b");
  }
  EXPECT_EQ(run(), 0);
  const std::string log = pod.log("main");
  for (const char* line : {"discovery.type=a b\n", "a-b=a b\n", "1x=a b\n", "LD_PRELOAD=a b\n", "IFS=a b\n"})
    EXPECT_NE(log.find(line), std::string::npos) << line << log;
  for (const char* name : {"CH_RUNNING", "USER="}) EXPECT_EQ(log.find(name), std::string::npos) << log;
}

TEST_F(Charliecloud, TheLinksOfAnImageStayWhenSomethingIsMountedBelowThem) {
  fs::create_directories(image / "run/app");
  fs::create_directory_symlink("/run", image / "var/run");
  fs::create_directories(image / "closed");
  fs::permissions(image / "closed", fs::perms(0555));
  auto& main = add("main",
                   "/bin/busybox readlink /var/run; cat /run/secrets/token/key; ls -d /run/app /var/run/app; "
                   "/bin/busybox stat -c %a /closed; echo x > /run/data/inner/y && cat /run/data/inner/y");
  auto* config = pod.plan.add_volumes();
  config->set_name("conf");
  auto* file = config->mutable_files()->add_files();
  file->set_path("key");
  file->set_contents("value\n");
  file->set_mode(0644);
  for (const char* name : {"outer", "inner"}) {
    auto* volume = pod.plan.add_volumes();
    volume->set_name(name);
    volume->mutable_empty_dir();
  }
  const auto mount = [&](const char* volume, const char* path) {
    auto* added = main.add_mounts();
    added->set_volume(volume);
    added->set_path(path);
  };
  mount("conf", "/var/run/secrets/token");
  mount("conf", "/closed/new");
  mount("outer", "/run/data");
  mount("inner", "/var/run/data/inner");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(pod.log("main"), "/run\nvalue\n/run/app\n/var/run/app\n555\nx\n");
}

TEST_F(Charliecloud, AProgramThatEndsAtOnceHasStarted) {
  auto& main = add("main", "exit 126");
  main.set_termination_message_path("");
  EXPECT_EQ(run(), 126);
  EXPECT_EQ(pod.report().containers(0).terminated().reason(), "Error");
  EXPECT_EQ(pod.count("Started"), 1);
  EXPECT_EQ(pod.count("Failed"), 0);
}

TEST_F(Charliecloud, AWorkingDirectoryIsMadeAndEntered) {
  auto& main = add("main", "pwd; echo \"$PWD\"");
  main.set_working_dir("/not/there yet");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(pod.log("main"), "/not/there yet\n/not/there yet\n");
}

TEST_F(Charliecloud, AWorkingDirectoryThatIsAFileIsSaid) {
  auto& main = add("main", "pwd");
  main.set_working_dir("/etc/passwd");
  EXPECT_NE(run(), 0);
  const auto ended = pod.report().containers(0).terminated();
  EXPECT_EQ(ended.reason(), "ContainerCannotRun");
  EXPECT_EQ(ended.message(), "working directory \"/etc/passwd\": Not a directory");
}

TEST_F(Charliecloud, ARuntimeThatFailsIsQuoted) {
  add("main", "true");
  fs::remove_all(image / "proc");
  EXPECT_NE(run(), 0);
  const auto ended = pod.report().containers(0).terminated();
  EXPECT_EQ(ended.reason(), "ContainerCannotRun");
  EXPECT_NE(ended.message().find("charliecloud cannot start the container: "), std::string::npos) << ended.message();
  EXPECT_NE(ended.message().find("proc"), std::string::npos) << ended.message();
}

TEST_F(Charliecloud, AnUnknownImageIsReportedAndTriedAgain) {
  // A machine that stands still until the deadline pulls nothing: then it gets a longer one.
  for (int64_t deadline = 3; deadline <= 48; deadline *= 2) {
    TestPod mine;
    mine.plan.set_runtime("charliecloud");
    mine.add("main", "true").set_image("/no/such/image");
    mine.plan.set_active_deadline_seconds(deadline);
    runSlowly(mine);
    EXPECT_EQ(mine.report().reason(), "DeadlineExceeded");
    const auto container = mine.report().containers(0);
    if (container.waiting().reason() != "ImagePullBackOff") continue;
    EXPECT_EQ(
        container.waiting().message(),
        "Back-off pulling image \"/no/such/image\": ErrImagePull: image /no/such/image: no such file or directory");
    return;
  }
  FAIL() << "never tried";
}

}  // namespace
}  // namespace slipway::supervisor
