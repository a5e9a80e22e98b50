#include "apiserver/admission/taken_addresses.h"

#include "json/document.h"

namespace slipway::apiserver {
namespace {

constexpr size_t kChangesAtOnce = 500;

/// Whether the range of an index has another holder.
bool hasOther(const auto& range, std::string_view self) {
  return std::any_of(range.first, range.second, [&](const auto& entry) { return entry.second != self; });
}

void dropHolder(auto& index, const auto& what, const std::string& key) {
  const auto [begin, end] = index.equal_range(what);
  for (auto at = begin; at != end;) at = at->second == key ? index.erase(at) : std::next(at);
}

}  // namespace

void TakenAddresses::follow() {
  const Table& table = store_.table("core/services");
  if (table.lastChange() <= cursor_) return;
  if (cursor_ < store_.historyFrom()) return readAll(table);
  while (true) {
    const std::vector<ChangePtr> changes = table.changesAfter(cursor_, kChangesAtOnce);
    if (changes.empty()) return;
    for (const ChangePtr& change : changes) {
      remove(change->now->key);
      if (!change->deleted) add(*change->now);
    }
    cursor_ = changes.back()->revision;
  }
}

void TakenAddresses::readAll(const Table& table) {
  services_.clear();
  by_address_.clear();
  by_port_.clear();
  for (const auto& [key, stored] : table.objects()) add(*stored);
  cursor_ = std::max(store_.revision(), table.lastChange());
}

bool TakenAddresses::hasAddress(const std::string& address, std::string_view self) const {
  return hasOther(by_address_.equal_range(address), self);
}

bool TakenAddresses::hasPort(int64_t port, std::string_view self) const {
  return hasOther(by_port_.equal_range(port), self);
}

void TakenAddresses::add(const Stored& service) {
  const json::value document = json::parse(service.bytes);
  const json::object& object = document.as_object();
  Holding& holding = services_[service.key];
  holding.address = json::text(object, {"spec", "clusterIP"});
  if (!holding.address.empty() && holding.address != "None") by_address_.emplace(holding.address, service.key);
  const json::array* ports = json::findArray(object, {"spec", "ports"});
  for (size_t i = 0; ports != nullptr && i < ports->size(); ++i) {
    const int64_t port = json::findInt((*ports)[i].as_object(), {"nodePort"}).value_or(0);
    if (port == 0) continue;
    holding.ports.push_back(port);
    by_port_.emplace(port, service.key);
  }
}

void TakenAddresses::remove(const std::string& key) {
  const auto known = services_.find(key);
  if (known == services_.end()) return;
  dropHolder(by_address_, known->second.address, key);
  for (const int64_t port : known->second.ports) dropHolder(by_port_, port, key);
  services_.erase(known);
}

}  // namespace slipway::apiserver
