#include "schema/field_set.h"

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
    set.children.emplace(element, std::move(below));
  }
  return set;
}

}  // namespace

void FieldSet::insert(const std::vector<std::string>& path) {
  FieldSet* here = this;
  for (const std::string& element : path) here = &here->children[element];
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
  auto at = children.find(element);
  return at == children.end() ? nullptr : &at->second;
}

FieldSet FieldSet::unite(const FieldSet& other) const {
  FieldSet out = *this;
  out.member = member || other.member;
  for (const auto& [element, below] : other.children) {
    auto at = out.children.find(element);
    if (at == out.children.end()) {
      out.children.emplace(element, below);
    } else {
      at->second = at->second.unite(below);
    }
  }
  return out;
}

FieldSet FieldSet::intersect(const FieldSet& other) const {
  FieldSet out;
  out.member = member && other.member;
  for (const auto& [element, set] : children) {
    const FieldSet* match = other.below(element);
    if (match == nullptr) continue;
    FieldSet both = set.intersect(*match);
    if (!both.empty()) out.children.emplace(element, std::move(both));
  }
  return out;
}

FieldSet FieldSet::subtract(const FieldSet& other) const {
  FieldSet out;
  out.member = member && !other.member;
  for (const auto& [element, set] : children) {
    const FieldSet* match = other.below(element);
    FieldSet left = match == nullptr ? set : set.subtract(*match);
    if (!left.empty()) out.children.emplace(element, std::move(left));
  }
  return out;
}

void FieldSet::absorb(FieldSet other) {
  member = member || other.member;
  while (!other.children.empty()) {
    auto part = other.children.extract(other.children.begin());
    const auto at = children.find(part.key());
    if (at == children.end()) {
      children.insert(children.end(), std::move(part));
    } else {
      at->second.absorb(std::move(part.mapped()));
    }
  }
}

void FieldSet::remove(const FieldSet& other) {
  member = member && !other.member;
  for (const auto& [element, set] : other.children) {
    const auto at = children.find(element);
    if (at == children.end()) continue;
    at->second.remove(set);
    if (at->second.empty()) children.erase(at);
  }
}

void FieldSet::prune(const std::vector<std::string>& path) {
  if (path.empty()) return;
  auto at = children.find(path.front());
  if (at == children.end()) return;
  if (path.size() > 1) {
    at->second.prune({path.begin() + 1, path.end()});
    if (!at->second.empty()) return;
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

std::string keyElement(const std::map<std::string, json::value>& keys) {
  json::object out;
  for (const auto& [name, part] : keys) out[name] = part;
  return "k:" + json::serialize(out);
}

std::string valueElement(const json::value& element) {
  return "v:" + json::serialize(element);
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
