#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "embedding/dollars.h"
#include "receipts/entity.h"
#include "server/function_backend.h"

namespace tillite {

/// What a run has to do for one entity, as far as it decides what AWS bills.
struct AwsWork {
  Entity entity = Entity::line;
  std::uint64_t items = 0;    ///< that get an embedding
  std::uint64_t texts = 0;    ///< the different ones among theirs that are sent
  std::uint64_t batches = 0;  ///< that are submitted
  std::uint64_t dimensions = 0;
};

/// One line of the bill.
struct AwsCharge {
  std::string name;         ///< as in workflows/costs.json: "function_gb_seconds"
  std::uint64_t units = 0;  ///< rounded up
  Dollars cost;
};

/// What a run would cost on AWS, the provider's tokens apart.
struct AwsCost {
  std::string region;
  std::string prices_as_of;  ///< "2025-07"
  std::vector<AwsCharge> charges;
  Dollars total;
  std::uint64_t stored_bytes = 0;  ///< that the run adds to the buckets: deltas and a version
  Dollars stored_a_month;
};

/// Estimates by workflows/costs.json: prices, what the steps took when they were measured, and how often they call
/// what. Docs: docs/cost.md.
class AwsCostModel {
 public:
  /// Of what is built into the program, with the functions' memory of workflows/steps.json.
  [[nodiscard]] static Result<AwsCostModel> load();
  /// The same of other files. `invalid_input` names the field that cannot be used.
  [[nodiscard]] static Result<AwsCostModel> parse(const Json& costs, const std::vector<FunctionInfo>& functions);

  [[nodiscard]] AwsCost estimate(const std::vector<AwsWork>& work) const;

 private:
  /// How often a step is called.
  enum class Per { submit_execution, batch, poll_execution, poll, chunk, merge };
  struct Step {
    double memory_mb_line = 0;  ///< of its function for lines
    double memory_mb_word = 0;
    double storage_mb = 0;
    Per per = Per::batch;
    double cpu_ms_a_call = 0;
    double cpu_us_an_item = 0;
    double table_calls_an_item = 0;
    double write_units_an_item = 0;
    double write_units_a_text = 0;
    double write_units_a_batch = 0;
    double read_units_an_item = 0;
    double object_writes_a_call = 0;
    double object_writes_a_batch = 0;
    double object_reads_a_call = 0;
    double object_reads_a_batch = 0;
    double provider_calls_a_call = 0;
    double transitions_a_call = 0;
  };
  /// What is not measured: latencies, and how a run is cut into executions.
  struct Assumptions {
    double table_call_ms = 0;
    double table_calls_at_once = 1;
    double object_call_ms = 0;
    double provider_call_ms = 0;
    double polls_a_batch = 1;
    double merges = 1;
    double batches_an_execution = 1;
    double deltas_a_chunk = 1;
    double copies_stored = 1;
    double bytes_a_record = 0;
  };
  struct Price {
    std::string name;
    Dollars per_million;
  };
  struct Usage;

  [[nodiscard]] static Result<Per> parse_per(const Json& step);
  [[nodiscard]] static Result<Step> parse_step(const Json& step, const std::vector<FunctionInfo>& functions);
  [[nodiscard]] static Result<Assumptions> parse_assumptions(const Json& json);
  [[nodiscard]] double calls(Per per, const AwsWork& work) const;
  void add(const Step& step, const AwsWork& work, Usage& usage) const;

  std::string region_;
  std::string prices_as_of_;
  std::vector<Price> prices_;
  Dollars object_gb_month_;
  Assumptions assumptions_;
  std::vector<Step> steps_;
};

}  // namespace tillite
