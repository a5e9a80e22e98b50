#include "pod/site_settings.h"

#include <gtest/gtest.h>

#include "base/files.h"

namespace slipway::pod {
namespace {

TEST(SiteSettings, ReachTheSupervisorThroughTheStateDirectory) {
  const TemporaryDirectory state;
  SiteSettings settings;
  settings.default_runtime = "charliecloud";
  settings.image_root = "/x/images";
  settings.image_bytes = 7;
  settings.allow_host_path = false;
  settings.log_limits = {1000, 3};
  settings.local_images = {"/opt/images"};
  settings.insecure_registries = {"localhost:5000"};
  settings.registry_mirrors = {{"docker.io", "mirror.example"}};
  ASSERT_TRUE(writeSiteSettings(state.path(), settings).has_value());
  const auto read = readSiteSettings(state.path() / "pods" / "uid" / "0");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(formatSiteSettings(*read), formatSiteSettings(settings));
  EXPECT_EQ(read->log_limits.piece_bytes, 1000);
  EXPECT_FALSE(read->allow_host_path);
}

TEST(SiteSettings, AreDefaultsWithoutAFileAndAnErrorWhenBroken) {
  const TemporaryDirectory state;
  EXPECT_TRUE(readSiteSettings(state.path() / "pods" / "uid" / "0").has_value());
  ASSERT_TRUE(writeFileAtomic(state.path() / "site.json", "{").has_value());
  EXPECT_FALSE(readSiteSettings(state.path() / "pods" / "uid" / "0").has_value());
}

}  // namespace
}  // namespace slipway::pod
