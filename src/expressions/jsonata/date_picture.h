#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expressions/jsonata/integer_picture.h"

namespace tillite::jsonata {

/// How instants are written: a picture of XPath's fn:format-dateTime, as far as JSONata has it:
/// "[Y0001]-[M01]-[D01]". https://docs.jsonata.org/date-time
class DatePicture {
 public:
  /// Errors: D3132, D3135 and those of the numbers' pictures.
  [[nodiscard]] static Result<DatePicture> parse(std::string_view picture);

  /// `timezone` is "+hhmm" or "-hhmm"; UTC without. Errors: D3133, D3134.
  [[nodiscard]] Result<std::string> format(double epoch_ms, const std::optional<std::string>& timezone) const;
  /// Milliseconds since the epoch; nothing if the text is not in this form. What the picture leaves out in front is
  /// taken from `now_ms`. Errors: D3136, when what it leaves out lies between.
  [[nodiscard]] Result<std::optional<double>> read(std::string_view text, std::int64_t now_ms) const;

 private:
  enum class Names : std::uint8_t { none, lower, upper, title };
  struct Part {
    std::string literal;    ///< if there is no component
    char component = '\0';  ///< "Y", "M", "D", "d", "F", "W", "w", "X", "x", "H", "h", "P", "m", "s", "f", "Z", "z"...
    Names names = Names::none;
    bool is_utc_z = false;  ///< "Z" for no offset
    std::optional<IntegerPicture> number;
    std::optional<std::size_t> width_max;
    int year_digits = -1;  ///< of a year the last digits only
  };

  [[nodiscard]] static Result<Part> parse_part(std::string_view marker);
  [[nodiscard]] static Result<void> fit_width(Part& part, std::optional<int> width_min);
  [[nodiscard]] static Result<std::string> format_part(const Part& part, double local_ms, int offset_hours,
                                                       int offset_minutes);
  [[nodiscard]] static Result<std::string> format_offset(const Part& part, int offset_hours, int offset_minutes);
  [[nodiscard]] static Result<std::string> pattern_of(const Part& part);
  [[nodiscard]] static Result<double> read_part(const Part& part, const std::string& text);

  std::vector<Part> parts_;
};

/// An ISO 8601 timestamp, perhaps without its time or its day. Nothing if it is none.
[[nodiscard]] std::optional<double> read_iso_timestamp(std::string_view text);

}  // namespace tillite::jsonata
