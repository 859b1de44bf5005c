// Manifests: any text. What is accepted says the same when it is written and read again.
#include <cstdlib>
#include <string_view>

#include "vectors/versions/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto manifest = tillite::parse_manifest({reinterpret_cast<const char*>(data), size}, "the manifest");
  if (!manifest) return 0;
  const auto text = tillite::to_text(tillite::to_json(*manifest));
  const auto again = tillite::parse_manifest(text, "the manifest");
  if (!again || tillite::to_text(tillite::to_json(*again)) != text) std::abort();
  return 0;
}
