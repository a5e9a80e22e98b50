#include "apiserver/streams/proxy_links.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace slipway::apiserver {
namespace {

constexpr size_t kLongestTag = 64 * 1024;

// The attributes that hold an address, by element (HTML 4 and 5).
constexpr std::pair<std::string_view, std::string_view> kLinks[] = {
    {"a", "href"},          {"applet", "codebase"}, {"area", "href"},         {"audio", "src"},    {"base", "href"},
    {"blockquote", "cite"}, {"body", "background"}, {"button", "formaction"}, {"command", "icon"}, {"del", "cite"},
    {"embed", "src"},       {"form", "action"},     {"frame", "longdesc"},    {"frame", "src"},    {"head", "profile"},
    {"html", "manifest"},   {"iframe", "longdesc"}, {"iframe", "src"},        {"img", "longdesc"}, {"img", "src"},
    {"img", "usemap"},      {"input", "src"},       {"input", "formaction"},  {"input", "usemap"}, {"ins", "cite"},
    {"link", "href"},       {"object", "classid"},  {"object", "codebase"},   {"object", "data"},  {"object", "usemap"},
    {"q", "cite"},          {"script", "src"},      {"source", "src"},        {"track", "src"},    {"video", "poster"},
    {"video", "src"},
};

bool isLink(std::string_view element, std::string_view attribute) {
  return std::find(std::begin(kLinks), std::end(kLinks), std::pair(element, attribute)) != std::end(kLinks);
}

bool isSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/// Where the tag that begins at 0 ends, after its '>'; npos when it does not yet.
size_t endOfTag(std::string_view text) {
  char quote = 0;
  for (size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '>') {
      return i + 1;
    } else if ((c == '"' || c == '\'') && text[i - 1] == '=') {
      quote = c;
    }
  }
  return std::string_view::npos;
}

std::string nameOfTag(std::string_view tag) {
  size_t end = 1;
  while (end < tag.size() && !isSpace(tag[end]) && tag[end] != '>' && tag[end] != '/') ++end;
  return toLower(tag.substr(1, end - 1));
}

size_t findIgnoringCase(std::string_view text, std::string_view what) {
  const auto same = [](char a, char b) { return toLower(std::string_view(&a, 1)) == std::string_view(&b, 1); };
  const auto found = std::search(text.begin(), text.end(), what.begin(), what.end(), same);
  return found == text.end() ? std::string_view::npos : static_cast<size_t>(found - text.begin());
}

}  // namespace

std::string ProxyLinks::link(std::string_view url) const {
  std::string_view path = url;
  const size_t scheme = url.find("//");
  if (scheme == 0 || (scheme != std::string_view::npos && scheme > 0 && url[scheme - 1] == ':')) {
    const std::string_view after = url.substr(scheme + 2);
    const size_t end = std::min(after.find_first_of("/?#"), after.size());
    if (after.substr(0, end) != host_) return std::string(url);
    path = after.substr(end);
    if (path.empty()) path = "/";
  }
  if (!path.starts_with('/')) return std::string(url);
  if (path.starts_with(prefix_)) return std::string(path);
  return prefix_ + std::string(path);
}

std::string ProxyLinks::rewriteTag(std::string_view tag) const {
  const std::string element = nameOfTag(tag);
  std::string out;
  size_t sent = 0;
  size_t i = 1 + element.size();
  while (i < tag.size()) {
    while (i < tag.size() && (isSpace(tag[i]) || tag[i] == '/')) ++i;
    const size_t name_begin = i;
    while (i < tag.size() && !isSpace(tag[i]) && tag[i] != '=' && tag[i] != '>' && tag[i] != '/') ++i;
    const std::string name = toLower(tag.substr(name_begin, i - name_begin));
    while (i < tag.size() && isSpace(tag[i])) ++i;
    if (i >= tag.size() || tag[i] == '>') break;
    if (tag[i] != '=') {
      if (i == name_begin) ++i;
      continue;
    }
    ++i;
    while (i < tag.size() && isSpace(tag[i])) ++i;
    const bool quoted = i < tag.size() && (tag[i] == '"' || tag[i] == '\'');
    const size_t begin = quoted ? i + 1 : i;
    const size_t end = std::min(quoted ? tag.find(tag[i], begin) : tag.find_first_of(" \t\r\n\f>", begin), tag.size());
    if (isLink(element, name)) {
      out.append(tag.substr(sent, begin - sent)).append(link(tag.substr(begin, end - begin)));
      sent = end;
    }
    i = quoted ? end + 1 : end;
  }
  return out.append(tag.substr(sent));
}

bool ProxyLinks::take(std::string& out) {
  if (waiting_.empty()) return false;
  const auto pass = [&](size_t count) {
    out.append(waiting_, 0, count);
    waiting_.erase(0, count);
    return true;
  };
  if (!raw_.empty()) {
    const size_t end = findIgnoringCase(waiting_, raw_);
    if (end != std::string::npos) {
      raw_.clear();
      return pass(end + 1);
    }
    return waiting_.size() > raw_.size() && pass(waiting_.size() - raw_.size());
  }
  const size_t begin = waiting_.find('<');
  if (begin != 0) return pass(std::min(begin, waiting_.size()));
  if (waiting_.starts_with("<!--")) {
    const size_t end = waiting_.find("-->", 4);
    if (end == std::string::npos) return waiting_.size() > kLongestTag && pass(4);
    return pass(end + 3);
  }
  const size_t end = endOfTag(waiting_);
  if (end == std::string::npos) return waiting_.size() > kLongestTag && pass(1);
  const std::string tag = waiting_.substr(0, end);
  waiting_.erase(0, end);
  out += rewriteTag(tag);
  const std::string name = nameOfTag(tag);
  if ((name == "script" || name == "style") && !tag.ends_with("/>")) raw_ = "</" + name;
  return true;
}

std::string ProxyLinks::feed(std::string_view html) {
  waiting_ += html;
  std::string out;
  while (take(out)) continue;
  return out;
}

std::string ProxyLinks::finish() {
  return std::exchange(waiting_, {});
}

}  // namespace slipway::apiserver
