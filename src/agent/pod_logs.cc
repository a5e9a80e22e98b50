#include "agent/logs.h"
#include "async/event.h"
#include "base/log.h"
#include "pod/cri_log.h"

namespace slipway::agent {
namespace {

constexpr auto kLookForLines = std::chrono::milliseconds(200);
constexpr const char* kPodLogs = "/slipway.site.v1.Pod/Logs";

Task<Status> passOn(tunnel::ServerCall& call, const site::v1::LogChunk& chunk) {
  std::string bytes = chunk.SerializeAsString();
  co_return co_await call.send(std::move(bytes));
}

struct Relayed {
  Status status;
  bool supervisor_lost = false;
};

/// From the supervisor, until its log ends or its tunnel breaks; `request` is then what is still to come.
Task<Relayed> relay(tunnel::ServerCall& call, std::shared_ptr<tunnel::Channel> channel,
                    site::v1::LogsRequest& request) {
  auto below = co_await channel->open(kPodLogs);
  if (!below) co_return Relayed{{}, true};
  const Status asked = co_await (*below)->send(request.SerializeAsString());
  if (!asked) co_return Relayed{{}, true};
  const Status closed = co_await (*below)->closeSend();
  if (!closed) co_return Relayed{{}, true};
  while (true) {
    const auto message = co_await (*below)->receive();
    if (!message) {
      const bool lost = message.error().is(Code::ServiceUnavailable);
      co_return Relayed{failure(message.error()), lost};
    }
    if (!*message) co_return Relayed{};
    const auto chunk = tunnel::parseMessage<site::v1::LogChunk>(**message);
    if (!chunk) co_return Relayed{failure(chunk.error())};
    const Status sent = co_await call.send(**message);
    if (!sent) co_return Relayed{sent};
    if (chunk->has_next()) *request.mutable_from() = chunk->next();
  }
}

/// From the files, until the log ends (true) or `back()`.
Task<Result<bool>> readFiles(tunnel::ServerCall& call, site::v1::LogsRequest& request, const LogSources& sources,
                             std::function<bool()> back) {
  std::optional<pod::ContainerLogFile> file;
  while (true) {
    // Asked before reading: what is written before the last "no" is read after it.
    bool more_comes = request.follow() && sources.still_written();
    const bool supervisor_is_back = more_comes && back();
    if (!file) {
      auto opened = pod::ContainerLogFile::open(sources.directory, request, sources.clock.now());
      const bool waits = !opened && !request.previous() && opened.error().is(Code::NotFound);
      if (!opened && !waits) co_return failure(opened.error());
      if (opened) file.emplace(std::move(*opened));
    }
    // The container was started anew: this file is complete.
    const auto newest = sources.directory.newestLog(request.container(), false);
    if (file && newest && *newest != file->path()) more_comes = false;
    while (file) {
      CO_TRY(const site::v1::LogChunk chunk, file->read());
      if (chunk.data().empty()) break;
      CO_TRY_STATUS(co_await passOn(call, chunk));
      *request.mutable_from() = chunk.next();
    }
    if (!more_comes || (file && file->done())) co_return true;
    if (supervisor_is_back) co_return false;
    co_await async::sleepFor(kLookForLines);
  }
}

}  // namespace

Task<Status> servePodLogs(tunnel::ServerCall& call, site::v1::LogsRequest request, LogSources sources) {
  std::shared_ptr<tunnel::Channel> broken;
  while (true) {
    const std::shared_ptr<tunnel::Channel> channel = sources.supervisor();
    if (channel && channel != broken) {
      const Relayed relayed = co_await relay(call, channel, request);
      if (!relayed.supervisor_lost) co_return relayed.status;
      log::debug("pod {}: its log goes on from the files", request.pod_uid());
      broken = channel;
    }
    const auto back = [&sources, &broken] {
      const std::shared_ptr<tunnel::Channel> now = sources.supervisor();
      return now && now != broken;
    };
    CO_TRY(const bool ended, co_await readFiles(call, request, sources, back));
    if (ended) co_return Status{};
  }
}

}  // namespace slipway::agent
