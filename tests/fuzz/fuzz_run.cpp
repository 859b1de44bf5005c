// Runs: any bytes. What is read to the end without an error is sorted and complete.
#include <cstdlib>
#include <string>

#include "vectors/deltas/run_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto reader =
      tillite::RunReader::open(tillite::source_of(std::string(reinterpret_cast<const char*>(data), size)), "the run");
  if (!reader) return 0;
  tillite::RecordId last;
  while (true) {
    const auto record = reader->next();
    if (!record || !*record) return 0;
    if ((*record)->id < last) std::abort();
    const bool is_vector = (*record)->kind == tillite::RecordKind::vector;
    if (is_vector != !(*record)->vector.empty()) std::abort();
    last = (*record)->id;
  }
}
