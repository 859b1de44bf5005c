#include "adapters/openai/multipart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace tillite {
namespace {

/// Three sources one behind the other.
class Parts final : public ByteSource {
 public:
  Parts(std::unique_ptr<ByteSource> before, std::unique_ptr<ByteSource> content, std::unique_ptr<ByteSource> after)
      : parts_{std::move(before), std::move(content), std::move(after)} {}

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    for (; current_ < parts_.size(); ++current_) {
      const std::size_t got = TRY(parts_.at(current_)->read(buffer));
      if (got > 0) return got;
    }
    return 0;
  }

 private:
  std::array<std::unique_ptr<ByteSource>, 3> parts_;
  std::size_t current_ = 0;
};

std::string plain_name(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '_' && c != '-'; },
      '_');
  return name;
}

}  // namespace

Multipart::Multipart(std::string boundary, const std::string& field, const std::string& value,
                     const std::string& file_name)
    : boundary_(std::move(boundary)),
      before_(fmt::format("--{0}\r\nContent-Disposition: form-data; name=\"{1}\"\r\n\r\n{2}\r\n"
                          "--{0}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{3}\"\r\n"
                          "Content-Type: application/jsonl\r\n\r\n",
                          boundary_, field, value, plain_name(file_name))),
      after_(fmt::format("\r\n--{}--\r\n", boundary_)) {}

std::unique_ptr<ByteSource> Multipart::around(std::unique_ptr<ByteSource> content) const {
  return std::make_unique<Parts>(source_of(before_), std::move(content), source_of(after_));
}

}  // namespace tillite
