#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

namespace slipway::log {
namespace {

constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%e%z %^%-5l%$ %v";
// The message arrives as a JSON string, quotes included.
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","msg":%v})";

Format g_format = Format::Text;

spdlog::logger& sink() {
  static auto logger = [] {
    auto made = spdlog::stderr_logger_mt("slipway");
    made->set_pattern(kTextPattern);
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum levelOf(Level level) {
  switch (level) {
    case Level::Trace:
      return spdlog::level::trace;
    case Level::Debug:
      return spdlog::level::debug;
    case Level::Info:
      return spdlog::level::info;
    case Level::Warn:
      return spdlog::level::warn;
    case Level::Error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

Result<Level> parseLevel(std::string_view name) {
  for (auto [text, level] : {std::pair{"trace", Level::Trace},
                             {"debug", Level::Debug},
                             {"info", Level::Info},
                             {"warn", Level::Warn},
                             {"warning", Level::Warn},
                             {"error", Level::Error}}) {
    if (name == text) return level;
  }
  return failure(Code::BadRequest, "log level '{}' is not one of trace, debug, info, warn, error", name);
}

Result<Format> parseFormat(std::string_view name) {
  if (name == "text") return Format::Text;
  if (name == "json") return Format::Json;
  return failure(Code::BadRequest, "log format '{}' is not one of text, json", name);
}

void configure(Level level, Format format) {
  g_format = format;
  sink().set_pattern(format == Format::Json ? kJsonPattern : kTextPattern);
  sink().set_level(levelOf(level));
}

bool enabled(Level level) {
  return sink().should_log(levelOf(level));
}

void write(Level level, std::string_view message) {
  if (g_format == Format::Json) {
    sink().log(levelOf(level), boost::json::serialize(boost::json::value(boost::json::string(message))));
    return;
  }
  sink().log(levelOf(level), spdlog::string_view_t(message.data(), message.size()));
}

}  // namespace slipway::log
