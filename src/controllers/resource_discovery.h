#pragma once

#include <functional>
#include <string>
#include <vector>

#include "async/task.h"
#include "kube/resource.h"

namespace slipway::controllers {

/// A kind as the server serves it in one version.
struct ApiResource {
  kube::Resource resource;
  std::vector<std::string> verbs;
  bool can(std::string_view verb) const;
};

/// What a server serves. `resources` has the preferred version of a kind before its others.
struct Discovered {
  struct Gap {
    std::string group;
    std::string version;
    std::string why;
  };
  std::vector<ApiResource> resources;
  std::vector<Gap> gaps;  ///< what could not be asked: an aggregated API that is down

  /// Each kind once, in its preferred version, if it has all the verbs.
  std::vector<ApiResource> preferred(std::initializer_list<std::string_view> verbs) const;
  /// Null if the server has no such kind.
  const ApiResource* findKind(std::string_view api_version, std::string_view kind) const;
};

/// Port: asks the server what it serves now. An error means that nothing is known.
using ResourceDiscovery = std::function<Task<Result<Discovered>>()>;

/// Port: GET of a path, "/apis" or "/apis/apps/v1", with `accept`. kube::HttpClient::getPath() fits.
using FetchPath = std::function<Task<Result<kube::Object>>(std::string path, std::string accept)>;

/// Discovery by HTTP: the aggregated form (two requests), or one request for each group version where a server has no
/// such form.
ResourceDiscovery discoverBy(FetchPath fetch);

/// What an APIGroupDiscoveryList says is added to `out`.
void readAggregated(const kube::Object& list, Discovered& out);
/// What an APIResourceList of one group version says is added to `out`.
void readResourceList(const kube::Object& list, const std::string& group, const std::string& version, Discovered& out);

}  // namespace slipway::controllers
