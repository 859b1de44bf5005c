#pragma once

#include <string>

namespace tillite {

/// The machine's file of the certificates that are trusted, from where distributions have it (Debian, Amazon Linux and
/// Fedora, Alpine, SUSE); empty if it is nowhere. A static libcurl knows no place of its own.
[[nodiscard]] std::string trusted_certificates_file();

}  // namespace tillite
