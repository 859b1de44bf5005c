#include "vectors/chroma/chroma_template.h"

// Defined by the build (cmake/Embed.cmake).
extern "C" {
extern const std::byte tillite_chroma_template_begin[];
extern const std::byte tillite_chroma_template_end[];
}

namespace tillite {

std::span<const std::byte> chroma_template() { return {tillite_chroma_template_begin, tillite_chroma_template_end}; }

}  // namespace tillite
