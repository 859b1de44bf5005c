#pragma once

#include <memory>
#include <optional>

#include "adapters/local/home.h"
#include "app/parts/aws_parts.h"
#include "steps/imports/migration.h"

namespace tillite {

/// A place that a migration goes from or to, opened: a home's folder, or "aws": the table and the buckets that the
/// environment names.
class MigrationPlace {
 public:
  /// What opening one needs besides its name; clock and random numbers must outlive the place.
  struct Means {
    const Environment& environment;
    Clock& clock;
    Random& random;
    Logger log;
    std::stop_token stop;
    Path scratch;
  };
  /// `create`: a folder that is absent or empty becomes a home. `invalid_input` names a variable of AWS's that is not
  /// set.
  [[nodiscard]] static Result<MigrationPlace> open(const std::string& name, bool create, const Means& means);

  [[nodiscard]] Place place() const { return {name_, *parts_.table, *parts_.vectors, *parts_.batch_files}; }

  /// That nobody works here now: no execution is being walked, and no batch is at the embedded provider, which stays
  /// behind. Of AWS nothing is known of this. `lock_held`, `conflict`.
  [[nodiscard]] Result<void> check_is_still(Clock& clock) const;

 private:
  std::string name_;
  std::optional<Home> home_;
  AwsParts parts_;
};

}  // namespace tillite
