#include "supervisor/nfs_mounts.h"

#include <optional>
#include <string>

#include "base/strings.h"

namespace slipway::supervisor {
namespace fs = std::filesystem;
namespace {

struct Mount {
  fs::path point;
  std::string type;
  std::string server;
  fs::path exported;  ///< what of the server's tree is to be seen at `point`
};

/// Blanks and the like are written as octal numbers.
std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](size_t at) { return text[i + at] >= '0' && text[i + at] <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && digit(1) && digit(2) && digit(3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// "36 35 98:0 /root /point options - type source options"
std::optional<Mount> parseMount(std::string_view line) {
  const size_t dash = line.find(" - ");
  if (dash == std::string_view::npos) return std::nullopt;
  const auto before = split(line.substr(0, dash), ' ');
  const auto after = split(line.substr(dash + 3), ' ');
  if (before.size() < 5 || after.size() < 2) return std::nullopt;
  Mount out;
  out.point = unescaped(before[4]);
  out.type = after[0];
  const std::string source = unescaped(after[1]);
  const size_t colon = source.find(":/");
  if (colon == std::string::npos) return out;
  out.server = source.substr(0, colon);
  out.exported =
      (fs::path(source.substr(colon + 1)) / fs::path(unescaped(before[3])).relative_path()).lexically_normal();
  return out;
}

/// The part of `path` below `folder`; nothing if it does not lie there.
std::optional<fs::path> below(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  if (relative.empty() || *relative.begin() == "..") return std::nullopt;
  return relative;
}

bool isNfs(const Mount& mount) {
  return mount.type == "nfs" || mount.type == "nfs4";
}

}  // namespace

Result<fs::path> findNfs(std::string_view mountinfo, std::string_view server, const fs::path& volume) {
  const fs::path path = volume.lexically_normal();
  std::optional<fs::path> by_export;
  size_t longest_export = 0;
  std::optional<Mount> around;
  for (const std::string_view line : split(mountinfo, '\n')) {
    const auto mount = parseMount(line);
    if (!mount) continue;
    // Of mounts on one point the last one is seen.
    if (below(path, mount->point) && (!around || around->point.native().size() <= mount->point.native().size()))
      around = mount;
    if (!isNfs(*mount) || mount->server.empty() || !equalsIgnoreCase(mount->server, server)) continue;
    const auto inner = below(path, mount->exported);
    if (!inner || mount->exported.native().size() < longest_export) continue;
    longest_export = mount->exported.native().size();
    by_export = *inner == "." ? mount->point : mount->point / *inner;
  }
  if (by_export) return *by_export;
  if (around && isNfs(*around)) return path;
  return failure(Code::NotFound, "nfs {}:{} is not mounted on this node: its administrator has to mount it there",
                 server, path.string());
}

}  // namespace slipway::supervisor
