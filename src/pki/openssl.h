#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

/// OpenSSL's objects with owners. For .cc files of pki/ and net/ only.
namespace slipway::pki {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, Freer<X509_REQ_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;

/// A read-only BIO over the text, which must outlive it.
BioPtr readerOf(std::string_view text);
BioPtr memoryBio();
std::string contents(BIO* bio);

/// InternalError or another code with the newest of OpenSSL's errors; empties its queue.
tl::unexpected<Error> opensslFailure(std::string_view what, Code code = Code::InternalError);

Result<X509Ptr> parseX509(std::string_view pem);

/// The subject's fields.
std::string commonNameOf(const X509_NAME* name);
std::vector<std::string> organizationsOf(const X509_NAME* name);
Status fillName(X509_NAME* name, const std::string& common_name, const std::vector<std::string>& organizations);

struct AlternativeNames {
  std::vector<std::string> dns;
  std::vector<std::string> ips;
  std::vector<std::string> others;
};
AlternativeNames alternativeNamesOf(const GENERAL_NAMES* names);
/// Null when there are none.
Result<NamesPtr> makeAlternativeNames(const std::vector<std::string>& dns, const std::vector<std::string>& ips);

}  // namespace slipway::pki
