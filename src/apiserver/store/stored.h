#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::apiserver {

/// What selectors look at, taken out of an object once and kept in one small piece, because every version has it.
class Traits {
 public:
  void addLabel(std::string_view key, std::string_view value) { add(labels_, key, value); }
  /// A selectable field of the kind, "spec.nodeName". An empty one is as good as none.
  void addField(std::string_view name, std::string_view value);
  void shrink();

  std::optional<std::string_view> label(std::string_view key) const { return find(labels_, key); }
  std::optional<std::string_view> field(std::string_view name) const { return find(fields_, name); }

 private:
  static void add(std::string& pairs, std::string_view key, std::string_view value);
  static std::optional<std::string_view> find(std::string_view pairs, std::string_view key);

  // Pairs of texts, each with its length in front.
  std::string labels_;
  std::string fields_;
};

/// One version of an object. Its bytes never change, so that gets, lists and watches all send the same ones.
struct Stored {
  int64_t revision = 0;                  ///< metadata.resourceVersion, also inside the bytes
  std::string key;                       ///< "<namespace>/<name>", or "<name>" for cluster-scoped kinds
  std::string bytes;                     ///< JSON
  int64_t written_at = 0;                ///< seconds since 1970; for versions of an earlier run, when they were read
  bool is_stale = false;                 ///< its row is not sealed as one of today would be: worth writing again
  mutable std::optional<Traits> traits;  ///< filled by whoever asks first; loop thread only
  /// The rules of the custom kind in whose form the bytes are; another definition may want another. Loop thread only.
  mutable std::shared_ptr<const void> served_by;
};
using StoredPtr = std::shared_ptr<const Stored>;

/// One committed write, kept for watches and for reading the past until it is compacted.
struct Change {
  int64_t revision = 0;
  StoredPtr now;     ///< for a deletion the last state, with the deletion's revision
  StoredPtr before;  ///< null when the object is new
  bool deleted = false;
  mutable std::shared_ptr<const std::string> line;  ///< the watch event, serialised for the first watcher that sends it

  size_t bytesKept() const { return (before ? before->bytes.size() : 0) + (deleted ? now->bytes.size() : 0) + 200; }
};
using ChangePtr = std::shared_ptr<const Change>;

}  // namespace slipway::apiserver
