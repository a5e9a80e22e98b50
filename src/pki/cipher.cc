#include "pki/cipher.h"

#include <openssl/rand.h>

#include "pki/openssl.h"

namespace slipway::pki {
namespace {

constexpr size_t kNonce = 12;
constexpr size_t kTag = 16;
constexpr size_t kBlock = 16;
using CipherPtr = std::unique_ptr<EVP_CIPHER_CTX, Freer<EVP_CIPHER_CTX_free>>;

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* octets(std::string& text, size_t from) {
  return reinterpret_cast<unsigned char*>(text.data() + from);
}

const EVP_CIPHER* gcmFor(size_t key) {
  return key == 16 ? EVP_aes_128_gcm() : key == 24 ? EVP_aes_192_gcm() : key == 32 ? EVP_aes_256_gcm() : nullptr;
}
const EVP_CIPHER* cbcFor(size_t key) {
  return key == 16 ? EVP_aes_128_cbc() : key == 24 ? EVP_aes_192_cbc() : key == 32 ? EVP_aes_256_cbc() : nullptr;
}

/// Random bytes at the front, and space for what is encrypted.
Result<std::string> withNonce(size_t nonce, size_t rest) {
  std::string out(nonce + rest, '\0');
  if (RAND_bytes(octets(out, 0), static_cast<int>(nonce)) != 1) return opensslFailure("random bytes");
  return out;
}

tl::unexpected<Error> notOpened() {
  ERR_clear_error();
  return failure(Code::Invalid, "cannot be decrypted: it is damaged, or was encrypted with another key");
}

}  // namespace

Result<std::string> sealAesGcm(std::string_view key, std::string_view associated, std::string_view plain) {
  const EVP_CIPHER* kind = gcmFor(key.size());
  if (kind == nullptr) return failure(Code::Invalid, "an AES key has 16, 24 or 32 bytes, not {}", key.size());
  TRY(std::string out, withNonce(kNonce, plain.size() + kTag));
  const CipherPtr context(EVP_CIPHER_CTX_new());
  int count = 0;
  const bool done =
      EVP_EncryptInit_ex(context.get(), kind, nullptr, octets(key), octets(out, 0)) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &count, octets(associated), static_cast<int>(associated.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), octets(out, kNonce), &count, octets(plain), static_cast<int>(plain.size())) ==
          1 &&
      EVP_EncryptFinal_ex(context.get(), octets(out, kNonce + plain.size()), &count) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTag, octets(out, kNonce + plain.size())) == 1;
  if (!done) return opensslFailure("encrypting with AES-GCM");
  return out;
}

Result<std::string> openAesGcm(std::string_view key, std::string_view associated, std::string_view sealed) {
  const EVP_CIPHER* kind = gcmFor(key.size());
  if (kind == nullptr || sealed.size() < kNonce + kTag) return notOpened();
  const std::string_view body = sealed.substr(kNonce, sealed.size() - kNonce - kTag);
  std::string tag(sealed.substr(kNonce + body.size()));
  std::string out(body.size() + 1, '\0');
  const CipherPtr context(EVP_CIPHER_CTX_new());
  int count = 0;
  const bool done =
      EVP_DecryptInit_ex(context.get(), kind, nullptr, octets(key), octets(sealed)) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &count, octets(associated), static_cast<int>(associated.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), octets(out, 0), &count, octets(body), static_cast<int>(body.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTag, octets(tag, 0)) == 1 &&
      EVP_DecryptFinal_ex(context.get(), octets(out, body.size()), &count) == 1;
  if (!done) return notOpened();
  out.resize(body.size());
  return out;
}

Result<std::string> sealAesCbc(std::string_view key, std::string_view plain) {
  const EVP_CIPHER* kind = cbcFor(key.size());
  if (kind == nullptr) return failure(Code::Invalid, "an AES key has 16, 24 or 32 bytes, not {}", key.size());
  TRY(std::string out, withNonce(kBlock, plain.size() + kBlock));
  const CipherPtr context(EVP_CIPHER_CTX_new());
  int count = 0, last = 0;
  const bool done = EVP_EncryptInit_ex(context.get(), kind, nullptr, octets(key), octets(out, 0)) == 1 &&
                    EVP_EncryptUpdate(context.get(), octets(out, kBlock), &count, octets(plain),
                                      static_cast<int>(plain.size())) == 1 &&
                    EVP_EncryptFinal_ex(context.get(), octets(out, kBlock + static_cast<size_t>(count)), &last) == 1;
  if (!done) return opensslFailure("encrypting with AES-CBC");
  out.resize(kBlock + static_cast<size_t>(count + last));
  return out;
}

Result<std::string> openAesCbc(std::string_view key, std::string_view sealed) {
  const EVP_CIPHER* kind = cbcFor(key.size());
  if (kind == nullptr || sealed.size() < 2 * kBlock || sealed.size() % kBlock != 0) return notOpened();
  const std::string_view body = sealed.substr(kBlock);
  std::string out(body.size() + kBlock, '\0');
  const CipherPtr context(EVP_CIPHER_CTX_new());
  int count = 0, last = 0;
  const bool done =
      EVP_DecryptInit_ex(context.get(), kind, nullptr, octets(key), octets(sealed)) == 1 &&
      EVP_DecryptUpdate(context.get(), octets(out, 0), &count, octets(body), static_cast<int>(body.size())) == 1 &&
      EVP_DecryptFinal_ex(context.get(), octets(out, static_cast<size_t>(count)), &last) == 1;
  if (!done) return notOpened();
  out.resize(static_cast<size_t>(count + last));
  return out;
}

}  // namespace slipway::pki
