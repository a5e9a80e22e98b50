#include <gtest/gtest.h>
#include <sys/stat.h>

#include "async/loop.h"
#include "async/task_group.h"
#include "base/files.h"
#include "container/apptainer.h"
#include "container/charliecloud.h"
#include "container/device_folder.h"
#include "container/image_reference.h"
#include "container/image_store.h"
#include "container/pick_runtime.h"

namespace slipway::container {
namespace {

namespace fs = std::filesystem;
const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(ImageReference, IsReadAsKubernetesReadsIt) {
  const std::map<std::string, std::string> cases = {
      {"busybox", "docker.io/library/busybox:latest"},
      {"busybox:1.36", "docker.io/library/busybox:1.36"},
      {"user/app", "docker.io/user/app:latest"},
      {"localhost/app", "localhost/app:latest"},
      {"localhost:5000/a/b/c:v1", "localhost:5000/a/b/c:v1"},
      {"reg.example.org/app@" + kDigest, "reg.example.org/app@" + kDigest},
      {"app:1@" + kDigest, "docker.io/library/app:1@" + kDigest},
      {"a__b/c--d.e", "docker.io/a__b/c--d.e:latest"},
      {"index.docker.io/x", "docker.io/library/x:latest"}};
  for (const auto& [text, whole] : cases) {
    const auto parsed = parseImageReference(text);
    ASSERT_TRUE(parsed.has_value()) << text << ": " << parsed.error().message;
    EXPECT_EQ(parsed->str(), whole) << text;
  }
  for (const std::string bad :
       {"", "Busybox", "a//b", "a:", "a@sha256:12", "-a", "a b", "reg:99999/a", "a/", ":x", "a..b", "x:\n"}) {
    EXPECT_FALSE(parseImageReference(bad).has_value()) << bad;
  }
}

TEST(EffectiveCommand, FollowsKubernetesTable) {
  const ImageConfig image{{"/ep"}, {"c1", "c2"}, {}, "", ""};
  using Words = std::vector<std::string>;
  EXPECT_EQ(effectiveCommand(image, {}, {}).value(), Words({"/ep", "c1", "c2"}));
  EXPECT_EQ(effectiveCommand(image, {"x"}, {}).value(), Words({"x"}));
  EXPECT_EQ(effectiveCommand(image, {}, {"a"}).value(), Words({"/ep", "a"}));
  EXPECT_EQ(effectiveCommand(image, {"x"}, {"a"}).value(), Words({"x", "a"}));
  EXPECT_FALSE(effectiveCommand({}, {}, {}).has_value());
}

TEST(ImageConfig, ComesBackAsItWas) {
  const ImageConfig config{{"/ep"}, {"c"}, {"A=b=c"}, "/w", "1000:1000"};
  const auto back = parseImageConfig(formatImageConfig(config)).value();
  EXPECT_EQ(back.env, config.env);
  EXPECT_EQ(back.user, "1000:1000");
  EXPECT_EQ(effectiveEnvironment(back, {{"A", "z"}}).at("A"), "z");
  EXPECT_EQ(effectiveEnvironment(back, {}).at("A"), "b=c");
}

/// Plays skopeo and umoci.
class FakeTools final : public async::ProcessRunner {
 public:
  std::vector<std::vector<std::string>> calls;
  std::string fail_with;
  fs::path etc_link;  // the unpacked image's etc
  std::vector<fs::path> auth_files;
  bool auth_seen = false;
  Task<Result<async::ProcessResult>> run(async::Command command) override {
    calls.push_back(command.argv);
    async::ProcessResult result;
    if (!fail_with.empty()) {
      result.exit_code = 1;
      result.errors = fail_with;
      co_return result;
    }
    co_await async::yield();
    const std::string joined = command.argv[0] + " " + command.argv[1];
    if (command.argv[0] == "umoci") {
      fs::create_directories(command.argv.back());
      if (!etc_link.empty()) fs::create_symlink(etc_link, fs::path(command.argv.back()) / "etc");
    }
    for (const std::string& word : command.argv) {
      if (word.starts_with("--authfile=")) auth_files.push_back(word.substr(11));
    }
    for (const fs::path& file : auth_files) auth_seen = auth_seen || fs::exists(file);
    if (joined == "skopeo inspect") {
      result.output = command.argv[2] == "--config" ? R"({"config":{"Cmd":["sh"]}})" : kDigest + "\n";
    }
    co_return result;
  }
};

struct StoreTest : testing::Test {
  TemporaryDirectory directory;
  std::shared_ptr<FakeTools> tools = std::make_shared<FakeTools>();
  ImageStore store{{.root = directory.path() / "images", .local = {directory.path() / "local"}}, tools};
  Result<PreparedImage> get(const std::string& image, PullPolicy policy) {
    return async::runToEnd(store.get({image, policy, {}}));
  }
};

TEST_F(StoreTest, ConvertsOnceForADigest) {
  const auto first = get("busybox", PullPolicy::IfNotPresent);
  ASSERT_TRUE(first.has_value()) << first.error().message;
  EXPECT_EQ(first->id, kDigest);
  EXPECT_EQ(first->config.cmd, std::vector<std::string>({"sh"}));
  EXPECT_TRUE(fs::is_directory(first->path));
  const size_t calls = tools->calls.size();
  EXPECT_TRUE(get("busybox", PullPolicy::IfNotPresent).has_value());
  EXPECT_TRUE(get("other@" + kDigest, PullPolicy::Never).has_value());
  EXPECT_EQ(tools->calls.size(), calls);
  EXPECT_TRUE(get("busybox", PullPolicy::Always).has_value());
  EXPECT_EQ(tools->calls.size(), calls + 1);
}

Task<void> getInto(ImageStore& store, int& done) {
  const auto image = co_await store.get({"busybox", PullPolicy::Always, {}});
  if (image) ++done;
}
Task<int> manyAtOnce(ImageStore& store) {
  const Executor executor = co_await async::thisExecutor();
  int done = 0;
  async::TaskGroup group(executor);
  for (int i = 0; i < 5; ++i) group.spawn("get", getInto(store, done));
  co_await group.join();
  co_return done;
}

TEST_F(StoreTest, ManyAtOnceConvertOnce) {
  EXPECT_EQ(async::runToEnd(manyAtOnce(store)), 5);
  const auto unpacked =
      std::count_if(tools->calls.begin(), tools->calls.end(), [](const auto& argv) { return argv[0] == "umoci"; });
  EXPECT_EQ(unpacked, 1);
}

TEST_F(StoreTest, FailuresSayWhatKindTheyAre) {
  EXPECT_TRUE(get("busybox", PullPolicy::Never).error().is(Code::NotFound));
  tools->fail_with = "reading manifest: manifest unknown";
  EXPECT_TRUE(get("busybox", PullPolicy::Always).error().is(Code::NotFound));
  tools->fail_with = "unauthorized: authentication required";
  EXPECT_TRUE(get("busybox", PullPolicy::Always).error().is(Code::Unauthorized));
  EXPECT_TRUE(get("Bad", PullPolicy::Always).error().is(Code::Invalid));
}

TEST_F(StoreTest, AFailureIsTheSameTextEachTime) {
  tools->fail_with =
      "time=\"2026-01-01T00:00:00Z\" level=fatal msg=\"Error parsing image name \\\"docker://busybox\\\": no route\"\n";
  EXPECT_EQ(get("busybox", PullPolicy::Always).error().message,
            "pull busybox: Error parsing image name \"docker://busybox\": no route");
}

TEST_F(StoreTest, TellsWhenARegistryIsAsked) {
  int told = 0;
  const auto ask = [&](PullPolicy policy) {
    told = 0;
    EXPECT_TRUE(async::runToEnd(store.get({"busybox", policy, {}, [&] { ++told; }})));
    return told > 0;
  };
  EXPECT_TRUE(ask(PullPolicy::IfNotPresent));
  EXPECT_FALSE(ask(PullPolicy::IfNotPresent));
  EXPECT_TRUE(ask(PullPolicy::Always));
}

TEST_F(StoreTest, AnImagesLinksMakeNothingOnTheNode) {
  tools->etc_link = directory.path() / "home";
  fs::create_directories(tools->etc_link);
  ASSERT_TRUE(get("busybox", PullPolicy::Always));
  EXPECT_TRUE(fs::is_empty(tools->etc_link));
}

TEST_F(StoreTest, AConfigurationThatIsNoFileIsPassedOver) {
  const fs::path image = directory.path() / "local/img";
  fs::create_directories(image / ".slipway");
  ASSERT_EQ(::mkfifo((image / ".slipway/config.json").c_str(), 0600), 0);
  EXPECT_TRUE(get(image.string(), PullPolicy::Never));
}

TEST_F(StoreTest, LongReferencesHaveAFileToo) {
  const std::string name =
      "registry.example/" + std::string(200, 'a') + "/" + std::string(50, 'b') + ":" + std::string(128, 't');
  ASSERT_TRUE(get(name, PullPolicy::IfNotPresent));
  const size_t calls = tools->calls.size();
  EXPECT_TRUE(get(name, PullPolicy::IfNotPresent));
  EXPECT_EQ(tools->calls.size(), calls);
}

TEST_F(StoreTest, CredentialsLieInTheirOwnFolderAndGo) {
  const fs::path folder = directory.path() / "memory/auth";
  ImageStore own({.root = directory.path() / "images", .credentials = folder}, tools);
  ASSERT_TRUE(async::runToEnd(own.get({"busybox", PullPolicy::Always, {{"docker.io", "me", "secret"}}})));
  ASSERT_EQ(tools->auth_files.size(), 2U);
  EXPECT_TRUE(tools->auth_seen);
  EXPECT_EQ(tools->auth_files[0].parent_path(), folder);
  EXPECT_EQ(fs::status(folder).permissions(), fs::perms(0700));
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(StoreTest, LocalImagesOnlyWhereThePolicyAllows) {
  fs::create_directories(directory.path() / "local/img");
  EXPECT_TRUE(get((directory.path() / "local/img").string(), PullPolicy::Never).has_value());
  EXPECT_TRUE(get((directory.path() / "local/none").string(), PullPolicy::Never).error().is(Code::NotFound));
  EXPECT_TRUE(get((directory.path() / "local/../secret").string(), PullPolicy::Never).error().is(Code::Forbidden));
  EXPECT_TRUE(get("/etc", PullPolicy::Never).error().is(Code::Forbidden));
}

TEST(ApptainerRuntime, PassesValuesUnchangedAndQuotesMounts) {
  ApptainerRuntime runtime("apptainer", "/usr/bin/apptainer", nullptr, {{"PATH", "/bin"}}, true);
  ContainerSpec spec;
  spec.image.path = "/images/x";
  spec.argv = {"sh", "-c", "id"};
  spec.env = {{"A", "x\n$(id),\"q\""}};
  spec.binds = {{"/a,b", "/m \"x\"", true}};
  const Launch launch = runtime.launch(spec).value();
  EXPECT_EQ(launch.env.at("APPTAINERENV_A"), "x\n$(id),\"q\"");
  EXPECT_NE(std::find(launch.argv.begin(), launch.argv.end(),
                      "--mount=type=bind,\"source=/a,b\",\"destination=/m \"\"x\"\"\",ro"),
            launch.argv.end());
  EXPECT_EQ(launch.argv.back(), "id");
}

TEST(ApptainerRuntime, MountsBelowDevInANamespaceAroundItAndSetsHome) {
  TemporaryDirectory directory;
  ApptainerRuntime runtime("apptainer", "/usr/bin/apptainer", nullptr, {{"PATH", "/bin"}}, true);
  ContainerSpec spec;
  spec.image.path = "/images/x";
  spec.scratch = directory.path() / "scratch";
  fs::create_directories(spec.scratch);
  spec.argv = {"true"};
  spec.env = {{"HOME", "/root"}};
  spec.binds = {{directory.path(), "/dev/shm", false}, {"/dev/shm", "/run/secrets/token", true}};
  const Launch launch = runtime.launch(spec).value();
  ASSERT_TRUE(launch.overlay);
  EXPECT_TRUE(launch.overlay->merged.empty());
  const std::vector<Bind>& binds = launch.overlay->binds;
  ASSERT_GT(binds.size(), 2u);
  EXPECT_EQ(binds.front().source, "/dev/shm");  // before /dev is covered
  EXPECT_EQ(binds.back().target, "/dev");
  const auto has = [&](const std::string& word) {
    return std::find(launch.argv.begin(), launch.argv.end(), word) != launch.argv.end();
  };
  EXPECT_TRUE(has("--home=/root"));
  EXPECT_TRUE(has("--userns"));
  EXPECT_TRUE(has("--overlay=" + (spec.scratch / "overlay").string())) << "a layer in memory has 64 MiB";
  EXPECT_FALSE(has("--writable-tmpfs"));
  EXPECT_TRUE(
      has(fmt::format("--mount=type=bind,\"source={}\",\"destination=/run/secrets/token\",ro", binds.front().target)));
}

TEST(CharliecloudRuntime, BindsWhatLiesInTheNodesDevBeforeTheDeviceFolderCoversIt) {
  TemporaryDirectory directory;
  const fs::path token = "/dev/shm";
  CharliecloudRuntime runtime("/usr/bin/ch-run", nullptr, "me", true);
  ContainerSpec spec;
  spec.image.path = directory.path() / "image";
  spec.scratch = directory.path() / "scratch";
  fs::create_directories(spec.scratch);
  spec.argv = {"true"};
  spec.binds = {{token, "/run/secrets/token", true}, {token, "/data", false}};
  const Launch launch = runtime.launch(spec).value();
  const std::vector<Bind>& binds = launch.overlay->binds;
  ASSERT_GT(binds.size(), 3u);
  EXPECT_EQ(binds[0].source, token);
  EXPECT_TRUE(binds[0].read_only);
  EXPECT_EQ(binds[1].source, token);
  EXPECT_FALSE(binds[1].read_only);
  EXPECT_EQ(binds.back().target, "/dev");
  EXPECT_NE(std::find(launch.argv.begin(), launch.argv.end(), "--bind=" + binds[1].target + ":/data"),
            launch.argv.end());
}

TEST(DeviceFolder, ATargetThatLeavesItMakesNothing) {
  TemporaryDirectory directory;
  const fs::path folder = directory.path() / "scratch/dev";
  const Bind bind{directory.path(), "/dev/../../planted", false};
  EXPECT_TRUE(makeDeviceFolder(folder, {bind}).error().is(Code::Invalid));
  EXPECT_FALSE(fs::exists(directory.path() / "planted"));
  EXPECT_FALSE(fs::exists(directory.path() / "scratch/planted"));
}

TEST(PickRuntime, SaysWhatIsMissing) {
  SiteTools tools;
  tools.env["PATH"] = "/nonexistent";
  EXPECT_TRUE(pickRuntime("", tools).error().is(Code::NotFound));
  EXPECT_TRUE(pickRuntime("docker", tools).error().is(Code::Invalid));
  EXPECT_EQ(pickRuntime("host", tools).value()->name(), "host");
}

TEST(CharliecloudRuntime, SaysWhatItCannotDoWithoutAnOverlay) {
  EXPECT_TRUE(CharliecloudRuntime("/usr/bin/ch-run", nullptr, "me", true).shortcomings().empty());
  const auto without = CharliecloudRuntime("/usr/bin/ch-run", nullptr, "me", false).shortcomings();
  ASSERT_EQ(without.size(), 1U);
  EXPECT_TRUE(without[0].starts_with("volumeMounts.readOnly:"));
}

TEST(CharliecloudRuntime, TheUserOfTheContainerIsGivenToIt) {
  CharliecloudRuntime runtime("/usr/bin/ch-run", nullptr, "me", false);
  ContainerSpec spec;
  spec.image.path = "/images/x";
  spec.argv = {"id"};
  spec.user = 7;
  spec.group = 8;
  const Launch launch = runtime.launch(spec).value();
  for (const char* option : {"--uid=7", "--gid=8"}) {
    EXPECT_NE(std::find(launch.argv.begin(), launch.argv.end(), option), launch.argv.end()) << option;
  }
}

}  // namespace
}  // namespace slipway::container
