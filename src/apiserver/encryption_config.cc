#include "apiserver/encryption_config.h"

#include <sys/stat.h>

#include "base/files.h"
#include "base/log.h"
#include "base/strings.h"
#include "json/document.h"
#include "json/yaml.h"
#include "schema/field_error.h"

namespace slipway::apiserver {
namespace {

using schema::Check;
using Provider = EncryptionKey::Provider;
using Type = schema::FieldError::Type;

void refuseOthers(const Check& at, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : at.object()) {
    if (std::ranges::find(known, std::string_view(key)) == known.end())
      at.add(Type::Invalid, at.path(key), "unknown field");
  }
}

EncryptionKey readKey(const Check& key, Provider provider) {
  refuseOthers(key, {"name", "secret"});
  EncryptionKey out{provider, std::string(key.text("name")), {}};
  if (out.name.empty()) key.required("name");
  if (out.name.find(':') != std::string::npos) key.invalid("name", "must not contain ':'");
  const std::string field = key.path("secret");
  Result<std::string> secret = base64Decode(key.text("secret"));
  if (key.text("secret").empty()) {
    key.required("secret");
  } else if (!secret) {
    key.add(Type::Invalid, field, "must be base64 encoded");
  } else if (secret->size() != 16 && secret->size() != 24 && secret->size() != 32) {
    key.add(Type::Invalid, field,
            fmt::format("secret is not of the expected length, got {}, expected one of 16, 24, 32 bytes; "
                        "`head -c 32 /dev/urandom | base64` makes one",
                        secret->size()));
  } else {
    out.secret = std::move(*secret);
  }
  return out;
}

void readKeys(const Check& provider, std::string_view name, Provider kind, std::vector<EncryptionKey>& out) {
  const Check settings = provider.child(name);
  refuseOthers(settings, {"keys"});
  if (settings.count("keys") == 0) settings.required("keys", "at least one key is needed");
  settings.list("keys", [&](const Check& key) {
    EncryptionKey made = readKey(key, kind);
    const bool again = std::ranges::any_of(out, [&](const auto& one) { return one.prefix() == made.prefix(); });
    if (again && !made.name.empty()) key.duplicateAt(key.path("name"), made.name);
    out.push_back(std::move(made));
  });
}

void readProvider(const Check& provider, std::vector<EncryptionKey>& out) {
  refuseOthers(provider, {"aesgcm", "aescbc", "secretbox", "kms", "identity"});
  if (provider.object().size() != 1)
    return provider.add(Type::Invalid, provider.path(), "exactly one provider is to be named in each entry");
  if (provider.object().contains("identity")) out.push_back({});
  if (provider.object().contains("aesgcm")) readKeys(provider, "aesgcm", Provider::AesGcm, out);
  if (provider.object().contains("aescbc")) readKeys(provider, "aescbc", Provider::AesCbc, out);
  for (const char* other : {"secretbox", "kms"}) {
    if (provider.object().contains(other))
      provider.forbidden(other, "this server has aesgcm, aescbc and identity; use aesgcm");
  }
}

EncryptionRule readRule(const Check& entry) {
  refuseOthers(entry, {"resources", "providers"});
  EncryptionRule rule;
  if (entry.count("resources") == 0) entry.required("resources", "for example [secrets]");
  if (entry.count("providers") == 0) entry.required("providers", "the first one writes, all of them read");
  entry.strings("resources", [&](std::string_view name, size_t index) {
    const std::string field = fmt::format("{}[{}]", entry.path("resources"), index);
    if (name.empty() || name == "*") entry.add(Type::Invalid, field, "use '*.' for the core group or '*.*' for all");
    if (name.find('/') != std::string_view::npos) entry.add(Type::Invalid, field, "a resource has no subresource here");
    rule.resources.emplace_back(name);
  });
  entry.list("providers", [&](const Check& provider) { readProvider(provider, rule.keys); });
  return rule;
}

void warnOfReaders(const std::filesystem::path& file) {
  struct stat found{};
  if (::stat(file.c_str(), &found) == 0 && (found.st_mode & 077) != 0)
    log::warn("{}: others may read these keys; chmod 600 it", file.string());
}

}  // namespace

std::string EncryptionKey::prefix() const {
  if (provider == Provider::Identity) return {};
  return fmt::format("k8s:enc:{}:v1:{}:", provider == Provider::AesGcm ? "aesgcm" : "aescbc", name);
}

bool EncryptionRule::covers(std::string_view group, std::string_view resource) const {
  return std::ranges::any_of(resources, [&](std::string_view wanted) {
    if (wanted == "*.*") return true;
    const auto [first, rest] = splitOnce(wanted, '.');
    return (first == "*" || first == resource) && rest == group;
  });
}

Result<std::vector<EncryptionRule>> readEncryptionConfig(const std::filesystem::path& file) {
  TRY(const std::string text, readFile(file));
  const auto refuse = [&](std::string_view why) { return failure(Code::Invalid, "{}: {}", file.string(), why); };
  const Result<json::value> document = json::yamlToJson(text);
  if (!document) return refuse(document.error().message);
  if (!document->is_object()) return refuse("is no EncryptionConfiguration");
  const json::object& root = document->get_object();
  if (json::text(root, {"apiVersion"}) != "apiserver.config.k8s.io/v1" ||
      json::text(root, {"kind"}) != "EncryptionConfiguration") {
    return refuse("apiVersion and kind must be apiserver.config.k8s.io/v1 and EncryptionConfiguration");
  }
  schema::FieldErrors errors;
  const Check top(errors, root);
  refuseOthers(top, {"apiVersion", "kind", "resources"});
  std::vector<EncryptionRule> rules;
  if (top.count("resources") == 0) top.required("resources", "at least one entry is needed");
  top.list("resources", [&](const Check& entry) { rules.push_back(readRule(entry)); });
  std::vector<std::string> problems;
  for (const schema::FieldError& error : errors) problems.push_back(fmt::format("{}: {}", error.field, error.detail));
  if (!problems.empty()) return refuse(join(problems, "; "));
  warnOfReaders(file);
  return rules;
}

}  // namespace slipway::apiserver
