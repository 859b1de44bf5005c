#include <cstddef>
#include <cstdint>
#include <string>

#include "receipts/receipt_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto source = tillite::source_of(std::string(reinterpret_cast<const char*>(data), size));
  tillite::ReceiptReader reader(*source, "input");
  while (true) {
    const auto next = reader.next();
    if (!next || (!next->receipt && !next->bad)) return 0;
  }
}
