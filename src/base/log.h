#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

/// The log of the process: stderr, text for people or one JSON object a line. Safe from every thread.
/// A message names its object ("node n1: ..."); errors are logged once, at the top, by whoever gives up.
namespace slipway::log {

enum class Level { Trace, Debug, Info, Warn, Error };
enum class Format { Text, Json };

/// Accepts trace, debug, info, warn, error.
Result<Level> parseLevel(std::string_view name);
/// Accepts text, json.
Result<Format> parseFormat(std::string_view name);

void configure(Level level, Format format);
bool enabled(Level level);
void write(Level level, std::string_view message);

template <typename... Args>
void at(Level level, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(level)) write(level, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void trace(fmt::format_string<Args...> format, Args&&... args) {
  at(Level::Trace, format, std::forward<Args>(args)...);
}
template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  at(Level::Debug, format, std::forward<Args>(args)...);
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  at(Level::Info, format, std::forward<Args>(args)...);
}
template <typename... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  at(Level::Warn, format, std::forward<Args>(args)...);
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  at(Level::Error, format, std::forward<Args>(args)...);
}

}  // namespace slipway::log
