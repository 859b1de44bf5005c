#include "emulator/batches/results.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "base/hash.h"
#include "emulator/batches/input_check.h"
#include "emulator/embeddings/embedding_response.h"

namespace tillite {

struct BatchResults::Line {
  std::uint64_t number = 0;
  std::string custom_id;
  Json body;
  std::string hash;  ///< 64 hexadecimal digits of the batch and the line, for its ids
  std::optional<LineFault> fault;
};

namespace {

Result<void> put(ByteSink& sink, std::string_view text) { return sink.write(as_bytes(text)); }

/// The order of the results, by a shuffle of our own: the library's differs from one to the next.
std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937_64 engine(seed);
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[engine() % i]);
  return order;
}

std::int64_t hash_of_inputs(const EmbeddingRequest& request) {
  Sha256 hash;
  for (const std::string& input : request.inputs) {
    hash.update(input);
    hash.update(std::string_view("\0", 1));
  }
  return static_cast<std::int64_t>(Sum128::from_digest(hash.digest()).low);
}

/// A foreign custom_id looks like the others and belongs to nobody.
std::string custom_id_in(const std::string& custom_id, const std::optional<LineFault>& fault) {
  return fault == LineFault::foreign_id ? custom_id + "-foreign" : custom_id;
}

VectorFault vector_fault_of(const std::optional<LineFault>& fault) {
  if (fault == LineFault::wrong_dimensions) return VectorFault::wrong_dimensions;
  return fault == LineFault::not_a_number ? VectorFault::not_a_number : VectorFault::none;
}

}  // namespace

Result<ResultFacts> BatchResults::write(InputLines& input, ByteSink& output, ByteSink& errors,
                                        const std::function<void(Payment)>& paid, const std::stop_token& stop) {
  paid_ = &paid;
  facts_ = {};
  const std::size_t count = input.places().size();
  const auto executed = static_cast<std::size_t>(plan_.done * static_cast<double>(count));
  const auto order = shuffled(count, plan_.seed ^ (static_cast<std::uint64_t>(batch_.number) * 0x9e3779b97f4a7c15ULL));
  for (std::size_t i = 0; i < count; ++i) {
    if (stop.stop_requested()) return fail(Code::cancelled, "stopped while computing {}", batch_.id);
    const LinePlace& place = input.places()[order[i]];
    auto request = parse_input_request(TRY(input.read(place)), batch_.endpoint);
    if (!request) return fail(Code::corrupt, "line {} of {} was valid before", place.number, batch_.input_file_id);
    Line line{.number = place.number,
              .custom_id = std::move(request->custom_id),
              .body = std::move(request->body),
              .hash = sha256_hex(fmt::format("{}/{}", batch_.id, place.number)),
              .fault = std::nullopt};
    if (i >= executed) {
      ++facts_.unexecuted;
      TRY(write_error(line, {{"code", plan_.unexecuted_code}, {"message", plan_.unexecuted_message}}, errors));
      continue;
    }
    line.fault =
        plan_.lines.pick(seeded_unit(plan_.seed, fmt::format("line of batch {}", batch_.number), place.number));
    TRY(execute(line, output, errors));
  }
  return facts_;
}

Result<void> BatchResults::execute(const Line& line, ByteSink& output, ByteSink& errors) {
  const auto request = parse_embedding_request(line.body, models_);
  if (!request || plan_.fails_all) {
    ++facts_.failed;
    const ApiError refused(400, "The request was refused.");
    return write_failure(line, request ? refused : request.error(), errors);
  }
  if (line.fault == LineFault::bad_request || line.fault == LineFault::server_error) {
    ++facts_.failed;
    const bool is_servers = line.fault == LineFault::server_error;
    auto error = is_servers ? ApiError(500, "The server had an error while processing your request. Sorry about that!")
                                  .of_type("server_error")
                            : ApiError(400, "'$.input' is invalid.").at("input").coded("invalid_input");
    return write_failure(line, error, errors);
  }
  if (line.fault == LineFault::error_only || line.fault == LineFault::nothing) {
    ++facts_.failed;
    Json error;
    if (line.fault == LineFault::error_only) {
      error = {{"code", "request_timeout"}, {"message", "This request could not be executed in time."}};
    }
    return write_error(line, error, errors);
  }
  ++facts_.completed;
  facts_.tokens += request->tokens;
  (*paid_)({.custom_id = line.custom_id,
            .input_hash = hash_of_inputs(*request),
            .items = request->inputs.size(),
            .tokens = request->tokens,
            .is_good = !line.fault || line.fault == LineFault::duplicate_id});
  if (line.fault == LineFault::missing_id) return {};
  TRY(write_success(line, *request, output));
  if (line.fault == LineFault::duplicate_id) TRY(write_success(line, *request, output));
  return {};
}

Result<void> BatchResults::write_success(const Line& line, const EmbeddingRequest& request, ByteSink& output) {
  ++facts_.output_lines;
  TRY(put(output,
          fmt::format(
              R"({{"id":"batch_req_{}","custom_id":{},"response":{{"status_code":200,"request_id":"{}","body":)",
              line.hash.substr(0, 32), to_text(Json(custom_id_in(line.custom_id, line.fault))), line.hash.substr(32))));
  TRY(write_embedding_response(request, vector_fault_of(line.fault), output));
  return put(output, "},\"error\":null}\n");
}

Result<void> BatchResults::write_failure(const Line& line, const ApiError& error, ByteSink& errors) {
  ++facts_.error_lines;
  const Json json = {
      {"id", "batch_req_" + line.hash.substr(0, 32)},
      {"custom_id", custom_id_in(line.custom_id, line.fault)},
      {"response", {{"status_code", error.status()}, {"request_id", line.hash.substr(32)}, {"body", error.body()}}},
      {"error", nullptr}};
  return put(errors, to_text(json) + "\n");
}

Result<void> BatchResults::write_error(const Line& line, const Json& error, ByteSink& errors) {
  ++facts_.error_lines;
  const Json json = {{"id", "batch_req_" + line.hash.substr(0, 32)},
                     {"custom_id", line.custom_id},
                     {"response", nullptr},
                     {"error", error}};
  return put(errors, to_text(json) + "\n");
}

}  // namespace tillite
