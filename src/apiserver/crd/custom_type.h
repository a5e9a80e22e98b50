#pragma once

#include "apiserver/crd/structural.h"
#include "schema/schema.h"

namespace slipway::apiserver {

/// A structural schema as a schema::Type, which is what field ownership is computed by. Lives as long as its rules.
class CustomType {
 public:
  CustomType(const Structural& root, const schema::Schema& builtin);

  const schema::Type& root() const { return *root_; }

 private:
  const schema::Shape* shapeOf(const Structural& from);
  schema::Type& typeOf(const Structural& from);

  schema::TypeSet types_;
  schema::Type* root_;
  size_t count_ = 0;
};

}  // namespace slipway::apiserver
