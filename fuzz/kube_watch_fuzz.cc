// Bytes of a watch, fed whole and in two pieces: the decoder must give the same events and never break.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "kube/quantity.h"
#include "kube/selector.h"
#include "kube/watch_stream.h"

namespace {

int eventsOf(slipway::kube::WatchDecoder& decoder) {
  int events = 0;
  while (true) {
    const auto event = decoder.next();
    if (!event) return -1;
    if (!*event) return events;
    ++events;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  slipway::kube::WatchDecoder whole;
  whole.feed(bytes);
  const int all = eventsOf(whole);
  slipway::kube::WatchDecoder pieces;
  pieces.feed(bytes.substr(0, size / 2));
  const int first = eventsOf(pieces);
  if (first >= 0) {
    pieces.feed(bytes.substr(size / 2));
    const int second = eventsOf(pieces);
    if ((all < 0) != (second < 0) || (all >= 0 && all != first + second)) std::abort();
  }
  (void)slipway::kube::LabelSelector::parse(bytes);
  (void)slipway::kube::FieldSelector::parse(bytes);
  if (const auto quantity = slipway::kube::Quantity::parse(bytes)) {
    const auto again = slipway::kube::Quantity::parse(quantity->str());
    if (!again || *again != *quantity) std::abort();
  }
  return 0;
}
