#include "apiserver/admission/chain.h"

namespace slipway::apiserver {

Task<Done> AdmissionChain::mutate(AdmissionRequest& request) {
  for (const auto& plugin : plugins_) {
    Done done = co_await plugin->mutate(request);
    if (!done) co_return done;
  }
  co_return Done();
}

Task<Done> AdmissionChain::validate(const AdmissionRequest& request) {
  for (const auto& plugin : plugins_) {
    Done done = co_await plugin->validate(request);
    if (!done) co_return done;
  }
  co_return Done();
}

}  // namespace slipway::apiserver
