#include "json/compare.h"

namespace slipway::json {
namespace {

bool equalNumbers(const value& a, const value& b) {
  if (a.is_double() || b.is_double()) return a.to_number<double>() == b.to_number<double>();
  if (a.is_int64() && b.is_int64()) return a.get_int64() == b.get_int64();
  if (a.is_uint64() && b.is_uint64()) return a.get_uint64() == b.get_uint64();
  const value& with_sign = a.is_int64() ? a : b;
  const value& without = a.is_int64() ? b : a;
  return with_sign.get_int64() >= 0 && static_cast<uint64_t>(with_sign.get_int64()) == without.get_uint64();
}

void walk(const value& a, const value& b, const std::string& path, size_t limit, std::vector<std::string>& out) {
  if (out.size() >= limit || equal(a, b)) return;
  if (a.is_object() && b.is_object()) {
    auto below = [&](std::string_view key) { return path.empty() ? std::string(key) : path + "." + std::string(key); };
    for (const auto& [key, left] : a.get_object()) {
      const value* right = b.get_object().if_contains(key);
      if (right != nullptr) {
        walk(left, *right, below(key), limit, out);
      } else if (out.size() < limit) {
        out.push_back(below(key));
      }
    }
    for (const auto& [key, right] : b.get_object()) {
      if (!a.get_object().contains(key) && out.size() < limit) out.push_back(below(key));
    }
    return;
  }
  if (a.is_array() && b.is_array() && a.get_array().size() == b.get_array().size()) {
    for (size_t i = 0; i < a.get_array().size(); ++i) {
      walk(a.get_array()[i], b.get_array()[i], fmt::format("{}[{}]", path, i), limit, out);
    }
    return;
  }
  out.push_back(path);
}

}  // namespace

bool equal(const value& a, const value& b) {
  if (a.is_number() && b.is_number()) return equalNumbers(a, b);
  if (a.kind() != b.kind()) return false;
  if (const object* left = a.if_object()) {
    const object& right = b.get_object();
    if (left->size() != right.size()) return false;
    for (const auto& [key, child] : *left) {
      const value* other = right.if_contains(key);
      if (other == nullptr || !equal(child, *other)) return false;
    }
    return true;
  }
  if (const array* left = a.if_array()) {
    return std::equal(left->begin(), left->end(), b.get_array().begin(), b.get_array().end(), equal);
  }
  return a == b;
}

bool isEmpty(const value& part) {
  switch (part.kind()) {
    case kind::null:
      return true;
    case kind::bool_:
      return !part.get_bool();
    case kind::int64:
      return part.get_int64() == 0;
    case kind::uint64:
      return part.get_uint64() == 0;
    case kind::double_:
      return part.get_double() == 0;
    case kind::string:
      return part.get_string().empty();
    case kind::array:
      return part.get_array().empty();
    case kind::object:
      return std::ranges::all_of(part.get_object(), [](const auto& field) { return isEmpty(field.value()); });
  }
  return false;
}

bool equalIgnoringEmpty(const value* a, const value* b) {
  if (a == nullptr || b == nullptr) return (a == nullptr || isEmpty(*a)) && (b == nullptr || isEmpty(*b));
  return equalIgnoringEmpty(*a, *b);
}

bool equalIgnoringEmpty(const value& a, const value& b) {
  if (a.is_object() && b.is_object()) {
    for (const auto& [key, child] : a.get_object()) {
      if (!equalIgnoringEmpty(&child, b.get_object().if_contains(key))) return false;
    }
    return std::ranges::all_of(b.get_object(), [&](const auto& field) {
      return a.get_object().contains(field.key()) || isEmpty(field.value());
    });
  }
  if (a.is_array() && b.is_array()) {
    return std::equal(a.get_array().begin(), a.get_array().end(), b.get_array().begin(), b.get_array().end(),
                      [](const value& x, const value& y) { return equalIgnoringEmpty(x, y); });
  }
  return equal(a, b) || (isEmpty(a) && isEmpty(b));
}

std::vector<std::string> differingPaths(const value& a, const value& b, size_t limit) {
  std::vector<std::string> out;
  walk(a, b, "", limit, out);
  return out;
}

}  // namespace slipway::json
