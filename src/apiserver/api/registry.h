#pragma once

#include <functional>
#include <memory>
#include <string>

#include "apiserver/api/call.h"
#include "apiserver/api/strategy.h"
#include "apiserver/store/store.h"
#include "base/clock.h"
#include "base/random.h"

namespace slipway::apiserver {

/// What is about to be written, for admission.
struct AdmissionRequest {
  KindPtr kind;
  std::string subresource;
  std::string operation;  ///< CREATE, UPDATE, DELETE, CONNECT
  std::string ns;
  std::string name;
  User user;
  bool dry_run = false;
  json::object* object = nullptr;  ///< may be changed by mutate(); null for DELETE
  bool is_body = false;            ///< `object` is what a subresource or connection is asked with, not of the kind
  const json::object* old = nullptr;
  std::vector<std::string>* warnings = nullptr;
  std::map<std::string, std::string>* annotations = nullptr;  ///< for the audit log
};

/// What stands between a valid request and the storage: namespace life cycle, service accounts, quotas, webhooks, ...
class Admission {
 public:
  virtual ~Admission() = default;
  virtual Task<Done> mutate(AdmissionRequest& request) = 0;
  virtual Task<Done> validate(const AdmissionRequest& request) = 0;
};

/// How a delete is meant; of metav1.DeleteOptions and the query.
struct DeletePlan {
  std::optional<int64_t> grace_seconds;
  std::string uid;
  std::string resource_version;
  std::string propagation;  ///< Background, Foreground, Orphan or ""
  bool dry_run = false;
};

/// A subresource that shows an object in a form of its own, as scale does. Webhooks are asked about that form, and what
/// they change in it is done to the object.
struct View {
  json::object old;  ///< set, like `now`, by each call of the Change
  json::object now;
  /// The object that `now` asks for.
  std::function<Answer<json::object>(const json::object& live, const json::object& now)> apply;
};

/// Who is asking, and how the write is to be done.
struct WriteContext {
  User user;
  WriteOptions options;
  std::vector<std::string> warnings;
  std::vector<std::string> duplicates;   ///< what strict decoding says of fields that the body gives twice
  std::vector<std::string> field_order;  ///< the body's fields in its order, if `duplicates` belong among the unknown
  std::map<std::string, std::string> annotations;  ///< for the audit log
  std::string subresource;
  std::string operation = "Update";  ///< "Apply" for server-side apply
  bool patch = false;
  bool admitted = false;       ///< the request's own body was, and what is written is the server's doing
  std::shared_ptr<View> view;  ///< null: admission is asked about the object itself
};

/// The user in whose name the API server itself writes.
inline constexpr std::string_view kApiServerUser = "system:apiserver";
/// For a write of the API server's own, to an object or one of its subresources.
WriteContext ownContext(std::string subresource = "");

/// An object as it is now.
struct Written {
  StoredPtr stored;  ///< with dry run the version that would have been
  bool created = false;
  bool removed = false;  ///< the write took the last finalizer away, or the delete was immediate
};

/// Creates, changes and deletes objects of every kind by the same rules: the object-level half of the API, without
/// HTTP. The API's own controllers and subresources use it as well as the handlers of requests. Loop thread only.
class Registry {
 public:
  struct Parts {
    Store& store;
    Kinds& kinds;
    Strategies& strategies;
    Admission* admission;
    const Clock& clock;
    Random& random;
  };
  explicit Registry(Parts parts) : p_(parts) {}

  /// NotFound if there is no such object.
  Answer<StoredPtr> get(const Kind& kind, const std::string& ns, const std::string& name) const;

  Task<Answer<Written>> create(KindPtr kind, std::string ns, json::object object, WriteContext& context);

  /// Gives the wanted object for the live one; called again when somebody else wrote meanwhile.
  using Change = std::function<Answer<json::object>(const json::object& live)>;
  /// `create_with`: what to create when there is nothing (update that may create, apply); null: NotFound.
  Task<Answer<Written>> update(KindPtr kind, std::string ns, std::string name, Change change, WriteContext& context,
                               std::function<Answer<json::object>()> create_with = nullptr);

  Task<Answer<Written>> remove(KindPtr kind, std::string ns, std::string name, DeletePlan plan, WriteContext& context);

  /// Asks the webhooks about what is not stored: a connection (operation CONNECT), or the body of a subresource.
  Task<Done> admitBody(AdmissionRequest request);

  Store& store() { return p_.store; }
  Kinds& kinds() { return p_.kinds; }
  const Clock& clock() const { return p_.clock; }
  Random& random() { return p_.random; }
  Strategies& strategies() { return p_.strategies; }
  void setAdmission(Admission* admission, Admission* of_bodies) {
    p_.admission = admission;
    of_bodies_ = of_bodies;
  }

 private:
  struct Attempt;
  Answer<json::object> prepareCreate(const KindPtr& kind, const std::string& ns, json::object object,
                                     WriteContext& context);
  Answer<json::object> prepareUpdate(const KindPtr& kind, const json::object& live, json::object wanted,
                                     WriteContext& context);
  AdmissionRequest updateOf(const KindPtr& kind, json::object& wanted, const json::object& live,
                            WriteContext& context) const;
  Task<Answer<json::object>> admitView(KindPtr kind, const json::object& live, json::object wanted,
                                       WriteContext& context);
  Task<Answer<Written>> writeUpdate(KindPtr kind, StoredPtr before, json::object live, json::object wanted,
                                    WriteContext& context);
  Task<Result<StoredPtr>> put(const Kind& kind, std::string key, StoredPtr before, json::object object, bool dry_run);
  Task<Result<StoredPtr>> erase(const Kind& kind, StoredPtr before, json::object last, bool dry_run);
  FieldOwner ownerOf(const Kind& kind, const WriteContext& context) const;
  Done checkUnknown(const KindPtr& kind, const std::vector<std::string>& unknown, WriteContext& context) const;

  Parts p_;
  Admission* of_bodies_ = nullptr;
};

}  // namespace slipway::apiserver
