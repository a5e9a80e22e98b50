#pragma once

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <optional>

namespace slipway::async {

template <typename T>
Task<void> storeResult(Task<T> task, std::optional<T>& out) {
  out.emplace(co_await std::move(task));
}

template <typename T>
T runToEnd(Task<T> task) {
  std::optional<T> out;
  runToEnd<void>(storeResult(std::move(task), out));
  return std::move(*out);
}

}  // namespace slipway::async
