#include "pki/cipher.h"

#include <gmock/gmock.h>

namespace slipway::pki {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kPlain = "what nobody may read on the disk";
const std::string kKey(32, 'k');
const std::string kOther(32, 'o');

TEST(Cipher, GcmOpensWhatItSealedAndNothingElse) {
  for (const size_t size : {16, 24, 32}) {
    const std::string key(size, 'k');
    const std::string sealed = sealAesGcm(key, "place", kPlain).value();
    EXPECT_THAT(sealed, Not(HasSubstr("nobody")));
    EXPECT_EQ(sealed.size(), 12 + kPlain.size() + 16);
    EXPECT_EQ(openAesGcm(key, "place", sealed).value(), kPlain);
    EXPECT_NE(sealAesGcm(key, "place", kPlain).value(), sealed);
  }
  const std::string sealed = sealAesGcm(kKey, "place", kPlain).value();
  EXPECT_FALSE(openAesGcm(kOther, "place", sealed));
  EXPECT_FALSE(openAesGcm(kKey, "elsewhere", sealed));
  for (size_t cut = 0; cut < sealed.size(); ++cut) EXPECT_FALSE(openAesGcm(kKey, "place", sealed.substr(0, cut)));
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string damaged = sealed;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(openAesGcm(kKey, "place", damaged));
  }
  EXPECT_EQ(openAesGcm(kKey, "", sealAesGcm(kKey, "", "").value()).value(), "");
}

TEST(Cipher, CbcOpensWhatItSealed) {
  for (const size_t size : {0, 1, 15, 16, 17, 100}) {
    const std::string plain(size, 'p');
    EXPECT_EQ(openAesCbc(kKey, sealAesCbc(kKey, plain).value()).value(), plain);
  }
  EXPECT_THAT(sealAesCbc(kKey, kPlain).value(), Not(HasSubstr("nobody")));
  const std::string sealed = sealAesCbc(kKey, kPlain).value();
  EXPECT_NE(openAesCbc(kOther, sealed).value_or("x"), kPlain);
  for (size_t cut = 0; cut < 32; ++cut) EXPECT_FALSE(openAesCbc(kKey, sealed.substr(0, cut)));
}

TEST(Cipher, AKeyOfAnotherSizeIsRefused) {
  EXPECT_THAT(sealAesGcm("short", "", kPlain).error().message, HasSubstr("16, 24 or 32 bytes"));
  EXPECT_FALSE(sealAesCbc(std::string(33, 'k'), kPlain));
}

}  // namespace
}  // namespace slipway::pki
