#include "supervisor/nfs_mounts.h"

#include <gtest/gtest.h>

namespace slipway::supervisor {
namespace {

constexpr std::string_view kMounts =
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "40 22 0:40 / /home rw - nfs4 filer.example:/export/home rw,vers=4.2\n"
    "41 22 0:41 / /data rw - nfs filer.example:/export rw\n"
    "42 22 0:42 /sub /projects\\040x rw - nfs4 other:/ rw\n"
    "43 40 8:2 / /home/local rw - ext4 /dev/sdb1 rw\n"
    "44 22 0:44 / /bind rw - fuse.sshfs filer.example:/export/ssh rw\n"
    "broken line\n";

std::string foundNfs(std::string_view server, const char* path) {
  const auto found = findNfs(kMounts, server, path);
  return found ? found->string() : std::string(statusReason(found.error().code));
}

TEST(FindNfs, GoesByServerAndExportFirst) {
  EXPECT_EQ(foundNfs("filer.example", "/export/home/u"), "/home/u");
  EXPECT_EQ(foundNfs("FILER.example", "/export/home"), "/home");
  EXPECT_EQ(foundNfs("filer.example", "/export/else/x"), "/data/else/x");
  EXPECT_EQ(foundNfs("other", "/sub/y"), "/projects x/y");
}

TEST(FindNfs, OrByThePathItselfIfItLiesOnNfs) {
  EXPECT_EQ(foundNfs("alias", "/home/u"), "/home/u");
  EXPECT_EQ(foundNfs("alias", "/projects x/z"), "/projects x/z");
}

TEST(FindNfs, IsNoWayToOtherDirectoriesOfTheNode) {
  for (const char* path : {"/", "/etc", "/home/local/x", "/home/../etc", "/bind", "/homes", "/export/home"}) {
    EXPECT_EQ(foundNfs("alias", path), "NotFound") << path;
  }
  EXPECT_EQ(foundNfs("filer.example", "/etc"), "NotFound");
}

}  // namespace
}  // namespace slipway::supervisor
