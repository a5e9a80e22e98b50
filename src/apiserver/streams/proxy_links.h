#pragma once

#include <string>
#include <string_view>

namespace slipway::apiserver {

/// Makes the links of a page that came through a proxy lead through it again: `/x` becomes `<prefix>/x`, and so does
/// an address that names the host behind the proxy. Relative links and those to other hosts stay.
///
/// Takes the page in pieces; a tag that is cut waits for its end. Not thread-safe.
class ProxyLinks {
 public:
  /// `prefix`: the path up to and with "/proxy"; `host`: "10.0.0.1:80", as the page's program knows itself.
  ProxyLinks(std::string prefix, std::string host) : prefix_(std::move(prefix)), host_(std::move(host)) {}

  std::string link(std::string_view url) const;
  std::string feed(std::string_view html);
  /// What was still waiting.
  std::string finish();

 private:
  /// The next whole piece of what waits, as it is to be sent; false when more is needed.
  bool take(std::string& out);
  std::string rewriteTag(std::string_view tag) const;

  std::string prefix_;
  std::string host_;
  std::string waiting_;
  std::string raw_;  ///< within <script> or <style>: its end tag
};

}  // namespace slipway::apiserver
