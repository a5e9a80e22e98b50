#pragma once

#include "apiserver/api/status_error.h"
#include "base/strings.h"

namespace slipway::apiserver {

/// What the checks of a definition write down, in the words of the real server. The list is the caller's.
class CauseList {
 protected:
  explicit CauseList(std::vector<Cause>& causes) : causes_(causes) {}

  void add(std::string_view reason, std::string field, std::string message) {
    causes_.push_back({std::string(reason), std::move(message), std::move(field)});
  }
  void forbidden(std::string field, std::string_view why) {
    add("FieldValueForbidden", std::move(field), fmt::format("Forbidden: {}", why));
  }
  void required(std::string field, std::string_view why) {
    add("FieldValueRequired", std::move(field), fmt::format("Required value: {}", why));
  }

  std::vector<Cause>& causes_;
};

}  // namespace slipway::apiserver
