#include "base/trusted_certificates.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace tillite {
namespace {

TEST(TrustedCertificatesTest, WhatIsNamedHoldsCertificates) {
  const std::string file = trusted_certificates_file();
  if (file.empty()) GTEST_SKIP() << "this machine has no certificates: scripts/setup test installs ca-certificates";
  const auto content = read_file(file);
  ASSERT_TRUE(content) << content.error().message();
  EXPECT_NE(content->find("-----BEGIN CERTIFICATE-----"), std::string::npos) << file;
}

}  // namespace
}  // namespace tillite
