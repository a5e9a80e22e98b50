#include "slurm/host_list.h"
#include "base/strings.h"

namespace slipway::slurm {
namespace {

std::string expanded(std::string_view text) {
  const auto names = expandHostList(text);
  return names ? join(*names, " ") : "error: " + names.error().message;
}

TEST(HostList, Expands) {
  EXPECT_EQ(expanded("n1"), "n1");
  EXPECT_EQ(expanded("n[1-3,5],login"), "n1 n2 n3 n5 login");
  EXPECT_EQ(expanded("a[08-10]"), "a08 a09 a10");
  EXPECT_EQ(expanded("a[1-2]b[01-02]x"), "a1b01x a1b02x a2b01x a2b02x");
  EXPECT_EQ(expanded("r[1-2]-n[3,7-8]"), "r1-n3 r1-n7 r1-n8 r2-n3 r2-n7 r2-n8");
  EXPECT_EQ(expanded("(null)"), "");
  EXPECT_EQ(expanded(""), "");
  EXPECT_EQ(expanded(",n1,,n2,"), "n1 n2");
}

TEST(HostList, RefusesWhatIsNoList) {
  for (const std::string_view text : {"n[1-2", "n1-2]", "n[[1]]", "n[]", "n[3-1]", "n[a-b]", "n[1-]", "n[-1]",
                                      "n[1-9999999999]", "n[1-1000]m[1-1000]k[1-1000]", "n[99999999999999999999999]"}) {
    EXPECT_FALSE(expandHostList(text).has_value()) << text;
  }
}

TEST(HostList, Compresses) {
  EXPECT_EQ(compressHostList({"n1", "n2", "n3", "n5", "login"}), "n[1-3,5],login");
  EXPECT_EQ(compressHostList({"a10", "a08", "a09", "a09"}), "a[08-10]");
  EXPECT_EQ(compressHostList({"n1"}), "n1");
  EXPECT_EQ(compressHostList({}), "");
}

TEST(HostList, CompressedAgainExpandsToTheSame) {
  std::vector<std::string> names;
  for (int i = 1; i <= 120; ++i) names.push_back(fmt::format("c{:03}", i));
  for (int i = 7; i <= 12; ++i) names.push_back(fmt::format("gpu{}", i));
  EXPECT_EQ(compressHostList(names), "c[001-120],gpu[7-12]");
  EXPECT_EQ(expandHostList(compressHostList(names)).value(), names);
}

}  // namespace
}  // namespace slipway::slurm
