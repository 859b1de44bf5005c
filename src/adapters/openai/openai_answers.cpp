#include "adapters/openai/openai_answers.h"

#include <bit>
#include <cmath>

#include "base/base64.h"
#include "base/json.h"

namespace tillite {
namespace {

static_assert(std::endian::native == std::endian::little, "base64 has little-endian floats in it");

constexpr std::size_t kIdBytesMax = 256;

/// What is read is another's: whatever is wrong with it is `corrupt`, and says where it stood.
template <typename T>
Result<T> as_corrupt(Result<T> read, std::string_view what) {
  if (read) return read;
  return std::unexpected(Error(Code::corrupt, fmt::format("{}: {}", what, read.error().message())));
}

Result<Json> parse_object(std::string_view body) {
  Json json = TRY(parse_json(body, "the body"));
  if (!json.is_object()) return fail(Code::corrupt, "it is no JSON object");
  return json;
}

Result<std::string> id_field(const Json& object, std::string_view name) {
  std::string id = TRY(string_field(object, name));
  if (id.empty() || id.size() > kIdBytesMax) {
    return fail(Code::corrupt, "the field '{}' has {} bytes, which is no id", name, id.size());
  }
  return id;
}

Result<std::optional<ProviderFileId>> optional_file(const Json& object, std::string_view name) {
  auto id = TRY(optional_string(object, name));
  if (!id || id->empty()) return std::nullopt;
  if (id->size() > kIdBytesMax)
    return fail(Code::corrupt, "the field '{}' has {} bytes, which is no id", name, id->size());
  return ProviderFileId(*std::move(id));
}

Result<std::uint64_t> count_field(const Json& counts, std::string_view name) {
  const auto count = TRY(optional_int(counts, name)).value_or(0);
  return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

std::map<std::string, std::string> metadata_of(const Json& object) {
  std::map<std::string, std::string> metadata;
  const Json* const given = find_field(object, "metadata");
  if (given == nullptr || !given->is_object()) return metadata;
  for (const auto& [name, value] : given->items()) {
    metadata[name] = value.is_string() ? value.get<std::string>() : to_text(value);
  }
  return metadata;
}

/// The first of a failed batch's errors: {"data": [{"code", "message", ...}]}.
void read_errors(const Json& object, ProviderBatch& batch) {
  const Json* const errors = find_field(object, "errors");
  const Json* const list = errors != nullptr && errors->is_object() ? find_field(*errors, "data") : nullptr;
  if (list == nullptr || !list->is_array() || list->empty() || !list->front().is_object()) return;
  const auto text = [&](std::string_view name) {
    const auto found = optional_string(list->front(), name);
    return found && *found ? **found : std::string();
  };
  batch.error_code = text("code");
  batch.error_message = text("message");
}

Result<ProviderBatch> batch_of(const Json& object) {
  ProviderBatch batch;
  batch.id = ProviderBatchId(TRY(id_field(object, "id")));
  batch.input_file_id = ProviderFileId(TRY(id_field(object, "input_file_id")));
  batch.output_file_id = TRY(optional_file(object, "output_file_id"));
  batch.error_file_id = TRY(optional_file(object, "error_file_id"));
  batch.metadata = metadata_of(object);
  read_errors(object, batch);
  if (const Json* const counts = find_field(object, "request_counts"); counts != nullptr && counts->is_object()) {
    batch.requests_total = TRY(count_field(*counts, "total"));
    batch.requests_completed = TRY(count_field(*counts, "completed"));
    batch.requests_failed = TRY(count_field(*counts, "failed"));
  }
  const auto status = parse_provider_status(TRY(string_field(object, "status")));
  batch.status = status.value_or(ProviderStatus::in_progress);
  if (!status) batch.error_message = status.error().message();
  return batch;
}

Result<ProviderBatchPage> page_of(const Json& object) {
  ProviderBatchPage page;
  for (const Json& batch : TRY(array_field(object, "data"))) {
    if (!batch.is_object()) return fail(Code::corrupt, "the field 'data' has something in it that is no object");
    page.batches.push_back(TRY(batch_of(batch)));
  }
  page.has_more = TRY(optional_bool(object, "has_more")).value_or(false);
  return page;
}

Result<OpenAiFile> file_of(const Json& object) {
  OpenAiFile file;
  file.id = ProviderFileId(TRY(id_field(object, "id")));
  if (const auto bytes = TRY(optional_int(object, "bytes")); bytes && *bytes >= 0) {
    file.bytes = static_cast<std::uint64_t>(*bytes);
  }
  file.status = TRY(optional_string(object, "status")).value_or("");
  return file;
}

Result<ProviderFilePage> file_page_of(const Json& object) {
  ProviderFilePage page;
  for (const Json& entry : TRY(array_field(object, "data"))) {
    if (!entry.is_object()) return fail(Code::corrupt, "the field 'data' has something in it that is no object");
    const OpenAiFile file = TRY(file_of(entry));
    std::string name = TRY(optional_string(entry, "filename")).value_or("");
    // Some servers do not know the filter.
    if (TRY(optional_string(entry, "purpose")).value_or("batch") != "batch") name.clear();
    page.files.push_back({.id = file.id, .name = std::move(name), .bytes = file.bytes.value_or(0)});
  }
  page.has_more = TRY(optional_bool(object, "has_more")).value_or(false);
  return page;
}

Result<std::vector<float>> vector_of(const Json& embedding) {
  std::vector<float> vector;
  if (embedding.is_string()) {
    const auto& text = embedding.get_ref<const std::string&>();
    const auto bytes = base64_size(text);
    if (!bytes || *bytes % sizeof(float) != 0) return fail(Code::corrupt, "a vector is no base64 of 32-bit floats");
    vector.resize(*bytes / sizeof(float));
    if (!read_base64(text, std::as_writable_bytes(std::span(vector)))) {
      return fail(Code::corrupt, "a vector is no base64 of 32-bit floats");
    }
    return vector;
  }
  if (!embedding.is_array()) return fail(Code::corrupt, "a vector is neither a list of numbers nor base64");
  vector.reserve(embedding.size());
  for (const Json& number : embedding) {
    if (!number.is_number()) return fail(Code::corrupt, "a vector has something in it that is no number");
    vector.push_back(static_cast<float>(number.get<double>()));
  }
  return vector;
}

Result<void> check_vector(const std::vector<float>& vector, std::size_t dimensions) {
  if (vector.size() != dimensions) {
    return fail(Code::corrupt, "a vector has {} numbers, not {}", vector.size(), dimensions);
  }
  bool has_length = false;
  for (const float number : vector) {
    if (!std::isfinite(number)) return fail(Code::corrupt, "a vector has NaN or infinity in it");
    has_length = has_length || number != 0;
  }
  if (!has_length) return fail(Code::corrupt, "a vector has length zero");
  return {};
}

Result<std::vector<std::vector<float>>> vectors_of(const Json& object, std::size_t texts, std::size_t dimensions) {
  const Json* const data = find_field(object, "data");
  if (data == nullptr || !data->is_array()) return fail(Code::corrupt, "the field 'data' is no list");
  if (data->size() != texts) return fail(Code::corrupt, "there are {} vectors for {} texts", data->size(), texts);
  std::vector<std::vector<float>> vectors(texts);
  for (const Json& entry : *data) {
    if (!entry.is_object()) return fail(Code::corrupt, "the field 'data' has something in it that is no object");
    const std::int64_t index = TRY(int_field(entry, "index"));
    if (index < 0 || static_cast<std::size_t>(index) >= texts) {
      return fail(Code::corrupt, "there is a vector of text {}, but there are {} texts", index, texts);
    }
    std::vector<float>& vector = vectors[static_cast<std::size_t>(index)];
    if (!vector.empty()) return fail(Code::corrupt, "there are two vectors of text {}", index);
    const Json* const embedding = find_field(entry, "embedding");
    if (embedding == nullptr) return fail(Code::corrupt, "there is no vector of text {}", index);
    vector = TRY(vector_of(*embedding));
    TRY(check_vector(vector, dimensions));
  }
  return vectors;
}

/// A text, or a number as some servers give codes.
std::string text_of(const Json& object, std::string_view name) {
  const Json* const value = find_field(object, name);
  if (value == nullptr) return "";
  if (value->is_string()) return value->get<std::string>();
  return value->is_number() ? to_text(*value) : "";
}

OpenAiFailure failure_of(const Json& object) {
  return {.message = text_of(object, "message"),
          .type = text_of(object, "type"),
          .code = text_of(object, "code"),
          .param = text_of(object, "param")};
}

}  // namespace

Result<ProviderBatch> parse_batch_answer(std::string_view body) {
  const auto parse = [&]() -> Result<ProviderBatch> { return batch_of(TRY(parse_object(body))); };
  return as_corrupt(parse(), "the answer is no batch");
}

Result<ProviderBatchPage> parse_batch_list(std::string_view body) {
  const auto parse = [&]() -> Result<ProviderBatchPage> { return page_of(TRY(parse_object(body))); };
  return as_corrupt(parse(), "the answer is no list of batches");
}

Result<OpenAiFile> parse_file_answer(std::string_view body) {
  const auto parse = [&]() -> Result<OpenAiFile> { return file_of(TRY(parse_object(body))); };
  return as_corrupt(parse(), "the answer is no file");
}

Result<ProviderFilePage> parse_file_list(std::string_view body) {
  const auto parse = [&]() -> Result<ProviderFilePage> { return file_page_of(TRY(parse_object(body))); };
  return as_corrupt(parse(), "the answer is no list of files");
}

Result<std::vector<std::vector<float>>> parse_embeddings(std::string_view body, std::size_t texts,
                                                         std::size_t dimensions) {
  const auto parse = [&]() -> Result<std::vector<std::vector<float>>> {
    const Json object = TRY(parse_object(body));
    return vectors_of(object, texts, dimensions);
  };
  return as_corrupt(parse(), "the answer has no vectors");
}

std::optional<OpenAiFailure> parse_failure(std::string_view body) {
  const auto json = parse_json(body, "the body");
  if (!json || !json->is_object()) return std::nullopt;
  if (const Json* const error = find_field(*json, "error")) {
    if (error->is_object()) return failure_of(*error);
    if (error->is_string()) return OpenAiFailure{.message = error->get<std::string>()};
  }
  OpenAiFailure failure = failure_of(*json);
  if (failure.message.empty()) failure.message = text_of(*json, "detail");
  if (failure.message.empty()) return std::nullopt;
  return failure;
}

}  // namespace tillite
