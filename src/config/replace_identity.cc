#include "config/replace_identity.h"

#include "base/files.h"
#include "base/strings.h"

namespace slipway::config {
namespace {

/// Replaces the lines of one PEM text by those of another where they stand, with their indentation.
Result<std::string> replacePem(const std::string& text, const std::string& before, const std::string& after) {
  const std::vector<std::string_view> lines = split(text, '\n');
  const std::vector<std::string_view> wanted = split(trim(before), '\n');
  const auto standsAt = [&](size_t at) {
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (trim(lines[at + i]) != trim(wanted[i])) return false;
    }
    return true;
  };
  for (size_t at = 0; at + wanted.size() <= lines.size(); ++at) {
    if (!standsAt(at)) continue;
    const std::string_view indent = lines[at].substr(0, lines[at].find('-'));
    std::vector<std::string> out(lines.begin(), lines.begin() + static_cast<ptrdiff_t>(at));
    for (const std::string_view line : split(trim(after), '\n')) out.push_back(fmt::format("{}{}", indent, line));
    out.insert(out.end(), lines.begin() + static_cast<ptrdiff_t>(at + wanted.size()), lines.end());
    return join(out, "\n");
  }
  return failure(Code::Invalid, "the certificate is not written as a block of lines (|): generate the pair anew");
}

}  // namespace

Result<pki::Identity> tunnelCa(const Mtls& mtls, const std::string& config_file, const std::string& key_file) {
  if (key_file.empty()) {
    return failure(Code::Invalid, "--ca-key is required: the file that `config generate --ca-key` wrote");
  }
  TRY(const std::string key, readFile(key_file));
  if (auto fits = pki::checkKeyMatches(mtls.ca, key); !fits) {
    return failure(fits.error().wrap(fmt::format("{} is not the key of the CA in {}", key_file, config_file)));
  }
  return pki::Identity{mtls.ca, key};
}

Result<std::string> replaceIdentity(std::string text, const Mtls& old, const pki::Identity& fresh) {
  TRY(text, replacePem(text, old.certificate, fresh.certificate));
  return replacePem(text, old.key, fresh.key);
}

}  // namespace slipway::config
