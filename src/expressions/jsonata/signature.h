#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "expressions/jsonata/datum.h"

namespace tillite::jsonata {

/// What a function takes: "<s-nn?:s>" is a text (the context, if it is left out), a number and perhaps another.
/// https://docs.jsonata.org/programming#function-signatures
class Signature {
 public:
  /// Errors: `invalid_input`, S0401 and S0402.
  [[nodiscard]] static Result<Signature> parse(std::string_view text);

  /// The arguments as the function shall see them: single values in arrays where it takes arrays, the context where an
  /// argument is left out. Errors: T0410, T0411, T0412, with kUnknownToken for the function's name.
  [[nodiscard]] Result<std::vector<Datum>> apply(std::vector<Datum> arguments, const Datum& context) const;

 private:
  struct Parameter {
    std::string types;  ///< letters of the types that it takes; 'm' is a missing value
    char type = 'x';
    std::string subtype;  ///< of an array's items, or a function's signature
    std::size_t least = 1;
    std::size_t most = 1;
    bool takes_context = false;
    std::string context_types;
  };
  /// How many arguments each of the first parameters takes, the first greedily; nothing if they do not fit. `whole`:
  /// all arguments must be taken.
  [[nodiscard]] std::optional<std::vector<std::size_t>> distribute(std::string_view types, std::size_t parameters,
                                                                   bool whole) const;
  [[nodiscard]] Result<Datum> as_array(const Parameter& parameter, const Datum& argument, std::string_view taken,
                                       std::size_t index) const;

  std::vector<Parameter> parameters_;
};

}  // namespace tillite::jsonata
