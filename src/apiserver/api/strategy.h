#pragma once

#include <functional>
#include <map>
#include <string>

#include "apiserver/api/kinds.h"
#include "apiserver/auth/user.h"
#include "apiserver/store/store.h"
#include "base/clock.h"
#include "base/random.h"

namespace slipway::apiserver {

/// What a strategy may look at.
struct StrategyContext {
  Store& store;
  const Clock& clock;
  Random& random;
  const User& user;
};

/// What is special about one kind on its way into the storage. Every step may be empty; what all kinds have in common
/// is the registry's.
struct Strategy {
  /// After admission, before validation: sets what only the server may set.
  std::function<Done(json::object& object, StrategyContext& context)> prepare_create;
  /// The same for an update of the main resource or of `subresource`.
  std::function<Done(json::object& object, const json::object& old, std::string_view subresource, StrategyContext&)>
      prepare_update;
  /// What is wrong with it beyond what its schema's rules say; `old` is null for a create.
  std::function<std::vector<Cause>(const json::object& object, const json::object* old, std::string_view subresource)>
      validate;
  bool may_create_on_update = false;  ///< PUT of a name that is not there
  bool unconditional_update = true;   ///< PUT without resourceVersion
  bool graceful_delete = false;       ///< pods
  std::string finalizer_on_delete;    ///< holds an object whose deletion begins, until a controller is through
  bool answers_with_object = false;   ///< a delete answers with the object, not with a Status
  std::string default_propagation = "Background";
};

/// The strategies of the built-in kinds by table; custom and plain kinds get the default one.
class Strategies {
 public:
  Strategies();
  const Strategy& of(const Kind& kind) const;
  Strategy& at(const std::string& table) { return by_table_[table]; }

 private:
  std::map<std::string, Strategy, std::less<>> by_table_;
  Strategy plain_;
  Strategy custom_;
};

}  // namespace slipway::apiserver
