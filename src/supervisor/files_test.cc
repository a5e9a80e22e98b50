#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>

#include "base/files.h"
#include "supervisor/atomic_writer.h"
#include "supervisor/network_files.h"
#include "supervisor/pod_volumes.h"
#include "supervisor/process_tree.h"
#include "supervisor/spawn.h"

namespace slipway::supervisor {
namespace {

namespace fs = std::filesystem;

site::v1::Files filesOf(std::initializer_list<std::pair<std::string, std::string>> list) {
  site::v1::Files files;
  for (const auto& [path, contents] : list) {
    auto* file = files.add_files();
    file->set_path(path);
    file->set_contents(contents);
    file->set_mode(0640);
  }
  return files;
}

TEST(WriteFilesAtomic, ReplacesAllAtOnceThroughOneLink) {
  const TemporaryDirectory directory;
  const fs::path volume = directory.path() / "v";
  ASSERT_TRUE(writeFilesAtomic(volume, filesOf({{"a", "1"}, {"d/b", "2"}})));
  EXPECT_EQ(readFile(volume / "a").value(), "1");
  EXPECT_EQ(readFile(volume / "d/b").value(), "2");
  EXPECT_EQ(fs::read_symlink(volume / "a"), "..data/a");
  EXPECT_EQ(fs::status(volume / "a").permissions(), fs::perms(0640));
  const fs::path first = fs::read_symlink(volume / "..data");

  ASSERT_TRUE(writeFilesAtomic(volume, filesOf({{"a", "1"}, {"d/b", "2"}})));
  EXPECT_EQ(fs::read_symlink(volume / "..data"), first);

  ASSERT_TRUE(writeFilesAtomic(volume, filesOf({{"a", "new"}, {"c", "3"}})));
  EXPECT_EQ(readFile(volume / "a").value(), "new");
  EXPECT_EQ(readFile(volume / "c").value(), "3");
  EXPECT_FALSE(fs::exists(fs::symlink_status(volume / "d")));
  EXPECT_FALSE(fs::exists(volume / first));
}

TEST(WriteFilesAtomic, NothingOutsideIsTouchedWhateverAContainerPlanted) {
  const TemporaryDirectory directory;
  const fs::path home = directory.path() / "home";
  fs::create_directories(home / "dear");
  ASSERT_TRUE(writeFileAtomic(home / "key", "own"));
  const fs::path volume = directory.path() / "v";
  int round = 0;
  const auto update = [&] {
    const std::string value = std::to_string(++round);
    EXPECT_TRUE(writeFilesAtomic(volume, filesOf({{"key", value}, {"d/b", value}})));
    EXPECT_EQ(readFile(volume / "key").value(), value);
    EXPECT_TRUE(fs::exists(home / "dear"));
    EXPECT_EQ(readFile(home / "key").value(), "own");
  };
  update();
  for (const std::string& target :
       {home.string(), std::string(".."), std::string("../home"), std::string("..x/../..")}) {
    fs::remove(volume / "..data");
    fs::create_symlink(target, volume / "..data");
    update();
  }
  fs::remove(volume / "key");
  fs::create_directories(volume / "key/full");
  fs::create_symlink(home, volume / "..tmp");
  update();
  fs::remove(volume / "..data");
  fs::create_directory(volume / "..data");
  update();
  const fs::path shown = volume / fs::read_symlink(volume / "..data");
  fs::remove(shown / "key");
  ASSERT_EQ(::mkfifo((shown / "key").c_str(), 0600), 0);
  update();
  fs::create_symlink(home, volume / "stray");
  update();
  EXPECT_FALSE(fs::exists(fs::symlink_status(volume / "stray")));
}

TEST(PodVolumes, MakesVolumesAndRemovesThem) {
  const TemporaryDirectory directory;
  const Scratch scratch{directory.path() / "disk", directory.path() / "memory"};
  site::v1::PodPlan plan;
  auto* empty = plan.add_volumes();
  empty->set_name("e");
  empty->mutable_empty_dir();
  auto* secret = plan.add_volumes();
  secret->set_name("s");
  *secret->mutable_files() = filesOf({{"key", "x"}});
  secret->mutable_files()->set_secret(true);
  site::v1::Container container;
  const auto mount = [&](const char* volume, const char* path, const char* sub_path) {
    auto* added = container.add_mounts();
    added->set_volume(volume);
    added->set_path(path);
    added->set_sub_path(sub_path);
  };
  mount("e", "/data/deep", "x/y");
  mount("s", "/data", "");
  {
    PodVolumes volumes(scratch);
    ASSERT_TRUE(volumes.setUp(plan));
    const auto binds = volumes.binds(container).value();
    EXPECT_EQ(binds[0].target, "/data");
    EXPECT_EQ(binds[0].source, scratch.memory / "volumes/s");
    EXPECT_EQ(binds[1].source, fs::canonical(scratch.disk / "volumes/e/x/y"));

    fs::create_symlink("/etc", volumes.pathOf("e") / "out");
    mount("e", "/etc2", "out");
    EXPECT_TRUE(volumes.binds(container).error().is(Code::Invalid));
  }
  EXPECT_FALSE(fs::exists(scratch.disk));
  EXPECT_FALSE(fs::exists(scratch.memory));
}

TEST(PodVolumes, APathThatLeavesTheContainerIsInvalid) {
  const TemporaryDirectory directory;
  PodVolumes volumes({directory.path() / "disk", directory.path() / "memory"});
  site::v1::PodPlan plan;
  auto* empty = plan.add_volumes();
  empty->set_name("e");
  empty->mutable_empty_dir();
  ASSERT_TRUE(volumes.setUp(plan));
  for (const char* path : {"/tmp/../../x", "..", "/dev/..", "/a/.."}) {
    site::v1::Container container;
    container.add_mounts()->set_volume("e");
    container.mutable_mounts(0)->set_path(path);
    EXPECT_TRUE(volumes.binds(container).error().is(Code::Invalid)) << path;
  }
  EXPECT_TRUE(hasParentParts("/a/../b"));
  EXPECT_FALSE(hasParentParts("/a/..b/c../d"));
}

TEST(Spawn, MountsWhatWasOpenedOrNothing) {
  const TemporaryDirectory directory;
  for (const char* each : {"volume/part", "home", "target"}) fs::create_directories(directory.path() / each);
  const fs::path part = directory.path() / "volume/part";
  ASSERT_TRUE(writeFileAtomic(part / "file", ""));
  SpawnOptions options;
  options.launch.argv = {"/bin/ls", (directory.path() / "target/file").string()};
  options.launch.overlay = container::Overlay{};
  const auto opened = std::make_shared<FileDescriptor>(openFile(part, O_PATH).value());
  options.launch.overlay->binds = {{part, (directory.path() / "target").string(), false, opened}};
  const auto first = spawn(options);
  if (!first) GTEST_SKIP() << first.error().message;
  int status = 0;
  ::waitpid(first->pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  fs::rename(part, directory.path() / "volume/other");
  fs::create_directory_symlink(directory.path() / "home", part);
  const auto second = spawn(options);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().stage, SpawnFailure::Stage::Overlay);
}

TEST(CheckHostPath, FollowsTheTypes) {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "x";
  EXPECT_TRUE(checkHostPath("/proc/not/there", "").error().is(Code::NotFound));
  EXPECT_TRUE(checkHostPath(path, "Directory").error().is(Code::NotFound));
  EXPECT_TRUE(checkHostPath(path, "DirectoryOrCreate"));
  EXPECT_TRUE(checkHostPath(path, "Directory"));
  EXPECT_FALSE(checkHostPath(path, "File"));
  EXPECT_TRUE(checkHostPath(directory.path() / "f", "FileOrCreate"));
  EXPECT_TRUE(checkHostPath(directory.path() / "f", "File"));
  EXPECT_TRUE(checkHostPath("/dev/null", "CharDevice"));
}

TEST(ResolvConf, MergesPolicyConfigAndNode) {
  const std::string node = "search hpc.example\nnameserver 10.0.0.1\noptions timeout:1\n";
  site::v1::DnsConfig dns;
  dns.set_policy("Default");
  dns.add_searches("mine");
  EXPECT_EQ(resolvConf(dns, node), "nameserver 10.0.0.1\nsearch mine hpc.example\noptions timeout:1\n");
  dns.set_policy("None");
  dns.add_nameservers("1.2.3.4");
  EXPECT_EQ(resolvConf(dns, node), "nameserver 1.2.3.4\nsearch mine\n");
}

TEST(HostsFile, NamesThePodAndItsAliases) {
  site::v1::PodPlan plan;
  plan.set_hostname("web-0");
  plan.set_subdomain("web");
  plan.set_namespace_("shop");
  auto* alias = plan.add_host_aliases();
  alias->set_ip("10.9.9.9");
  alias->add_hostnames("db");
  const std::string text = hostsFile(plan, {"10.0.0.5"}, "cluster.local");
  EXPECT_NE(text.find("10.0.0.5\tweb-0.web.shop.svc.cluster.local\tweb-0\n"), std::string::npos);
  EXPECT_NE(text.find("10.9.9.9\tdb\n"), std::string::npos);
}

TEST(HostsFile, IsTheNodesOnTheHostNetwork) {
  site::v1::PodPlan plan;
  auto* alias = plan.add_host_aliases();
  alias->set_ip("10.9.9.9");
  alias->add_hostnames("db");
  const std::string text = hostNetworkHostsFile(plan, "10.0.0.1\tlogin");
  EXPECT_TRUE(text.starts_with("# Kubernetes-managed hosts file (host network).\n10.0.0.1\tlogin\n"));
  EXPECT_NE(text.find("10.9.9.9\tdb\n"), std::string::npos);
}

TEST(ParseStat, TakesNamesOfAnyKind) {
  const auto info =
      parseStat("42 (a) (b) c) S 7 42 40 0 -1 4194560 1 0 0 0 100 50 0 0 20 0 1 0 5 1000 25 18446744073709551615");
  ASSERT_TRUE(info.has_value()) << info.error().message;
  EXPECT_EQ(info->pid, 42);
  EXPECT_EQ(info->parent, 7);
  EXPECT_EQ(info->session, 40);
  EXPECT_EQ(info->cpu_ns, 1500000000U);
  EXPECT_EQ(info->rss_bytes, 25U * 4096U);
  EXPECT_FALSE(parseStat("nonsense").has_value());
}

}  // namespace
}  // namespace slipway::supervisor
