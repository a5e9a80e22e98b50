#include "kubelet/remote_command.h"

#include <boost/json.hpp>

#include "base/log.h"
#include "kubelet/answers.h"
#include "kubelet/first_of.h"
#include "kubelet/remote_channels.h"

namespace slipway::kubelet {
namespace {

namespace json = boost::json;
using Channel = RemoteChannels::Channel;
// After the end the client closes first; one that does not is not waited for any longer.
constexpr auto kCloseLimit = std::chrono::seconds(2);

std::optional<TerminalSize> parseSize(std::string_view text) {
  boost::system::error_code error;
  const json::value document = json::parse(text, error);
  if (error || !document.is_object()) return std::nullopt;
  const auto dimension = [&](std::string_view name) -> uint32_t {
    const json::value* value = document.get_object().if_contains(name);
    const auto number = value == nullptr ? 0 : value->is_int64() ? value->get_int64() : 0;
    return number > 0 && number < 65536 ? static_cast<uint32_t>(number) : 0;
  };
  const TerminalSize size{dimension("Width"), dimension("Height")};
  return size.columns == 0 || size.rows == 0 ? std::nullopt : std::optional(size);
}

Task<void> pumpInput(RemoteChannels& channels, ExecSession& session) {
  bool open = true;
  while (true) {
    auto piece = co_await channels.receive();
    if (!piece || !*piece) co_return;
    ExecInput input;
    if ((*piece)->channel == Channel::Resize) {
      input.resize = parseSize((*piece)->data);
      if (!input.resize) continue;
    } else if ((*piece)->channel == Channel::Stdin) {
      input.data = std::move((*piece)->data);
      input.closed = (*piece)->closed;
    }
    // A command that takes no more input may still have output: go on reading, so that the client's leaving is seen.
    if (!open) continue;
    const Status sent = co_await session.send(std::move(input));
    open = sent.has_value();
  }
}

Task<void> pumpOutput(RemoteChannels& channels, ExecSession& session) {
  ExecOutput end{.exited = true};
  while (true) {
    auto output = co_await session.receive();
    if (!output) {
      end.error = output.error().message;
      break;
    }
    if (!*output) break;
    ExecOutput& now = **output;
    if (!now.out.empty()) {
      const Status sent = co_await channels.send(Channel::Stdout, std::move(now.out));
      if (!sent) co_return;
    }
    if (!now.err.empty()) {
      const Status sent = co_await channels.send(Channel::Stderr, std::move(now.err));
      if (!sent) co_return;
    }
    if (now.exited || !now.error.empty()) {
      end.exit_code = now.exit_code;
      end.error = std::move(now.error);
      break;
    }
  }
  std::string status = exitStatus(end);
  co_await channels.finish(std::move(status));
  co_await async::sleepFor(kCloseLimit);
}

}  // namespace

Result<ExecOptions> parseExecOptions(std::string_view query, bool attach) {
  ExecOptions options{.attach = attach};
  for (auto& [name, value] : http::parseQuery(query)) {
    const bool on = value == "1" || value == "true";
    if (name == "command") options.command.push_back(value);
    if (name == "input" || name == "stdin") options.stdin_open = on;
    if (name == "output" || name == "stdout") options.stdout_open = on;
    if (name == "error" || name == "stderr") options.stderr_open = on;
    if (name == "tty") options.tty = on;
  }
  // A terminal has one output only.
  if (options.tty) options.stderr_open = false;
  if (!options.stdin_open && !options.stdout_open && !options.stderr_open) {
    return failure(Code::BadRequest, "you must specify at least 1 of stdin, stdout, stderr");
  }
  if (!attach && options.command.empty()) return failure(Code::BadRequest, "you must specify a command");
  return options;
}

std::string exitStatus(const ExecOutput& end) {
  json::object status{{"metadata", json::object()}};
  if (!end.error.empty()) {
    status["status"] = "Failure";
    status["message"] = end.error;
    status["reason"] = "InternalError";
    status["code"] = 500;
  } else if (end.exit_code != 0) {
    const std::string code = std::to_string(end.exit_code);
    status["status"] = "Failure";
    status["message"] = "command terminated with non-zero exit code: exit status " + code;
    status["reason"] = "NonZeroExitCode";
    status["details"] = json::object{{"causes", json::array{json::object{{"reason", "ExitCode"}, {"message", code}}}}};
  } else {
    status["status"] = "Success";
  }
  return json::serialize(status);
}

Task<void> serveRemoteCommand(http::Exchange& exchange, Backend& backend, ContainerRef container, ExecOptions options) {
  const std::string name = fmt::format("{}/{}/{}", container.ns, container.pod, container.container);
  const Status upgradable = checkUpgrade(exchange.request());
  if (!upgradable) {
    co_await answerError(exchange, upgradable.error());
    co_return;
  }
  auto session = co_await backend.exec(container, options);
  if (!session) {
    co_await answerError(exchange, session.error());
    co_return;
  }
  auto channels = co_await acceptRemoteChannels(exchange, options);
  if (!channels) {
    log::debug("exec in {}: {}", name, channels.error().message);
    co_return;
  }
  co_await firstOf("exec in " + name, pumpInput(**channels, **session), pumpOutput(**channels, **session));
}

}  // namespace slipway::kubelet
