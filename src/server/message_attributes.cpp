#include "server/message_attributes.h"

#include <openssl/evp.h>

#include <array>
#include <memory>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/text.h"
#include "server/aws_error.h"

namespace tillite {
namespace {

constexpr std::size_t kAttributesMax = 10;
constexpr std::size_t kNameBytesMax = 256;

std::unexpected<Error> refuse(std::string message) {
  return aws_error("InvalidParameterValueException", std::move(message));
}

std::string md5_hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const int made = ::EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, ::EVP_md5(), nullptr);
  check(made == 1 && size == 16, "an MD5 has 16 bytes");
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

/// The kind of "Number.float": what stands before the first dot.
std::string_view kind_of(std::string_view type) { return type.substr(0, type.find('.')); }

std::string decoded(std::string_view base64) {
  std::string bytes(base64_size(base64).value_or(0), '\0');
  const bool is_read = read_base64(base64, std::as_writable_bytes(std::span(bytes)));
  check(is_read, "attributes are checked before they are used");
  return bytes;
}

/// The bytes of a checked attribute.
std::string value_of(const Json& attribute) {
  const auto& type = attribute.at("DataType").get_ref<const std::string&>();
  if (kind_of(type) == "Binary") return decoded(attribute.at("BinaryValue").get_ref<const std::string&>());
  return attribute.at("StringValue");
}

Result<void> check_name(std::string_view name) {
  bool good = !name.empty() && name.size() <= kNameBytesMax && !name.starts_with('.') && !name.ends_with('.') &&
              name.find("..") == std::string_view::npos;
  for (const char c : name) {
    good = good && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                    c == '-' || c == '.');
  }
  if (good) return {};
  return refuse(
      fmt::format("the name of a message attribute has 1 to {} letters, digits, '_', '-' or single '.', which "
                  "'{}' has not",
                  kNameBytesMax, name.substr(0, 80)));
}

Result<void> check_attribute(std::string_view name, const Json& attribute) {
  TRY(check_name(name));
  const Json* const type = find_field(attribute, "DataType");
  if (type == nullptr || !type->is_string()) {
    return refuse(fmt::format("The message attribute '{}' must contain a non-empty message attribute type.", name));
  }
  const std::string_view kind = kind_of(type->get_ref<const std::string&>());
  if (kind != "String" && kind != "Number" && kind != "Binary") {
    return refuse(
        fmt::format("The message attribute '{}' has an invalid message attribute type, the set of supported "
                    "type prefixes is Binary, Number, and String.",
                    name));
  }
  const char* const field = kind == "Binary" ? "BinaryValue" : "StringValue";
  const Json* const value = find_field(attribute, field);
  if (value == nullptr || !value->is_string() || value->get_ref<const std::string&>().empty()) {
    return refuse(
        fmt::format("The message attribute '{}' must contain a non-empty message attribute value ({}).", name, field));
  }
  const auto& text = value->get_ref<const std::string&>();
  std::string bytes(base64_size(text).value_or(0), '\0');
  if (kind == "Binary" && (bytes.empty() || !read_base64(text, std::as_writable_bytes(std::span(bytes))))) {
    return refuse(fmt::format("The message attribute '{}' has a BinaryValue that is no base64.", name));
  }
  return {};
}

void append_sized(std::string& bytes, std::string_view part) {
  const auto size = static_cast<std::uint32_t>(part.size());
  for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>(size >> shift);
  bytes += part;
}

}  // namespace

std::string md5_of_body(std::string_view body) { return md5_hex(body); }

Result<void> check_message_attributes(const Json& attributes) {
  if (!attributes.is_object()) return refuse("MessageAttributes must be an object");
  if (attributes.size() > kAttributesMax) {
    return refuse(fmt::format("Number of message attributes [{}] exceeds the allowed maximum [{}].", attributes.size(),
                              kAttributesMax));
  }
  for (const auto& [name, attribute] : attributes.items()) TRY(check_attribute(name, attribute));
  return {};
}

std::size_t message_attributes_bytes(const Json& attributes) {
  std::size_t bytes = 0;
  for (const auto& [name, attribute] : attributes.items()) {
    bytes += name.size() + attribute.at("DataType").get_ref<const std::string&>().size() + value_of(attribute).size();
  }
  return bytes;
}

std::string md5_of_attributes(const Json& attributes) {
  std::string bytes;
  for (const auto& [name, attribute] : attributes.items()) {  // sorted by name
    const auto& type = attribute.at("DataType").get_ref<const std::string&>();
    append_sized(bytes, name);
    append_sized(bytes, type);
    bytes += kind_of(type) == "Binary" ? '\2' : '\1';
    append_sized(bytes, value_of(attribute));
  }
  return md5_hex(bytes);
}

}  // namespace tillite
