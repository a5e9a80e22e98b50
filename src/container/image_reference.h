#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::container {

/// The name of an image as Kubernetes reads it: "busybox" is docker.io/library/busybox:latest.
struct ImageReference {
  std::string registry;    ///< "docker.io", "localhost:5000"
  std::string repository;  ///< "library/busybox"
  std::string tag;         ///< empty when there is a digest and no tag
  std::string digest;      ///< "sha256:...", or empty

  /// "registry/repository[:tag][@digest]".
  std::string str() const;
  /// For skopeo and others that allow no tag beside a digest.
  std::string pullName() const;
};

/// Invalid ("couldn't parse image name ...") for upper case, bad characters, empty parts, broken digests.
Result<ImageReference> parseImageReference(std::string_view text);

/// True for a local image: an absolute path, or a file:// one.
bool isLocalImage(std::string_view text);

}  // namespace slipway::container
