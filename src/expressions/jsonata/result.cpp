#include "expressions/jsonata/result.h"

#include <cmath>

#include "base/text.h"
#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/numbers.h"
#include "expressions/jsonata/text.h"

namespace tillite::jsonata {
namespace {

constexpr std::size_t kDepthMax = 512;  // as deep as JSON may be that is read

class Converter {
 public:
  explicit Converter(std::size_t bytes_max) : bytes_max_(bytes_max), bytes_left_(bytes_max) {}

  Result<std::optional<Value>> convert(const Datum& datum, std::size_t depth) {
    TRY(take(4, depth));
    if (datum.tuples() != nullptr) {
      Value::Array items;
      for (const Tuple& tuple : datum.tuples()->tuples)
        items.push_back(TRY(convert(tuple.item, depth + 1)).value_or(Value()));
      return items;
    }
    if (datum.list() != nullptr) {
      Value::Array items;
      items.reserve(datum.size());
      for (const Datum& item : datum.list()->items) items.push_back(TRY(convert(item, depth + 1)).value_or(Value()));
      return items;
    }
    if (datum.record() != nullptr) {
      Value::Object fields;
      for (const Record::Field& field : datum.record()->fields()) {
        TRY(take(field.name.size() + 4, depth));
        auto value = TRY(convert(field.value, depth + 1));
        if (value) fields.set(with_valid_utf8(field.name), *std::move(value));
      }
      return fields;
    }
    if (datum.value() == nullptr) return std::nullopt;
    // What comes from outside as a whole is what it was, and no more than that.
    if (depth > 0) TRY(measure(*datum.value(), depth));
    return scalar(*datum.value());
  }

 private:
  static Result<std::optional<Value>> scalar(const Value& value) {
    if (value.type() == Value::Type::real) {
      if (!std::isfinite(value.number())) return fault("D1001", {.value = "null"});
      return whole_or_real(value.number());
    }
    if (value.is_string() && !is_utf8(value.string())) return Value(with_valid_utf8(value.string()));
    return value;
  }

  Result<void> take(std::size_t bytes, std::size_t depth) {
    if (depth > kDepthMax) return fault("D1011");
    if (bytes > bytes_left_) return fault("D2015", {.value = fmt::format("{}", bytes_max_)});
    bytes_left_ -= bytes;
    return {};
  }

  Result<void> measure(const Value& value, std::size_t depth) {
    TRY(take(value.is_string() ? value.string().size() + 3 : 2, depth));
    if (value.is_array()) {
      for (const Value& item : value.array()) TRY(measure(item, depth + 1));
    } else if (value.is_object()) {
      for (const auto& [name, field] : value.object()) {
        TRY(take(name.size() + 4, depth));
        TRY(measure(field, depth + 1));
      }
    }
    return {};
  }

  std::size_t bytes_max_;
  std::size_t bytes_left_;
};

}  // namespace

Result<std::optional<Value>> result_of(const Datum& datum, std::size_t bytes_max) {
  return Converter(bytes_max).convert(datum, 0);
}

}  // namespace tillite::jsonata
