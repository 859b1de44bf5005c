#include "steps/batches/immediate_delivery.h"

#include <span>

#include "base/uuid.h"
#include "embedding/batch_files.h"
#include "embedding/text_key.h"
#include "steps/batches/batch_delivery.h"

namespace tillite {
namespace {

constexpr std::size_t kTextsAtOnce = 256;
constexpr std::size_t kRequestBytesMax = std::size_t{1} << 20;

/// Adds what the cache has of these texts.
Result<void> add_cached(std::span<const std::string> texts, const CollectionBinding& binding, BatchDelivery& delivery,
                        VectorCache& cache) {
  std::vector<TextKey> keys;
  keys.reserve(texts.size());
  for (const std::string& text : texts) keys.push_back(text_key(binding, text));
  auto vectors = TRY(cache.read(keys));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (vectors[i]) TRY(delivery.add_text(texts[i], *std::move(vectors[i])));
  }
  return {};
}

/// Whether the provider has said that it will never take this call.
bool is_refusal(const Error& error) {
  return error.code() == Code::invalid_input || error.code() == Code::limit_exceeded || error.code() == Code::not_found;
}

/// Asks for the vectors of requests.
class Calls {
 public:
  Calls(const CollectionBinding& binding, BatchDelivery& delivery, TextEmbedder& texts, std::stop_token stop)
      : binding_(binding), delivery_(delivery), texts_(texts), stop_(std::move(stop)) {}

  Result<void> add(BatchRequest request) {
    ids_.emplace_back(std::move(request.custom_id));
    inputs_.push_back(std::move(request.input));
    return inputs_.size() < kTextsAtOnce ? Result<void>() : send();
  }

  Result<void> send() {
    if (inputs_.empty()) return {};
    TRY(embed(ids_, inputs_));
    ids_.clear();
    inputs_.clear();
    return {};
  }

 private:
  /// A refused call is halved until the texts that it was refused for stand alone: the others get their vectors.
  Result<void> embed(std::span<const RecordId> ids, std::span<const std::string> inputs) {
    if (stop_.stop_requested()) return fail(Code::cancelled, "stopped while asking for vectors");
    auto vectors = texts_.embed(binding_.model, binding_.dimensions, inputs);
    if (vectors) {
      for (std::size_t i = 0; i < ids.size(); ++i) TRY(delivery_.add(ids[i], std::move(vectors->at(i))));
      return {};
    }
    const Error& error = vectors.error();
    if (!is_refusal(error)) return std::unexpected(error);
    if (inputs.size() == 1 || error.code() == Code::not_found) {  // it is the model that is not found, for any text
      for (const RecordId& id : ids) delivery_.refuse(id, error.message());
      return {};
    }
    const std::size_t half = inputs.size() / 2;
    TRY(embed(ids.first(half), inputs.first(half)));
    return embed(ids.subspan(half), inputs.subspan(half));
  }

  const CollectionBinding& binding_;
  BatchDelivery& delivery_;
  TextEmbedder& texts_;
  std::stop_token stop_;
  std::vector<RecordId> ids_;
  std::vector<std::string> inputs_;
};

/// Asks the provider for the requests whose text is still waited for.
Result<void> call_for_the_rest(const Batch& batch, const CollectionBinding& binding, BatchDelivery& delivery,
                               const Ports& ports, const StepContext& context) {
  const auto file = TRY(ports.batch_files.open(ObjectKey(batch.requests_key)));
  LineReader lines(*file, kRequestBytesMax);
  Calls calls(binding, delivery, ports.texts, context.stop);
  while (true) {
    const auto line = TRY(lines.next());
    if (line.status == LineReader::Status::end) return calls.send();
    auto request = TRY(parse_request_line(line.text));
    if (delivery.waits_for(RecordId(request.custom_id))) TRY(calls.add(std::move(request)));
  }
}

BatchEnding ending_of(const Batch& batch) {
  if (batch.source == VectorSource::cache) {
    return {BatchStatus::completed, "its vector had left the cache again", false};
  }
  return {BatchStatus::completed, "the provider gave no vector for it"};
}

}  // namespace

Result<std::size_t> deliver_at_once(const Batch& batch, const CollectionBinding& binding, const Ports& ports,
                                    const StepContext& context) {
  const DeltaId delta(uuid5(fmt::format("delta {} {}", batch.id.str(), source_name(batch.source))));
  auto delivery = TRY(BatchDelivery::begin(batch, binding, delta, ports, context));
  const std::vector<std::string> texts = delivery.texts_waited_for();
  for (std::span<const std::string> rest(texts); !rest.empty();) {
    if (context.stop.stop_requested()) return fail(Code::cancelled, "stopped while reading the vector cache");
    const auto some = rest.first(std::min(rest.size(), kTextsAtOnce));
    TRY(add_cached(some, binding, delivery, ports.cache));
    rest = rest.subspan(some.size());
  }
  if (batch.source == VectorSource::call) TRY(call_for_the_rest(batch, binding, delivery, ports, context));
  TRY(delivery.finish(ending_of(batch), Json::object()));
  return delivery.embedded();
}

}  // namespace tillite
