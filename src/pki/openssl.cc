#include "pki/openssl.h"

#include <arpa/inet.h>

namespace slipway::pki {
namespace {

std::string textOf(const ASN1_STRING* value) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)), static_cast<size_t>(ASN1_STRING_length(value))};
}

std::vector<std::string> fieldsOf(const X509_NAME* name, int nid) {
  std::vector<std::string> out;
  int at = -1;
  while ((at = X509_NAME_get_index_by_NID(const_cast<X509_NAME*>(name), nid, at)) >= 0) {
    unsigned char* utf8 = nullptr;
    const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size < 0) continue;
    out.emplace_back(reinterpret_cast<char*>(utf8), static_cast<size_t>(size));
    OPENSSL_free(utf8);
  }
  return out;
}

Status addField(X509_NAME* name, int nid, const std::string& value) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(value.data());
  if (X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, bytes, static_cast<int>(value.size()), -1, 0) != 1) {
    return opensslFailure(fmt::format("certificate subject \"{}\" cannot be encoded", value), Code::Invalid);
  }
  return {};
}

std::string ipText(const ASN1_STRING* value) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = ASN1_STRING_length(value) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(value) != 16) return "";
  return inet_ntop(family, ASN1_STRING_get0_data(value), text.data(), text.size()) == nullptr ? "" : text.data();
}

Status addName(GENERAL_NAMES* names, int type, ASN1_STRING* value) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  if (name == nullptr) return opensslFailure("making a certificate");
  GENERAL_NAME_set0_value(name, type, value);
  sk_GENERAL_NAME_push(names, name);
  return {};
}

}  // namespace

BioPtr readerOf(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

BioPtr memoryBio() {
  return BioPtr(BIO_new(BIO_s_mem()));
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

tl::unexpected<Error> opensslFailure(std::string_view what, Code code) {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  if (reason == nullptr) return failure(code, std::string(what));
  return failure(code, "{}: {}", what, reason);
}

Result<X509Ptr> parseX509(std::string_view pem) {
  const BioPtr bio = readerOf(pem);
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!certificate) return opensslFailure("not a PEM certificate", Code::Invalid);
  return certificate;
}

std::string commonNameOf(const X509_NAME* name) {
  std::vector<std::string> names = fieldsOf(name, NID_commonName);
  return names.empty() ? "" : std::move(names.back());
}

std::vector<std::string> organizationsOf(const X509_NAME* name) {
  return fieldsOf(name, NID_organizationName);
}

Status fillName(X509_NAME* name, const std::string& common_name, const std::vector<std::string>& organizations) {
  for (const std::string& organization : organizations) {
    TRY_STATUS(addField(name, NID_organizationName, organization));
  }
  if (!common_name.empty()) TRY_STATUS(addField(name, NID_commonName, common_name));
  return {};
}

AlternativeNames alternativeNamesOf(const GENERAL_NAMES* names) {
  AlternativeNames out;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
    int type = 0;
    const auto* value =
        static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type));
    if (type == GEN_DNS) out.dns.push_back(textOf(value));
    if (type == GEN_IPADD) out.ips.push_back(ipText(value));
    if (type == GEN_EMAIL) out.others.push_back("email:" + textOf(value));
    if (type == GEN_URI) out.others.push_back("URI:" + textOf(value));
  }
  return out;
}

Result<NamesPtr> makeAlternativeNames(const std::vector<std::string>& dns, const std::vector<std::string>& ips) {
  if (dns.empty() && ips.empty()) return NamesPtr();
  NamesPtr names(GENERAL_NAMES_new());
  for (const std::string& name : dns) {
    ASN1_IA5STRING* value = ASN1_IA5STRING_new();
    ASN1_STRING_set(value, name.data(), static_cast<int>(name.size()));
    TRY_STATUS(addName(names.get(), GEN_DNS, value));
  }
  for (const std::string& ip : ips) {
    ASN1_OCTET_STRING* value = a2i_IPADDRESS(ip.c_str());
    if (value == nullptr) return opensslFailure(fmt::format("\"{}\" is not an IP address", ip), Code::Invalid);
    TRY_STATUS(addName(names.get(), GEN_IPADD, value));
  }
  return names;
}

}  // namespace slipway::pki
