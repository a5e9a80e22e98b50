#include "schema/field_set.h"

#include <algorithm>

namespace slipway::schema {
namespace {

constexpr size_t kMaxDepth = 256;

void collect(const FieldSet& set, const std::string& path, std::vector<std::string>& out) {
  for (const auto& [element, below] : set.children) {
    if (below.member) out.push_back(path + shownElement(element));
  }
  for (const auto& [element, below] : set.children) {
    if (!below.children.empty()) collect(below, path + shownElement(element), out);
  }
}

Result<FieldSet> read(const json::value& fields, size_t depth) {
  FieldSet set;
  const json::object* map = fields.if_object();
  if (map == nullptr || depth > kMaxDepth) return failure(Code::BadRequest, "fieldsV1 is not a tree of objects");
  if (map->empty()) set.member = true;
  for (const auto& [key, part] : *map) {
    std::string_view element(key);
    if (element == ".") {
      set.member = true;
      continue;
    }
    bool known =
        element.size() > 1 && element[1] == ':' && std::string_view("fkvi").find(element[0]) != std::string_view::npos;
    if (!known) return failure(Code::BadRequest, "fieldsV1 has no path element {:?}", element);
    TRY(FieldSet below, read(part, depth + 1));
    set.add(std::string(element), std::move(below));
  }
  set.sort();
  return set;
}

/// Where the child is or would be.
auto place(auto& children, std::string_view element) {
  return std::ranges::lower_bound(children, element, {},
                                  [](const auto& child) { return std::string_view(child.element); });
}

/// A string that JSON writes as it is.
bool isPlain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7F && c != '"' && c != '\\'; });
}

void appendJson(const json::value& part, std::string& out) {
  const json::string* text = part.if_string();
  if (text == nullptr || !isPlain(*text)) {
    out += json::serialize(part);
  } else {
    (out += '"').append(*text) += '"';
  }
}

/// Walks two ordered lists of children together: `both` for what is in the two, `left` and `right` for the rest.
template <typename Both, typename Left, typename Right>
void inStep(const std::vector<FieldSet::Child>& a, const std::vector<FieldSet::Child>& b, Both both, Left left,
            Right right) {
  auto one = a.begin(), two = b.begin();
  while (one != a.end() || two != b.end()) {
    const int order = one == a.end() ? 1 : two == b.end() ? -1 : one->element.compare(two->element);
    if (order == 0) {
      both(one->element, one->below, two->below);
      ++one, ++two;
    } else if (order < 0) {
      left(*one++);
    } else {
      right(*two++);
    }
  }
}

}  // namespace

void FieldSet::add(std::string element, FieldSet below) {
  children.push_back({std::move(element), std::move(below)});
}

void FieldSet::sort() {
  if (!std::ranges::is_sorted(children, {}, &Child::element)) std::ranges::sort(children, {}, &Child::element);
}

bool FieldSet::operator==(const FieldSet& other) const {
  return member == other.member && children == other.children;
}

void FieldSet::insert(const std::vector<std::string>& path) {
  FieldSet* here = this;
  for (const std::string& element : path) {
    auto at = place(here->children, element);
    if (at == here->children.end() || at->element != element) at = here->children.insert(at, {element, {}});
    here = &at->below;
  }
  here->member = !path.empty();
}

bool FieldSet::has(const std::vector<std::string>& path) const {
  const FieldSet* here = this;
  for (const std::string& element : path) {
    here = here->below(element);
    if (here == nullptr) return false;
  }
  return here->member;
}

const FieldSet* FieldSet::below(std::string_view element) const {
  const auto at = place(children, element);
  return at == children.end() || at->element != element ? nullptr : &at->below;
}

FieldSet FieldSet::unite(const FieldSet& other) const {
  FieldSet out;
  out.member = member || other.member;
  const auto keep = [&](const Child& child) { out.children.push_back(child); };
  inStep(
      children, other.children,
      [&](const std::string& element, const FieldSet& a, const FieldSet& b) { out.add(element, a.unite(b)); }, keep,
      keep);
  return out;
}

FieldSet FieldSet::intersect(const FieldSet& other) const {
  FieldSet out;
  out.member = member && other.member;
  const auto skip = [](const Child&) {};
  inStep(
      children, other.children,
      [&](const std::string& element, const FieldSet& a, const FieldSet& b) {
        FieldSet both = a.intersect(b);
        if (!both.empty()) out.add(element, std::move(both));
      },
      skip, skip);
  return out;
}

FieldSet FieldSet::subtract(const FieldSet& other) const {
  FieldSet out = *this;
  out.remove(other);
  return out;
}

void FieldSet::absorb(FieldSet other) {
  member = member || other.member;
  if (children.empty()) children.swap(other.children);
  if (other.children.empty()) return;
  std::vector<Child> out;
  out.reserve(children.size() + other.children.size());
  auto mine = children.begin(), theirs = other.children.begin();
  while (mine != children.end() || theirs != other.children.end()) {
    const int order = mine == children.end()           ? 1
                      : theirs == other.children.end() ? -1
                                                       : mine->element.compare(theirs->element);
    if (order == 0) mine->below.absorb(std::move(theirs++->below));
    out.push_back(std::move(order <= 0 ? *mine++ : *theirs++));
  }
  children = std::move(out);
}

void FieldSet::remove(const FieldSet& other) {
  member = member && !other.member;
  for (const auto& [element, set] : other.children) {
    const auto at = place(children, element);
    if (at == children.end() || at->element != element) continue;
    at->below.remove(set);
    if (at->below.empty()) children.erase(at);
  }
}

void FieldSet::prune(const std::vector<std::string>& path) {
  if (path.empty()) return;
  auto at = place(children, path.front());
  if (at == children.end() || at->element != path.front()) return;
  if (path.size() > 1) {
    at->below.prune({path.begin() + 1, path.end()});
    if (!at->below.empty()) return;
  }
  children.erase(at);
}

std::vector<std::string> FieldSet::paths() const {
  std::vector<std::string> out;
  collect(*this, "", out);
  return out;
}

json::object FieldSet::toJson() const {
  json::object out;
  out.reserve(children.size() + 1);
  if (member && !children.empty()) out["."] = json::object();
  for (const auto& [element, set] : children) out[element] = set.toJson();
  return out;
}

Result<FieldSet> FieldSet::fromJson(const json::value& fields) {
  TRY(FieldSet set, read(fields, 0));
  set.member = false;  // The root is no path.
  return set;
}

std::string fieldElement(std::string_view name) {
  std::string element = "f:";
  element += name;
  return element;
}

std::string keyElement(std::vector<std::pair<std::string_view, json::value>> keys) {
  std::ranges::sort(keys, {}, [](const auto& key) { return key.first; });
  std::string out = "k:{";
  for (const auto& [name, part] : keys) {
    if (out.size() > 3) out += ',';
    (out += '"').append(name) += "\":";
    appendJson(part, out);
  }
  return out += '}';
}

std::string valueElement(const json::value& element) {
  std::string out = "v:";
  appendJson(element, out);
  return out;
}

std::string shownElement(std::string_view element) {
  std::string_view rest = element.substr(2);
  switch (element.front()) {
    case 'f':
      return fmt::format(".{}", rest);
    case 'v':
      return fmt::format("[={}]", rest);
    case 'k': {
      json::error_code problem;
      json::value keys = json::parse(rest, problem);
      if (problem || !keys.is_object()) return fmt::format("[{}]", rest);
      std::vector<std::string> parts;
      for (const auto& [name, part] : keys.get_object()) {
        parts.push_back(fmt::format("{}={}", std::string_view(name), json::serialize(part)));
      }
      return fmt::format("[{}]", fmt::join(parts, ","));
    }
    default:
      return fmt::format("[{}]", rest);
  }
}

}  // namespace slipway::schema
