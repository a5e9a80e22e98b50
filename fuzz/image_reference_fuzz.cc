// Names of images as they stand in a pod: what is understood is written in the same way again, and is one argument of a
// command line that is no option.
#include <cstdlib>

#include "container/image_reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace slipway::container;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)isLocalImage(text);
  const auto reference = parseImageReference(text);
  if (!reference) return 0;
  const std::string whole = reference->str();
  const auto again = parseImageReference(whole);
  if (!again || again->str() != whole) std::abort();
  if (reference->pullName().starts_with('-')) std::abort();
  for (const char c : whole) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\'' || c == '"' || c == '$' || c == '`') std::abort();
  }
  return 0;
}
