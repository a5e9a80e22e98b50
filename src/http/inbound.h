#pragma once

#include <memory>
#include <string_view>

#include "async/task_group.h"
#include "net/stream.h"

namespace slipway::http {

/// One connection and what was read of it and not used yet.
///
/// A read that watch() began goes on when the coroutine that waits for it is cancelled, and its bytes are not lost: so
/// the server can wait for a client to leave beside something else, and the client's pool can see a kept connection
/// die. Owned by one coroutine at a time.
class Inbound {
 public:
  Inbound(Executor executor, net::StreamPtr stream);
  ~Inbound();

  std::string_view bytes() const;
  void consume(size_t count);
  /// More bytes behind bytes(); false at the end of the stream.
  Task<Result<bool>> more();

  /// Begins a read in the background, unless there are bytes or a read already.
  void watch();
  /// Waits until bytes, the end or an error is there.
  Task<void> activity();
  /// True if watch()ing and nothing came.
  bool quiet() const;

  net::ByteStream& stream() const;
  /// The connection with the unused bytes in front; null while a background read is under way.
  net::StreamPtr release();
  bool released() const;

 private:
  struct State;
  static Task<Result<bool>> read(std::shared_ptr<State> state);
  static Task<void> readBehind(std::shared_ptr<State> state);

  Executor executor_;
  std::shared_ptr<State> state_;
  std::unique_ptr<async::TaskGroup> behind_;
};

}  // namespace slipway::http
