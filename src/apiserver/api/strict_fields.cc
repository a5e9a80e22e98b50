#include "apiserver/api/strict_fields.h"

#include <map>

#include "base/strings.h"

namespace slipway::apiserver {
namespace {

void addPathsOf(const json::value& value, const std::string& path, std::vector<std::string>& out) {
  if (const json::object* object = value.if_object()) {
    for (const auto& [key, field] : *object) {
      const std::string here = path.empty() ? std::string(key) : fmt::format("{}.{}", path, std::string_view(key));
      out.push_back(here);
      addPathsOf(field, here, out);
    }
  } else if (const json::array* list = value.if_array()) {
    for (size_t i = 0; i < list->size(); ++i) addPathsOf((*list)[i], fmt::format("{}[{}]", path, i), out);
  }
}

size_t placeOf(const std::string& problem, const std::vector<std::string>& order) {
  const size_t from = problem.find('"') + 1;
  const std::string path = problem.substr(from, problem.rfind('"') - from);
  return static_cast<size_t>(std::find(order.begin(), order.end(), path) - order.begin());
}

}  // namespace

void noteDuplicates(const std::vector<std::string>& paths, const json::object* body, WriteContext& context) {
  for (const std::string& path : paths) context.duplicates.push_back(fmt::format("duplicate field \"{}\"", path));
  if (!paths.empty() && body != nullptr) addPathsOf(*body, "", context.field_order);
}

void noteYamlDuplicates(const std::vector<std::string>& places, WriteContext& context) {
  if (!places.empty()) context.duplicates.push_back("yaml: unmarshal errors:\n  " + join(places, "\n  "));
}

std::vector<std::string> strictProblems(const std::vector<std::string>& duplicates,
                                        const std::vector<std::string>& unknown,
                                        const std::vector<std::string>& order) {
  std::vector<std::string> all = duplicates;
  all.insert(all.end(), unknown.begin(), unknown.end());
  if (order.empty()) return all;
  std::multimap<size_t, std::string> placed;
  for (std::string& problem : all) {
    const size_t place = placeOf(problem, order);
    placed.emplace(place, std::move(problem));
  }
  all.clear();
  for (auto& [place, problem] : placed) all.push_back(std::move(problem));
  return all;
}

}  // namespace slipway::apiserver
