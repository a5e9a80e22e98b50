#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "apiserver/store/store.h"

namespace slipway::apiserver {

/// Which cluster IPs and node ports the stored Services have: an index that follows the table's changes, so that a
/// create does not read every Service. Loop thread only.
class TakenAddresses {
 public:
  explicit TakenAddresses(Store& store) : store_(store) {}

  /// Takes in what was written since the last time; before each question.
  void follow();
  /// Whether another Service than `self` (a key of the table) has it.
  bool hasAddress(const std::string& address, std::string_view self) const;
  bool hasPort(int64_t port, std::string_view self) const;
  size_t addresses() const { return by_address_.size(); }
  size_t ports() const { return by_port_.size(); }

 private:
  struct Holding {
    std::string address;
    std::vector<int64_t> ports;
  };
  void add(const Stored& service);
  void remove(const std::string& key);
  void readAll(const Table& table);

  Store& store_;
  int64_t cursor_ = 0;
  std::unordered_map<std::string, Holding> services_;
  std::unordered_multimap<std::string, std::string> by_address_;
  std::multimap<int64_t, std::string> by_port_;
};

}  // namespace slipway::apiserver
