#include "supervisor/identity.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "container/charliecloud.h"
#include "container/host.h"

namespace slipway::supervisor {
namespace {

site::v1::PodPlan planWith(int64_t user, int64_t group, bool non_root) {
  site::v1::PodPlan plan;
  auto& container = *plan.add_containers();
  container.set_name("main");
  container.set_run_as_user(user);
  container.set_run_as_group(group);
  container.set_run_as_non_root(non_root);
  return plan;
}

TEST(Identity, AnotherUserNeedsAUserNamespace) {
  const container::HostRuntime host({});
  const container::CharliecloudRuntime boxed("/usr/bin/ch-run", nullptr, "me", true);
  EXPECT_TRUE(checkIdentities(planWith(-1, -1, false), host, 1000, 100).has_value());
  EXPECT_TRUE(checkIdentities(planWith(1000, 100, true), host, 1000, 100).has_value());
  const Status user = checkIdentities(planWith(0, -1, false), host, 1000, 100);
  ASSERT_FALSE(user.has_value());
  EXPECT_TRUE(user.error().message.starts_with("container main: securityContext.runAsUser: 0 "))
      << user.error().message;
  EXPECT_FALSE(checkIdentities(planWith(-1, 7, false), host, 1000, 100).has_value());
  EXPECT_TRUE(checkIdentities(planWith(0, 7, false), boxed, 1000, 100).has_value());
}

TEST(Identity, RunAsNonRootIsChecked) {
  const container::CharliecloudRuntime boxed("/usr/bin/ch-run", nullptr, "me", true);
  EXPECT_FALSE(checkIdentities(planWith(0, -1, true), boxed, 1000, 100).has_value());
  EXPECT_TRUE(checkIdentities(planWith(-1, -1, true), boxed, 0, 0)) << "the image may say another";
  EXPECT_FALSE(checkIdentities(planWith(-1, -1, true), container::HostRuntime({}), 0, 0).has_value());
  EXPECT_TRUE(checkIdentities(planWith(5, -1, true), boxed, 0, 0).has_value());
}

TEST(Identity, AReadOnlyRootNeedsARoot) {
  auto plan = planWith(-1, -1, false);
  plan.mutable_containers(0)->set_read_only_root(true);
  EXPECT_FALSE(checkIdentities(plan, container::HostRuntime({}), 1, 1).has_value());
}

TEST(Identity, TheUserOfTheImageIsCheckedWhenItIsThere) {
  TemporaryDirectory image;
  ASSERT_TRUE(makeDirectories(image.path() / "etc"));
  ASSERT_TRUE(writeFileAtomic(image.path() / "etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:77:88::/opt:/bin/sh\n"));
  const auto check = [&](int64_t user, bool non_root, const std::string& image_user, uid_t uid) {
    const Status fine = checkImageUser(planWith(user, -1, non_root).containers(0), image_user, image.path(), uid);
    return fine ? std::string() : fine.error().message;
  };
  EXPECT_EQ(check(-1, true, "1001", 0), "");
  EXPECT_EQ(check(-1, true, "", 1000), "");
  EXPECT_EQ(check(-1, true, "", 0), "container has runAsNonRoot and image will run as root");
  EXPECT_EQ(check(-1, true, "app", 1000),
            "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root");
  EXPECT_EQ(check(5, true, "app", 0), "");
  EXPECT_EQ(check(-1, false, "app", 0), "");
  EXPECT_EQ(check(-1, false, "nobodyknows", 0), "unable to find user nobodyknows: no matching entries in passwd file");
  EXPECT_EQ(homeOf({-1, -1}, image.path()), "/root");
  EXPECT_EQ(homeOf({77, -1}, image.path()), "/opt");
  EXPECT_EQ(homeOf({78, -1}, image.path()), "/");
}

TEST(Identity, ThePodBeforeTheImage) {
  TemporaryDirectory image;
  ASSERT_TRUE(makeDirectories(image.path() / "etc"));
  ASSERT_TRUE(writeFileAtomic(image.path() / "etc/passwd", "root:x:0:0::/:/bin/sh\napp:x:77:88::/:/bin/sh\n"));
  const auto of = [&](int64_t user, int64_t group, const std::string& image_user) {
    const Identity out = identityOf(planWith(user, group, false).containers(0), image_user, image.path());
    return std::make_pair(out.user, out.group);
  };
  using Ids = std::pair<int64_t, int64_t>;
  EXPECT_EQ(of(-1, -1, ""), Ids(-1, -1));
  EXPECT_EQ(of(-1, -1, "root"), Ids(-1, -1));
  EXPECT_EQ(of(-1, -1, "0:0"), Ids(-1, -1));
  EXPECT_EQ(of(-1, -1, "12"), Ids(12, -1));
  EXPECT_EQ(of(-1, -1, "12:13"), Ids(12, 13));
  EXPECT_EQ(of(-1, -1, "app"), Ids(77, 88));
  EXPECT_EQ(of(-1, -1, "nobody"), Ids(-1, -1));
  EXPECT_EQ(of(5, -1, "app"), Ids(5, -1));
  EXPECT_EQ(of(5, 6, "app"), Ids(5, 6));
}

TEST(Identity, APasswdThatLeadsOutOfTheImageOrNeverEndsIsPassedOver) {
  TemporaryDirectory image;
  ASSERT_TRUE(makeDirectories(image.path() / "etc"));
  const auto plan = planWith(-1, -1, false);
  for (const char* target : {"/dev/zero", "/etc/passwd", "../../../../../../etc/passwd"}) {
    std::filesystem::create_symlink(target, image.path() / "etc/passwd");
    EXPECT_EQ(identityOf(plan.containers(0), "daemon", image.path()).user, -1) << target;
    std::filesystem::remove(image.path() / "etc/passwd");
  }
}

}  // namespace
}  // namespace slipway::supervisor
