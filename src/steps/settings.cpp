#include "steps/settings.h"

#include <algorithm>
#include <charconv>

#include "base/memory_limit.h"
#include "embedding/embedder.h"
#include "vectors/records/shard.h"

namespace tillite {
namespace {

constexpr std::uint64_t kMemoryBytesMin = std::uint64_t{64} << 20;
constexpr std::int64_t kThresholdAgeSecondsMax = 30 * 24 * 3600;
constexpr std::int64_t kTokensMax = 1'000'000'000'000;
constexpr std::size_t kSmallBatchItems = 300;
constexpr std::size_t kLargeBatchItems = 50'000;  // as many as OpenAI takes
constexpr std::size_t kRemoteCallsMax = 8;
constexpr std::uint64_t kSequentialBelowBytes = std::uint64_t{512} << 20;
constexpr std::uint64_t kGraphPercent = 70;  // of the memory; SQLite, buffers and the program itself have the rest

/// Sets `target` from a whole number in [least, most], if the variable is there.
template <typename Number>
Result<void> read_number(const Environment& environment, const std::string& name, Number& target, std::int64_t least,
                         std::int64_t most, std::int64_t factor = 1) {
  const auto text = environment(name);
  if (!text || text->empty()) return {};
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < least || value > most) {
    return fail(Code::invalid_input, "the variable {} must be a whole number from {} to {}, but is '{}'", name, least,
                most, text->substr(0, 64));
  }
  target = static_cast<Number>(value * factor);
  return {};
}

Result<bool> read_flag(const Environment& environment, const std::string& name, bool otherwise) {
  const auto text = environment(name).value_or("");
  if (text.empty()) return otherwise;
  if (text == "true" || text == "false") return text == "true";
  return fail(Code::invalid_input, "the variable {} must be true or false, but is '{}'", name, text.substr(0, 64));
}

/// What a merge may use: as it is told, else what a Lambda function has, else what the machine or its control group
/// gives.
Result<std::uint64_t> read_memory(const Environment& environment) {
  if (const auto text = environment("TILLITE_MEMORY_BYTES"); text && !text->empty()) {
    const auto bytes = parse_bytes(*text);
    if (!bytes) return pass_on(bytes, "the variable TILLITE_MEMORY_BYTES (--memory)");
    if (*bytes >= kMemoryBytesMin) return bytes;
    return fail(Code::invalid_input, "the variable TILLITE_MEMORY_BYTES (--memory) must be at least {}M, but is {}",
                kMemoryBytesMin >> 20, *text);
  }
  std::int64_t lambda_mb = 0;
  TRY(read_number(environment, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", lambda_mb, 1, 1 << 20));
  const std::uint64_t given = lambda_mb > 0 ? static_cast<std::uint64_t>(lambda_mb) << 20 : memory_limit_bytes();
  return std::max(given, kMemoryBytesMin);
}

Result<void> read_thresholds(const Environment& environment, CompactionThresholds& thresholds) {
  TRY(read_number(environment, "COMPACTION_MIN_DELTAS", thresholds.deltas, 1, 100'000));
  TRY(read_number(environment, "COMPACTION_MAX_AGE_SECONDS", thresholds.age_ms, 1, kThresholdAgeSecondsMax, 1000));
  const std::string name = "COMPACTION_MIN_BYTES";
  const auto text = environment(name).value_or("");
  if (text.empty()) return {};
  const auto bytes = parse_bytes(text);
  if (!bytes) return pass_on(bytes, fmt::format("the variable {}", name));
  if (*bytes == 0) return fail(Code::invalid_input, "the variable {} must be at least 1, but is {}", name, text);
  thresholds.bytes = *bytes;
  return {};
}

Result<void> read_cache_bytes(const Environment& environment, Settings& settings) {
  const std::string name = "TILLITE_CACHE_BYTES";
  const auto text = environment(name).value_or("");
  if (text.empty()) return {};
  const auto bytes = parse_bytes(text);
  if (!bytes) return pass_on(bytes, fmt::format("the variable {}", name));
  settings.cache_bytes = *bytes;
  return {};
}

/// Sets `target` as read_number() does, or leaves it empty.
template <typename Number>
Result<void> read_optional(const Environment& environment, const std::string& name, std::optional<Number>& target,
                           std::int64_t most) {
  Number value = 0;
  TRY(read_number(environment, name, value, 1, most));
  if (value > 0) target = value;
  return {};
}

Result<void> read_model(const Environment& environment, Settings& settings) {
  const EmbeddingModel model = embedding_model(settings.model);
  settings.dimensions = model.dimensions.value_or(settings.dimensions);
  TRY(read_number(environment, "EMBEDDING_DIMENSIONS", settings.dimensions, 1, 8192));
  if (const auto can = check_dimensions(model, settings.dimensions); !can) {
    return pass_on(can, "the variable EMBEDDING_DIMENSIONS");
  }
  ModelSettings& models = settings.models;
  TRY(read_optional(environment, "EMBEDDING_INPUT_TOKENS_MAX", models.input_tokens_max, Tokenizer::kTextBytesMax));
  TRY(read_optional(environment, "OPENAI_ENQUEUED_TOKENS_MAX", models.enqueued_tokens_max, kTokensMax));
  if (const auto text = environment("EMBEDDING_PRICE_PER_MILLION").value_or(""); !text.empty()) {
    const auto price = parse_dollars(text);
    if (!price) return pass_on(price, "the variable EMBEDDING_PRICE_PER_MILLION");
    models.price_per_million = *price;
  }
  const auto too_long = environment("EMBEDDING_TOO_LONG").value_or("cut");
  if (too_long != "cut" && too_long != "refuse") {
    return fail(Code::invalid_input, "the variable EMBEDDING_TOO_LONG must be cut or refuse, but is '{}'",
                too_long.substr(0, 64));
  }
  settings.too_long = too_long == "cut" ? TooLong::cut : TooLong::refuse;
  return {};
}

Result<void> read_batch_limits(const Environment& environment, Settings& settings) {
  BatchLimits& batch = settings.batch;
  const auto items = environment("BATCH_ITEMS_MAX").value_or("");
  if (items == "small") {
    batch.items_max = kSmallBatchItems;
  } else if (items == "large") {
    batch.items_max = kLargeBatchItems;
  } else {
    TRY(read_number(environment, "BATCH_ITEMS_MAX", batch.items_max, 1, kLargeBatchItems));
  }
  batch.followers_max = std::max(batch.followers_max, batch.items_max);
  return read_optional(environment, "BATCH_TOKENS_MAX", settings.batch_tokens_max, kTokensMax);
}

Result<void> read_files_delete(const Environment& environment, Settings& settings) {
  const std::string name = "PROVIDER_FILES_DELETE";
  const auto text = environment(name).value_or("");
  if (text.empty()) return {};
  if (text != "after_publish" && text != "never") {
    return fail(Code::invalid_input, "the variable {} must be after_publish or never, but is '{}'", name,
                text.substr(0, 64));
  }
  settings.deletes_provider_files = text == "after_publish";
  return {};
}

Result<void> read_shards(const Environment& environment, Settings& settings) {
  const std::string name = "TILLITE_SHARDS";
  if (environment(name).value_or("").empty()) return {};
  int shards = 1;
  TRY(read_number(environment, name, shards, 1, kShardsMax));
  settings.shards = shards;
  return {};
}

Result<void> read_format(const Environment& environment, const std::string& name, Entity entity, Settings& settings) {
  settings.formats[entity] = default_format(entity);
  const auto text = environment(name);
  if (!text || text->empty()) return {};
  const auto format = parse_input_format(*text);
  if (!format) return pass_on(format, fmt::format("the variable {}", name));
  if (entity_of(*format) != entity) {
    return fail(Code::invalid_input, "the variable {} names '{}', which is not a format of a {}", name, *text,
                names_of(entity).name);
  }
  settings.formats[entity] = *format;
  return {};
}

}  // namespace

Result<Settings> read_settings(const Environment& environment, std::string default_model,
                               const std::set<std::string>& models_in_use) {
  Settings settings;
  settings.models.model = environment("EMBEDDING_MODEL").value_or("");
  settings.model = settings.models.model.empty() ? std::move(default_model) : settings.models.model;
  TRY(read_model(environment, settings));
  TRY(read_batch_limits(environment, settings));
  TRY(read_shards(environment, settings));
  TRY(read_format(environment, "EMBEDDING_FORMAT_LINE", Entity::line, settings));
  TRY(read_format(environment, "EMBEDDING_FORMAT_WORD", Entity::word, settings));
  TRY(read_number(environment, "DIRECT_ITEMS_MAX", settings.direct_items_max, 0, 2048));
  const std::string local(NgramEmbedder().model());
  const bool is_remote =
      settings.model != local || std::ranges::any_of(models_in_use, [&](const auto& model) { return model != local; });
  if (is_remote) settings.provider_calls_max = kRemoteCallsMax;
  TRY(read_number(environment, "PROVIDER_CALLS_MAX", settings.provider_calls_max, 1, 64));
  TRY(read_number(environment, "CHUNK_SIZE_LINES", settings.chunk_deltas[Entity::line], 1, 25));
  TRY(read_number(environment, "CHUNK_SIZE_WORDS", settings.chunk_deltas[Entity::word], 1, 25));
  TRY(read_number(environment, "HEARTBEAT_INTERVAL_SECONDS", settings.lock.heartbeat_ms, 1, 3600, 1000));
  TRY(read_number(environment, "LOCK_DURATION_MINUTES", settings.lock.lease_ms, 1, 24 * 60, 60'000));
  if (settings.lock.heartbeat_ms * 3 > settings.lock.lease_ms) {
    return fail(Code::invalid_input,
                "HEARTBEAT_INTERVAL_SECONDS ({} s) may be at most a third of LOCK_DURATION_MINUTES ({} s)",
                settings.lock.heartbeat_ms / 1000, settings.lock.lease_ms / 1000);
  }
  settings.skip_queue_notification = TRY(read_flag(environment, "SKIP_SQS_NOTIFICATION", false));
  TRY(read_thresholds(environment, settings.compaction));
  TRY(read_cache_bytes(environment, settings));
  TRY(read_files_delete(environment, settings));
  settings.memory_bytes = TRY(read_memory(environment));
  settings.graph.memory_bytes = settings.memory_bytes / 100 * kGraphPercent;
  const bool is_small = settings.memory_bytes < kSequentialBelowBytes;
  if (TRY(read_flag(environment, "USE_SEQUENTIAL_PROCESSING", is_small))) settings.graph.threads = 1;
  return settings;
}

}  // namespace tillite
