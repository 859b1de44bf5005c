#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace tillite {

/// A body of multipart/form-data (RFC 7578) with one field and one file, whose content is read while the body is.
class Multipart {
 public:
  /// `boundary` must not occur in the content: enough random characters see to that. Of `file_name` only letters,
  /// digits and "._-" are kept, others become '_'.
  Multipart(std::string boundary, const std::string& field, const std::string& value, const std::string& file_name);

  [[nodiscard]] std::string content_type() const { return "multipart/form-data; boundary=" + boundary_; }
  /// Of the whole body, with a content of so many bytes.
  [[nodiscard]] std::uint64_t bytes(std::uint64_t content_bytes) const {
    return before_.size() + content_bytes + after_.size();
  }
  /// The body around `content`.
  [[nodiscard]] std::unique_ptr<ByteSource> around(std::unique_ptr<ByteSource> content) const;

 private:
  std::string boundary_;
  std::string before_;
  std::string after_;
};

}  // namespace tillite
