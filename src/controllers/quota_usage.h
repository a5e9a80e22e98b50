#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kube/quantity.h"
#include "kube/resource.h"

namespace slipway::controllers {

/// Amounts by a ResourceQuota's names: "pods", "requests.cpu", "count/deployments.apps".
using QuotaAmounts = std::map<std::string, kube::Quantity>;
void addTo(QuotaAmounts& sum, const QuotaAmounts& part);

/// What a pod uses up. One that has ended, or that should be gone by `now`, uses only its "count/pods".
QuotaAmounts usageOfPod(const kube::Object& pod, WallTime now);
/// What a service, a claim or an object of any other kind uses up, beside its "count/...".
QuotaAmounts usageOfObject(const kube::Resource& resource, const kube::Object& object);

/// "count/deployments.apps".
std::string countName(const kube::Resource& resource);

}  // namespace slipway::controllers
