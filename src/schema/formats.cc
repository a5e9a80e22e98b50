#include "schema/formats.h"

#include <arpa/inet.h>

#include "base/strings.h"

namespace slipway::schema {
namespace {

constexpr std::string_view kLabelRegex = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
constexpr std::string_view kSubdomainRegex = R"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)";
constexpr std::string_view kNameRegex = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

bool lowerAlnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool alnum(char c) {
  return lowerAlnum(c) || (c >= 'A' && c <= 'Z');
}

template <typename Inner, typename Edge>
bool matches(std::string_view text, Inner inner, Edge edge) {
  return !text.empty() && edge(text.front()) && edge(text.back()) && std::ranges::all_of(text, inner);
}

bool isLabel(std::string_view text) {
  return matches(text, [](char c) { return lowerAlnum(c) || c == '-'; }, lowerAlnum);
}

bool everyPart(std::string_view text, bool (*part)(std::string_view)) {
  std::vector<std::string_view> parts = split(text, '.');
  return !parts.empty() && std::ranges::all_of(parts, part);
}

std::string tooLong(size_t most) {
  return fmt::format("must be no more than {} characters", most);
}

std::string regexProblem(std::string_view words, std::string_view regex, std::vector<std::string> examples) {
  // The odd ",  or" is how the real server joins examples.
  std::string list;
  for (size_t i = 0; i < examples.size(); ++i) list += fmt::format("{}'{}'", i == 0 ? "" : ",  or ", examples[i]);
  return fmt::format("{} (e.g. {}, regex used for validation is '{}')", words, list, regex);
}

std::string subdomainProblem() {
  return regexProblem(
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
      "and "
      "end with an alphanumeric character",
      kSubdomainRegex, {"example.com"});
}

std::string nameProblem(std::string_view what) {
  return regexProblem(fmt::format("{} must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
                                  "with an alphanumeric character",
                                  what),
                      kNameRegex, {"MyName", "my.name", "123-abc"});
}

bool isName(std::string_view text) {
  return matches(text, [](char c) { return alnum(c) || c == '-' || c == '_' || c == '.'; }, alnum);
}

}  // namespace

Problems anything(std::string_view) {
  return {};
}

Problems dnsLabel(std::string_view text) {
  Problems out;
  if (text.size() > 63) out.push_back(tooLong(63));
  if (isLabel(text)) return out;
  if (everyPart(text, isLabel)) {
    out.emplace_back("must not contain dots");
  } else {
    out.push_back(
        regexProblem("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
                     "must start and end with an alphanumeric character",
                     kLabelRegex, {"my-name", "123-abc"}));
  }
  return out;
}

Problems dnsSubdomain(std::string_view text) {
  Problems out;
  if (text.size() > 253) out.push_back(tooLong(253));
  if (!everyPart(text, isLabel)) out.push_back(subdomainProblem());
  return out;
}

Problems dnsSubdomainUnderscore(std::string_view text) {
  auto part = [](std::string_view one) {
    if (one.starts_with('_')) one.remove_prefix(1);
    return matches(one, [](char c) { return lowerAlnum(c) || c == '-' || c == '_'; }, lowerAlnum);
  };
  Problems out;
  if (text.size() > 253) out.push_back(tooLong(253));
  if (!everyPart(text, +part)) {
    out.push_back(
        regexProblem("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' "
                     "or '.', and must start and end with an alphanumeric character",
                     R"(_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*)", {"example.com"}));
  }
  return out;
}

Problems wildcardSubdomain(std::string_view text) {
  if (text.starts_with("*.") && everyPart(text.substr(2), isLabel) && text.size() <= 253) return {};
  return {
      regexProblem("a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must "
                   "consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
                   R"(\*\.)" + std::string(kSubdomainRegex), {"*.example.com"})};
}

Problems dns1035Label(std::string_view text) {
  Problems out;
  if (text.size() > 63) out.push_back(tooLong(63));
  if (!isLabel(text) || (text[0] >= '0' && text[0] <= '9')) {
    out.push_back(
        regexProblem("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
                     "alphabetic character, and end with an alphanumeric character",
                     "[a-z]([-a-z0-9]*[a-z0-9])?", {"my-name", "abc-123"}));
  }
  return out;
}

Problems qualifiedName(std::string_view text) {
  std::vector<std::string_view> parts = split(text, '/');
  if (parts.size() > 2) {
    return {nameProblem("a valid label key") +
            " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"};
  }
  Problems out;
  std::string_view name = parts.empty() ? "" : parts.back();
  if (parts.size() == 2) {
    if (parts[0].empty()) {
      out.emplace_back("prefix part must be non-empty");
    } else {
      for (const std::string& problem : dnsSubdomain(parts[0])) out.push_back("prefix part " + problem);
    }
  }
  if (name.empty()) {
    out.emplace_back("name part must be non-empty");
  } else if (name.size() > 63) {
    out.emplace_back("name part must be no more than 63 bytes");
  }
  if (!isName(name)) out.push_back(nameProblem("name part"));
  return out;
}

Problems annotationKey(std::string_view text) {
  return qualifiedName(toLower(text));
}

Problems labelValue(std::string_view text) {
  Problems out;
  if (text.size() > 63) out.emplace_back("must be no more than 63 bytes");
  if (!text.empty() && !isName(text)) {
    out.push_back(
        regexProblem("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
                     "and must start and end with an alphanumeric character",
                     "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", {"MyValue", "my_value", "12345"}));
  }
  return out;
}

Problems pathSegment(std::string_view text) {
  if (text == "." || text == "..") return {fmt::format("may not be '{}'", text)};
  Problems out;
  for (char bad : {'/', '%'}) {
    if (text.find(bad) != std::string_view::npos) out.push_back(fmt::format("may not contain '{}'", bad));
  }
  return out;
}

Problems envVarName(std::string_view text) {
  bool fine = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != '='; });
  if (fine) return {};
  return {"a valid environment variable name must consist only of printable ASCII characters other than '='"};
}

Problems configMapKey(std::string_view text) {
  Problems out;
  if (text.size() > 253) out.push_back(tooLong(253));
  bool fine =
      !text.empty() && std::ranges::all_of(text, [](char c) { return alnum(c) || c == '-' || c == '_' || c == '.'; });
  if (!fine) {
    out.push_back(regexProblem("a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
                               "[-._a-zA-Z0-9]+", {"key.name", "KEY_NAME", "key-name"}));
  } else if (text == ".") {
    out.emplace_back("must not be '.'");
  } else if (text == "..") {
    out.emplace_back("must not be '..'");
  } else if (text.starts_with("..")) {
    out.emplace_back("must not start with '..'");
  }
  return out;
}

Problems httpHeaderName(std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, [](char c) { return alnum(c) || c == '-'; })) return {};
  return {regexProblem("a valid HTTP header must consist of alphanumeric characters or '-'", "[-A-Za-z0-9]+",
                       {"X-Header-Name"})};
}

Problems portName(std::string_view text) {
  Problems out;
  if (text.size() > 15) out.push_back(tooLong(15));
  if (!std::ranges::all_of(text, [](char c) { return lowerAlnum(c) || c == '-'; })) {
    out.emplace_back("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (std::ranges::none_of(text, [](char c) { return c >= 'a' && c <= 'z'; })) {
    out.emplace_back("must contain at least one letter (a-z)");
  }
  if (text.find("--") != std::string_view::npos) out.emplace_back("must not contain consecutive hyphens");
  if (text.starts_with('-') || text.ends_with('-')) out.emplace_back("must not begin or end with a hyphen");
  return out;
}

Problems percent(std::string_view text) {
  std::string_view digits = text.ends_with('%') ? text.substr(0, text.size() - 1) : "";
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return {regexProblem("a valid percent string must be a numeric string followed by an ending '%'", "[0-9]+%",
                         {"1%", "93%"})};
  }
  return {};
}

bool isIpv6(std::string_view text) {
  in6_addr address;
  return inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

bool isIp(std::string_view text) {
  in_addr address;
  return inet_pton(AF_INET, std::string(text).c_str(), &address) == 1 || isIpv6(text);
}

Problems ipAddress(std::string_view text) {
  if (isIp(text)) return {};
  return {"must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"};
}

Problems canonicalIp(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> written{};
  in6_addr six;
  if (inet_pton(AF_INET6, std::string(text).c_str(), &six) == 1) {
    inet_ntop(AF_INET6, &six, written.data(), written.size());
    if (text == written.data()) return {};
    return {fmt::format("must be in canonical form (\"{}\")", written.data())};
  }
  if (isIp(text)) return {};
  const std::vector<std::string_view> parts = split(text, '.');
  const auto numeric = [](std::string_view part) { return parseInt(part).has_value(); };
  if (parts.size() == 4 && std::ranges::all_of(parts, numeric)) {
    const auto padded = [](std::string_view part) { return part.size() > 1 && part.starts_with('0'); };
    if (std::ranges::any_of(parts, padded)) return {"must not have leading 0s"};
  }
  return ipAddress(text);
}

Problems canonicalCidr(std::string_view text) {
  Problems problems = cidr(text);
  if (!problems.empty()) return problems;
  const auto [address, bits] = splitOnce(text, '/');
  const bool six = isIpv6(address);
  std::array<unsigned char, 16> bytes{};
  inet_pton(six ? AF_INET6 : AF_INET, std::string(address).c_str(), bytes.data());
  const auto width = static_cast<size_t>(*parseInt(bits));
  for (size_t bit = width; bit < (six ? 128U : 32U); ++bit) {
    if ((bytes[bit / 8] & (0x80U >> (bit % 8))) != 0) return {"must not have bits set beyond the prefix length"};
  }
  return canonicalIp(address);
}

Problems cidr(std::string_view text) {
  auto [address, bits] = splitOnce(text, '/');
  std::optional<int64_t> width = parseInt(bits);
  if (isIp(address) && width && *width >= 0 && *width <= (isIpv6(address) ? 128 : 32)) return {};
  return {"must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"};
}

Problems noBacksteps(std::string_view text) {
  for (std::string_view part : split(text, '/')) {
    if (part == "..") return {"must not contain '..'"};
  }
  return {};
}

Problems relativePath(std::string_view text) {
  Problems out;
  if (text.starts_with('/')) out.emplace_back("must be a relative path");
  for (std::string& problem : noBacksteps(text)) out.push_back(std::move(problem));
  return out;
}

}  // namespace slipway::schema
