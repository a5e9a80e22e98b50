#include "apiserver/encryption.h"

#include "apiserver/encryption_config.h"
#include "base/strings.h"
#include "pki/cipher.h"

namespace slipway::apiserver {
namespace {

using Provider = EncryptionKey::Provider;

constexpr std::string_view kMark = "k8s:enc:";

/// "registry/core/secrets/default/token": the parts that rules are about, and how people call the object.
struct RowName {
  explicit RowName(std::string_view key) {
    const std::vector<std::string_view> parts = split(key, '/');
    if (parts.size() < 4) return;
    group = parts[1] == "core" ? std::string_view() : parts[1];
    resource = parts[2];
    object = key.substr(static_cast<size_t>(parts[3].data() - key.data()));
  }
  std::string shown() const { return fmt::format("{}{}{} {}", resource, group.empty() ? "" : ".", group, object); }
  std::string_view group, resource, object;
};

/// "aesgcm" and "key1" of "k8s:enc:aesgcm:v1:key1:...".
std::string howSealed(std::string_view value) {
  const std::vector<std::string_view> parts = split(value.substr(0, 200), ':');
  if (parts.size() < 6) return "in a form that is not known here";
  return fmt::format("by {} with the key {:?}", parts[2], parts[4]);
}

class ConfiguredCipher final : public RowCipher {
 public:
  ConfiguredCipher(std::string file, std::vector<EncryptionRule> rules)
      : file_(std::move(file)), rules_(std::move(rules)) {}

  bool covers(std::string_view key) const override {
    const EncryptionRule* rule = ruleOf(RowName(key));
    return rule != nullptr && rule->keys.front().provider != Provider::Identity;
  }

  Result<std::string> seal(std::string_view key, std::string_view value) const override {
    const EncryptionKey& with = ruleOf(RowName(key))->keys.front();
    // A value stands for its place: nobody can put one secret's row in the place of another's.
    TRY(const std::string sealed, with.provider == Provider::AesGcm ? pki::sealAesGcm(with.secret, key, value)
                                                                    : pki::sealAesCbc(with.secret, value));
    return with.prefix() + sealed;
  }

  Result<Opened> open(std::string_view key, std::string value) const override {
    const RowName name(key);
    const EncryptionRule* rule = ruleOf(name);
    const bool sealed = value.starts_with(kMark);
    if (rule == nullptr && !sealed) return Opened{std::move(value), false};
    for (size_t i = 0; rule != nullptr && i < rule->keys.size(); ++i) {
      const EncryptionKey& with = rule->keys[i];
      const std::string prefix = with.prefix();
      if (with.provider == Provider::Identity && !sealed) return Opened{std::move(value), i > 0};
      if (with.provider == Provider::Identity || !value.starts_with(prefix)) continue;
      const std::string_view body = std::string_view(value).substr(prefix.size());
      Result<std::string> plain = with.provider == Provider::AesGcm ? pki::openAesGcm(with.secret, key, body)
                                                                    : pki::openAesCbc(with.secret, body);
      // CBC notices a wrong key by its padding only, and that not always: an object begins with a brace.
      if (plain && plain->starts_with('{')) return Opened{std::move(*plain), i > 0};
      return failure(Code::Invalid, "{} is encrypted {}, and {} has another key of that name, or it is damaged",
                     name.shown(), howSealed(value), file_);
    }
    return missing(name, value, sealed);
  }

 private:
  const EncryptionRule* ruleOf(const RowName& name) const {
    const auto found = std::ranges::find_if(
        rules_, [&](const EncryptionRule& rule) { return rule.covers(name.group, name.resource); });
    return found == rules_.end() ? nullptr : &*found;
  }

  tl::unexpected<Error> missing(const RowName& name, std::string_view value, bool sealed) const {
    if (!sealed) {
      return failure(Code::Invalid,
                     "{} is not encrypted, and its providers in {} do not list identity; add `identity: {{}}` as the "
                     "last one until everything is written again",
                     name.shown(), file_);
    }
    if (file_.empty()) {
      return failure(Code::Invalid,
                     "{} is encrypted {}; start with --encryption-provider-config and the file that has it",
                     name.shown(), howSealed(value));
    }
    return failure(Code::Invalid, "{} is encrypted {}, which {} does not have among the providers of {}", name.shown(),
                   howSealed(value), file_, name.resource);
  }

  std::string file_;
  std::vector<EncryptionRule> rules_;
};

}  // namespace

Result<std::shared_ptr<const RowCipher>> rowCipher(const std::filesystem::path& config) {
  std::vector<EncryptionRule> rules;
  if (!config.empty()) {
    TRY(rules, readEncryptionConfig(config));
  }
  return std::make_shared<const ConfiguredCipher>(config.string(), std::move(rules));
}

}  // namespace slipway::apiserver
